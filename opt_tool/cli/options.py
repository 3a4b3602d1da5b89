"""The options and arguments that several commands have, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

TARGETS = ("arm", "x86")
LITE_VERSIONS = ("2.8", "2.9", "2.10", "2.11", "2.12", "2.13")
CONV_ALGORITHMS = ("direct", "im2col", "winograd23", "winograd43", "winograd63")
CONV_POLICIES = ("cost", "paddle-lite")
FILE = click.Path(path_type=Path)  # whether it is there is said with its own exit code

F = TypeVar("F", bound=Callable[..., Any])  # a command, whatever its options are


class ShapeType(click.ParamType):  # type: ignore[type-arg]  # only click 8.5 has any
    """``NAME=1,3,224,224``: an input and its shape."""

    name = "NAME=SHAPE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        if isinstance(value, tuple):
            return value
        name, separator, text = str(value).rpartition("=")
        numbers = text.replace("x", ",").split(",")
        if not separator or not name or not all(number.strip().isdigit() for number in numbers):
            self.fail(f"{value!r} is not of the form NAME=1,3,224,224", param, ctx)
        shape = tuple(int(number) for number in numbers)
        if 0 in shape:
            self.fail(f"{value!r} has a dimension of 0", param, ctx)
        return name, shape


class NamedFileType(click.ParamType):  # type: ignore[type-arg]  # likewise
    """``NAME=file.npy``, or only the file where the model has one input."""

    name = "NAME=FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Path]:
        if isinstance(value, tuple):
            return value
        name, _, file = str(value).rpartition("=")
        if not file:
            self.fail(f"{value!r} is not of the form NAME=file.npy", param, ctx)
        return name, Path(file)


class NamedValueType(click.ParamType):  # type: ignore[type-arg]  # likewise
    """``NAME=1,2.5`` or ``NAME=file.npy``: what an input always is."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[float, ...] | Path]:
        if isinstance(value, tuple):
            return value
        name, separator, text = str(value).rpartition("=")
        if not separator or not name or not text:
            self.fail(f"{value!r} is not of the form NAME=1,2.5 or NAME=file.npy", param, ctx)
        if text.endswith(".npy"):
            return name, Path(text)
        try:
            return name, tuple(float(number) for number in text.split(","))
        except ValueError:
            self.fail(f"{value!r} holds something that is not a number", param, ctx)


def unique(
    ctx: click.Context, param: click.Parameter, pairs: Sequence[tuple[str, Any]]
) -> dict[str, Any]:
    """Pairs as a dictionary; refuses a name that is given twice."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice", ctx, param)
        found[name] = value
    return found


def model_arguments(name: str = "model", *, required: bool = True) -> Callable[[F], F]:
    """The file of a model, and the second one that Caffe's models have, in either order."""

    def decorate(command: F) -> F:
        weights = click.argument("weights", type=FILE, required=False)
        return click.argument(name, type=FILE, required=required)(weights(command))

    return decorate


def target_option(**options: Any) -> Callable[[F], F]:  # click's own options
    """Which target; ``options`` say whether there is a default."""
    help = "The kind of processor that runs the file."
    return click.option("--target", type=click.Choice(TARGETS), help=help, **options)


library_option = click.option(
    "--library",
    type=click.Choice(["basic", "with_extra"]),
    default="with_extra",
    show_default=True,
    help="The build of the runtime that the device has.",
)

lite_version_option = click.option(
    "--lite-version",
    default=LITE_VERSIONS[-1],
    show_default=True,
    metavar="VERSION",
    help=f"The Paddle Lite version of the runtime: {', '.join(LITE_VERSIONS)}.",
)

input_shape_option = click.option(
    "--input-shape",
    "input_shapes",
    type=ShapeType(),
    multiple=True,
    callback=unique,
    help="Fix the shape of an input; may be given for several.",
)

input_value_option = click.option(
    "--input-value",
    "input_values",
    type=NamedValueType(),
    multiple=True,
    callback=unique,
    help="Make an input of an ONNX model a constant; may be given for several.",
)

external_data_option = click.option(
    "--external-data",
    type=FILE,
    metavar="DIR",
    help="Weights of an ONNX model may lie here.",
)

outputs_option = click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="NAME",
    help="Compute this tensor instead of the model's outputs; may be given for several.",
)

conv_algorithm_option = click.option(
    "--conv-algorithm",
    type=click.Choice(CONV_ALGORITHMS),
    help="Compute all convolutions so that can be; 1x1 and depthwise ones have one way only.",
)

conv_policy_option = click.option(
    "--conv-policy",
    type=click.Choice(CONV_POLICIES),
    default=CONV_POLICIES[0],
    show_default=True,
    help="How an algorithm is chosen for the others: by estimated cost or by Paddle Lite's rule.",
)

input_option = click.option(
    "--input",
    "inputs",
    type=NamedFileType(),
    multiple=True,
    callback=unique,
    help="An input as a NumPy file; the name may be left out where there is one input.",
)

threads_option = click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many threads the backend uses.",
)
