"""Draws a model into a file, whose name says in which form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opt_tool.api.file_format import FileFormat
from opt_tool.api.json_form import to_json
from opt_tool.api.loading import LoadedModel, load_model
from opt_tool.api.lowering import lower, parse_target
from opt_tool.api.output_file import check_output, write_text
from opt_tool.api.visualization.dot import dot_text, svg_text
from opt_tool.api.visualization.drawing import Drawing, draw
from opt_tool.api.visualization.page import page_text
from opt_tool.api.written_for import target_of
from opt_tool.errors import UsageError
from opt_tool.targets import LiteVersion, Target

PAGES = (".html", ".htm")


@dataclass(frozen=True, slots=True)
class VisualizationReport:
    """What was drawn; inputs and outputs of the graph count as nodes."""

    path: str
    output: str
    format: str
    nodes: int
    arrows: int
    bytes: int

    def to_json(self) -> str:
        return to_json(self)


def visualize(
    model: str | Path,
    output: str | Path,
    weights: str | Path | None = None,
    *,
    target: str | None = None,
    lite_version: str = "2.13",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
) -> VisualizationReport:
    """Draw a model.

    Args:
        model: A model of any format that opt reads.
        output: The file to write, ``.html``, ``.svg`` or ``.dot``.
        weights: The second file of formats that have two.
        target: ``arm`` or ``x86`` to draw the graph as it would be written for it; by
            default it is drawn as it is in the file.
        lite_version: The Paddle Lite version that the kernels are chosen for.
        input_shapes: Shapes that take the place of those in the model, by input name.

    Raises:
        OptError: one of its subclasses, each of which says what can be done.
    """
    path = Path(output)
    files = tuple(Path(file) for file in (model, weights) if file is not None)
    check_drawing(path, files)
    version = LiteVersion.parse(lite_version)
    loaded = load_model(model, weights, input_shapes=input_shapes)
    if target is not None:
        lower(loaded.graph, target, lite_version)
    drawing = draw(
        loaded.graph, loaded.files[0].name, target=_target(loaded, target), version=version
    )
    write_drawings(path, (drawing,))
    return VisualizationReport(
        path=str(loaded.files[0]),
        output=str(path),
        format=path.suffix.lower().removeprefix("."),
        nodes=len(drawing.boxes),
        arrows=len(drawing.arrows),
        bytes=path.stat().st_size,
    )


def _target(loaded: LoadedModel, target: str | None) -> Target | None:
    """What the kernels of a drawn graph are for; None where it has none."""
    if target is not None:
        return parse_target(target)
    return target_of(loaded.graph) if loaded.format is FileFormat.PADDLE_LITE else None


def check_drawing(path: Path, inputs: Iterable[Path], *, pages_only: bool = False) -> None:
    """Find out before the work whether a drawing can be written.

    Raises:
        UsageError: when the name says no form.
        FileAccessError: when the file cannot be written there.
    """
    forms = PAGES if pages_only else (*PAGES, *PICTURES)
    if path.suffix.lower() not in forms:
        raise UsageError(f"{path}: must end in {', '.join(forms)}")
    check_output(path, inputs)


def write_drawings(path: Path, drawings: Sequence[Drawing]) -> None:
    """Write one drawing in the form that the name says, or two to one page."""
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        (drawing,) = drawings
        text = PICTURES[suffix](drawing)
    else:
        text = page_text(drawings)
    write_text(path, text)


PICTURES: Mapping[str, Callable[[Drawing], str]] = {".svg": svg_text, ".dot": dot_text}
