from __future__ import annotations

from pathlib import Path

import pytest

from opt_tool.errors import DamagedFileError
from opt_tool.formats import caffe
from opt_tool.formats.caffe.caffe_pb2 import NetParameter
from opt_tool.formats.caffe.file import load_weights
from small_caffe_models import PROTOTXT, small_model


def test_two_inputs_of_one_name_are_damage(tmp_path: Path) -> None:
    prototxt, caffemodel = small_model(tmp_path)
    again = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 } } }'
    prototxt.write_text(PROTOTXT.replace("layer {", f"{again}\nlayer {{", 1), encoding="utf-8")
    with pytest.raises(DamagedFileError, match="two inputs are called 'data'"):
        caffe.read(prototxt, caffemodel)


def test_a_layer_without_a_top_is_damage_even_if_nothing_needs_it(tmp_path: Path) -> None:
    prototxt, caffemodel = small_model(tmp_path)
    idle = 'layer { name: "idle" type: "ReLU" bottom: "data" }'
    prototxt.write_text(f"{PROTOTXT}\n{idle}", encoding="utf-8")
    with pytest.raises(DamagedFileError, match="'idle' \\(ReLU\\) has no top"):
        caffe.read(prototxt, caffemodel)


def test_names_of_old_weights_that_are_no_texts_are_damage(tmp_path: Path) -> None:
    weights = NetParameter()
    weights.layers.add(name="conv", bottom=["a_name"])
    path = tmp_path / "old.caffemodel"
    path.write_bytes(weights.SerializeToString().replace(b"a_name", b"a\x91name"))
    with pytest.raises(DamagedFileError, match="not UTF-8"):
        load_weights(path)
