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


def run(*arguments: str, name: str = NAMES[0]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OPT": str(Path(sys.executable).parent / "opt")}
    return subprocess.run(
        [str(SCRIPTS / name), *arguments],
        capture_output=True, text=True, check=False, env=environment,
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
        ([], "--framework is missing"),
        (["--framework=mxnet"], "'mxnet' is not onnx or caffe"),
        (["--framework=caffe", "--prototxt=a"], "needs --prototxt and --weight"),
        (["--framework=onnx"], "onnx needs --model"),
        (["--framework=onnx", "--model=a"], "--optimize_out is missing"),
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


def test_explains_itself() -> None:
    result = run("--help")
    assert result.returncode == 0
    for flag in ("--framework", "--prototxt", "--weight", "--optimize_out", "--quant_type"):
        assert flag in result.stdout
