"""A Caffe model's two files are taken wherever a model is."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import opt_tool
from caffe_models import blob
from command_line import opt, opt_json
from opt_tool.api import caffe_runner
from opt_tool.formats.caffe.caffe_pb2 import NetParameter
from small_caffe_models import small_model
from small_models import classifier

Pair = tuple[Path, Path]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return small_model(tmp_path)


@pytest.fixture
def nb(tmp_path: Path, pair: Pair) -> Path:
    path = tmp_path / "net.nb"
    opt_tool.convert(pair[0], path, pair[1], target="x86", verify=False)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.npy"
    np.save(path, np.random.default_rng(1).standard_normal((1, 3, 9, 8)).astype(np.float32))
    return path


COMMANDS = [
    ("bench", "--repeat", "2"),
    ("inspect",),
    ("inspect", "--target", "arm"),
    ("list-ops",),
    ("run", "--input", "image.npy", "--output-dir", "out"),
    ("convert", "-o", "new.nb"),
    ("quantize", "-o", "new.nb", "--no-calib", "--min-sqnr", "0"),
]


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_take_both_files_in_any_order(
    tmp_path: Path,
    pair: Pair,
    command: tuple[str, ...],
    backwards: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = pair[::-1] if backwards else pair
    name, *arguments = command
    result = opt(name, *files, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    assert "error" not in json.loads(result.stdout)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_ask_for_the_other_file(
    tmp_path: Path,
    pair: Pair,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *arguments = command
    result = opt(name, pair[0], *arguments)
    assert result.exit_code == 2
    assert f"`{pair[0]} WEIGHTS.caffemodel`" in result.stderr
    result = opt(name, pair[1], *arguments)
    assert result.exit_code == 2
    assert f"`NETWORK.prototxt {pair[1]}`" in result.stderr


def test_backends_compute_the_same(tmp_path: Path, pair: Pair, nb: Path, image: Path) -> None:
    results: list[np.ndarray] = []
    for backend, *files in (("numpy", *pair), ("opencv", *pair), ("numpy", nb)):
        folder = tmp_path / str(len(results))
        data = opt_json(
            *("run", *files, "--input", image, "--output-dir", folder, "--backend", backend)
        )
        assert data["backend"] == backend
        results.append(np.load(folder / "pool.npy"))
    assert np.abs(results[0]).max() > 0.1
    for one, other in itertools.pairwise(results):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_a_session_takes_both_files(pair: Pair, image: Path) -> None:
    feeds = {"data": np.load(image)}
    ours = opt_tool.Session(*pair).run(feeds)["pool"]
    theirs = opt_tool.Session(*pair[::-1], backend="opencv").run(feeds)["pool"]
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_bench_measures_against_opencv(pair: Pair) -> None:
    data = opt_json("bench", *pair, "--repeat", 2, "--per-op", "--against", "opencv")
    assert data["against"]["backend"] == "opencv"
    assert data["ratio"] > 0
    assert opt_tool.bench(*pair, repeat=1).path == str(pair[0])


@pytest.mark.parametrize("backend", ["litert", "onnxruntime", "paddlelite"])
def test_backends_of_other_formats_refuse_it(pair: Pair, tmp_path: Path, backend: str) -> None:
    result = opt("run", *pair, "--output-dir", tmp_path, "--backend", backend)
    assert result.exit_code == 2
    assert "deploy.prototxt: " in result.stderr
    assert " only" in result.stderr


def test_opencv_refuses_other_formats_and_says_what_is_missing(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = classifier(tmp_path / "model.onnx")
    with pytest.raises(opt_tool.UsageError, match="OpenCV runs Caffe models only"):
        opt_tool.Session(onnx, backend="opencv")
    monkeypatch.setattr(caffe_runner, "has_opencv", lambda: False)
    with pytest.raises(opt_tool.UnsupportedError, match="pip install 'opt-tool"):
        opt_tool.Session(*pair, backend="opencv")


# ---- verify


def other_weights(path: Path) -> Path:
    """The weights of the small model, other numbers."""
    rng = np.random.default_rng(7)
    message = NetParameter()
    blobs = [blob(rng.standard_normal(shape).astype(np.float32)) for shape in ((4, 3, 3, 3), (4,))]
    message.layer.add(name="conv", blobs=blobs)
    path.write_bytes(message.SerializeToString())
    return path


@pytest.mark.parametrize("per_layer", [(), ("--per-layer",)], ids=str)
def test_verify_compares_it_with_its_file(
    pair: Pair, nb: Path, image: Path, per_layer: tuple[str, ...]
) -> None:
    for files in ((*pair, nb), (*pair[::-1], nb), (nb, *pair), (*pair, *pair)):
        result = opt("verify", *files, *per_layer)
        assert result.exit_code == 0, result.stderr
    assert opt("verify", *pair, nb, "--input", image).exit_code == 0
    layers = opt_json("verify", *pair, nb, *per_layer)["layers"]
    assert [layer["op"] for layer in layers] == (["conv2d", "pool2d"] if per_layer else [])


def test_verify_finds_other_weights(tmp_path: Path, pair: Pair, nb: Path) -> None:
    other = other_weights(tmp_path / "other.caffemodel")
    for files in ((pair[0], other, nb), (nb, other, pair[0]), (*pair, pair[0], other)):
        data = opt_json("verify", *files)
        assert data["status"] == "failed"


@pytest.mark.parametrize("count", [1, 3])
def test_verify_wants_two_models(tmp_path: Path, count: int) -> None:
    files = [classifier(tmp_path / f"{number}.onnx") for number in range(count)]
    result = opt("verify", *files)
    assert result.exit_code == 2
    assert f"there must be two models, found {count}" in result.stderr
    assert opt("verify", *files, "--json").exit_code == 2
