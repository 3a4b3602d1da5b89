"""The options that name a folder of samples and say what is done to the pictures in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opt_tool.cli import options

if TYPE_CHECKING:
    from opt_tool.api.picture_files import Preprocessing

LAYOUTS = ("nchw", "nhwc")
COLORS = ("rgb", "bgr", "gray")

F = TypeVar("F", bound=Callable[..., Any])  # a command, whatever its options are


class NumbersType(click.ParamType):  # type: ignore[type-arg]  # only click 8.5 has any
    """``123.7,116.3,103.5``: a number, or one for each channel."""

    name = "NUMBERS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(number) for number in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not of the form 104,117,123", param, ctx)


OPTIONS = (
    click.option(
        "--samples", type=options.FILE, metavar="DIR",
        help="A folder of .npy, .npz and picture files to run the models on.",
    ),
    click.option(
        "--mean", type=NumbersType(), default="0", show_default=True,
        help="What is subtracted from pixels of 0 to 255.",
    ),
    click.option(
        "--std", type=NumbersType(), default="255", show_default=True,
        help="What pixels are divided by then.",
    ),
    click.option(
        "--layout", type=click.Choice(LAYOUTS),
        help="Where the input has its channels; found by its shape.",
    ),
    click.option(
        "--color", type=click.Choice(COLORS),
        help="The order of colours; rgb, gray for one channel.",
    ),
)  # fmt: skip


def sample_options(command: F) -> F:
    """All of them, for a command that takes them as keyword arguments."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def preprocessing_of(given: dict[str, Any]) -> Preprocessing:
    """What the library takes."""
    from opt_tool.api.picture_files import Preprocessing

    return Preprocessing(given["mean"], given["std"], given["layout"], given["color"])
