from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from caffe_models import CaffeModel, make_model, random_blobs

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = ("auto_transformer.sh", "auto_transform.sh")


@pytest.fixture
def model(tmp_path: Path) -> CaffeModel:
    layer = (
        'name: "c" type: "Convolution" bottom: "x" top: "c" '
        "convolution_param { num_output: 4 kernel_size: 3 }"
    )
    blobs = {"c": random_blobs((4, 3, 3, 3), (4,))}
    return make_model(tmp_path, {"x": (1, 3, 9, 9)}, [layer], blobs)


def run(
    *arguments: str, name: str = NAMES[0], locale: str = "C.UTF-8", folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    opt = str(Path(sys.executable).parent / "opt")
    environment = {**os.environ, "OPT": opt, "LC_ALL": locale}
    return subprocess.run(
        [str(SCRIPTS / name), *arguments],
        capture_output=True, text=True, encoding="utf-8", check=False, env=environment, cwd=folder,
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_converts_caffe_with_upstreams_flags(model: CaffeModel, tmp_path: Path, name: str) -> None:
    out = tmp_path / "new" / "net"
    result = run(
        "--framework=caffe", f"--prototxt={model.prototxt}", f"--weight={model.caffemodel}",
        "--valid_targets=arm", f"--optimize_out={out}", name=name,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert out.with_suffix(".nb").stat().st_size > 0


def test_takes_values_after_a_space_and_a_folder(model: CaffeModel, tmp_path: Path) -> None:
    result = run(
        "--framework", "caffe", "--prototxt", str(model.prototxt),
        "--weight", str(model.caffemodel), "--fluid_save_dir", str(tmp_path / "out"),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "model.nb").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "caffe needs --prototxt and --weight"),
        (["--framework=mxnet"], "'mxnet' is not caffe, onnx, tensorflow or tflite"),
        (["--framework=tensorflow"], "tensorflow needs --model"),
        (["--framework=caffe", "--prototxt=a"], "needs --prototxt and --weight"),
        (["--framework=onnx"], "onnx needs --model"),
        (["--help=fr"], "the help is in en and zh"),
        (["--framework=onnx", "--model=a", "--optimize_out=b", "--valid_targets=npu"], "'npu'"),
        (["--quant"], "there is no flag '--quant'"),
        (["--model"], "--model needs a value"),
        (
            ["--framework=onnx", "--model=a", "--optimize_out=b", "--quant_model=yes"],
            "'yes' is not true or false",
        ),
    ],
)
def test_says_what_is_wrong(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert words in result.stderr


def test_writes_where_upstreams_script_does_by_default(model: CaffeModel) -> None:
    result = run(
        f"--prototxt={model.prototxt}", f"--weight={model.caffemodel}", folder=model.prototxt.parent
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (model.prototxt.parent / "lite_opt_dir.nb").is_file()


def test_quantizes_as_opt_does(model: CaffeModel, tmp_path: Path) -> None:
    sizes = {}
    for kind in ("QUANT_INT8", "QUANT_INT16"):
        result = run(
            "--framework=caffe", f"--prototxt={model.prototxt}", f"--weight={model.caffemodel}",
            f"--optimize_out={tmp_path / kind}", "--quant_model=true", f"--quant_type={kind}",
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        sizes[kind] = (tmp_path / f"{kind}.nb").stat().st_size
    assert sizes["QUANT_INT8"] < sizes["QUANT_INT16"]


FLAGS = (
    "--framework", "--model", "--prototxt", "--weight", "--fluid_save_dir", "--valid_targets",
    "--optimize_out", "--quant_model", "--quant_type", "--help",
)  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "locale", "word"),
    [
        (["--help"], "C.UTF-8", "Convert a model"),
        (["--help"], "zh_CN.UTF-8", "将模型转换为"),
        (["--help=zh"], "C.UTF-8", "将模型转换为"),
        (["--help=en"], "zh_CN.UTF-8", "Convert a model"),
        (["-h"], "de_DE.UTF-8", "Convert a model"),
    ],
)
def test_explains_every_flag_in_both_languages(
    arguments: list[str], locale: str, word: str
) -> None:
    result = run(*arguments, locale=locale)
    assert result.returncode == 0
    assert result.stdout.startswith(word)
    for flag in FLAGS:
        assert f"  {flag}" in result.stdout
