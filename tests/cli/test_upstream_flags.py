from __future__ import annotations

from pathlib import Path

import pytest

from command_line import opt
from opt_tool.cli.upstream_flags import SWITCHES, VALUES, is_upstream, modern_arguments
from opt_tool.errors import OptError, UnsupportedError, UsageError
from small_models import classifier

MODEL = "--model_file=a.onnx"
CASES = [
    (f"{MODEL} --optimize_out=b", "convert a.onnx -o b.nb --target arm"),
    (f"{MODEL} --optimize_out=b.nb --valid_targets=x86", "convert a.onnx -o b.nb --target x86"),
    (f"{MODEL} --optimize_out=b --valid_targets=arm,host", "convert a.onnx -o b.nb --target arm"),
    (
        f"{MODEL} --optimize_out=b --quant_model=true",
        "convert a.onnx -o b.nb --quantize int16 --target arm",
    ),
    (
        f"{MODEL} --optimize_out=b --quant_model --quant_type=QUANT_INT8",
        "convert a.onnx -o b.nb --quantize int8 --target arm",
    ),
    (
        f"{MODEL} --optimize_out=b --quant_model=false --quant_type=QUANT_INT8",
        "convert a.onnx -o b.nb --target arm",
    ),
    (
        "--model_file a.prototxt --param_file a.caffemodel --optimize_out b",
        "convert a.prototxt a.caffemodel -o b.nb --target arm",
    ),
    ("--model_dir=folder --optimize_out=b", "convert folder -o b.nb --target arm"),
    (f"{MODEL} --optimize_out=b --enable_fp16=false --sparse_model=0 --sparse_threshold=0.6",
     "convert a.onnx -o b.nb --target arm"),
    (f"{MODEL} --optimize_out=b --dry-run -q", "convert a.onnx -o b.nb --target arm --dry-run -q"),
    (f"--print_model_ops=true {MODEL} --valid_targets=x86", "list-ops a.onnx --target x86"),
    ("--print_supported_ops=true --valid_targets=x86", "list-ops --supported --target x86"),
    ("--print_all_ops=true --json", "list-ops --supported --json"),
    ("--optimized_nb_model_path=a.nb --visualization_file_output_path=g.svg",
     "visualize a.nb -o g.svg"),
    ("--optimized_nb_model_path=a.nb --visualization_file_output_path=out",
     "visualize a.nb -o out.html"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), CASES, ids=[old for old, _ in CASES])
def test_says_the_same_in_the_words_of_this_opt(old: str, new: str) -> None:
    assert modern_arguments(old.split()) == new.split()


@pytest.mark.parametrize(
    ("old", "error", "fact"),
    [
        ("--optimize_out=b", UsageError, "--model_file is missing"),
        (MODEL, UsageError, "--optimize_out is missing"),
        (f"{MODEL} --optimize_out", UsageError, "--optimize_out needs a value"),
        (f"{MODEL} --optimize_out=b --quant_model=perhaps", UsageError, "true or false"),
        (
            f"{MODEL} --optimize_out=b --quant_model=true --quant_type=QUANT_INT4",
            UsageError,
            "QUANT_INT8, QUANT_INT16",
        ),
        (
            f"{MODEL} --optimize_out=b --optimize_out_type=protobuf",
            UnsupportedError,
            "naive_buffer",
        ),
        (f"{MODEL} --optimize_out=b --valid_targets=opencl", UnsupportedError, "one of arm, x86"),
        (f"{MODEL} --optimize_out=b --valid_targets=arm,x86", UnsupportedError, "one of arm, x86"),
        (f"{MODEL} --optimize_out=b --enable_fp16=true", UnsupportedError, "--quantize int16"),
        (f"{MODEL} --optimize_out=b --sparse_model=true", UnsupportedError, "leave the flag out"),
        ("--model_set_dir=folder --optimize_out=b", UnsupportedError, "-d OUT_DIR"),
        (f"{MODEL} --record_tailoring_info=true", UnsupportedError, "opt list-ops FILE.nb"),
    ],
)
def test_refuses_what_it_does_not_do(old: str, error: type[OptError], fact: str) -> None:
    with pytest.raises(error, match=fact):
        modern_arguments(old.split())


def test_only_upstreams_flags_are_taken_for_those() -> None:
    assert all(is_upstream([f"--{name}=1"]) for name in SWITCHES | VALUES)
    assert not any(is_upstream(line.split()) for line in ("convert a -o b", "--version", "-h", ""))


def test_the_command_line_shows_the_modern_words_and_does_it(tmp_path: Path) -> None:
    model = classifier(tmp_path / "model.onnx")
    result = opt(
        f"--model_file={model}", "--valid_targets=arm", f"--optimize_out={tmp_path / 'new'}",
        "--quant_model=true", "--quant_type=QUANT_INT8",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "new.nb").is_file()
    assert result.stderr.startswith(
        f"The same in this opt's words: opt convert {model} -o {tmp_path / 'new.nb'} "
        "--quantize int8 --target arm\n"
    )
    listed = opt("--print_model_ops=true", f"--model_file={tmp_path / 'new.nb'}")
    assert listed.exit_code == 0
    assert "all are supported on arm" in listed.stdout


def test_the_command_line_refuses_with_the_exit_code_of_the_error(tmp_path: Path) -> None:
    result = opt("--model_file=a.onnx", f"--optimize_out={tmp_path / 'b'}", "--enable_fp16=true")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: --enable_fp16: ")
    assert opt("--model_file=a.onnx").exit_code == 2
