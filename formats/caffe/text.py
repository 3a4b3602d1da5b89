"""Parses networks as text: strictly where it matters, with the place of each mistake.

Forks of Caffe have added parameters without end, most of them for training. A parser that
skips what it does not know would skip misspelt kernel sizes too. So a light scan finds the
fields first; what only training reads, and what belongs to layers that cannot be read
anyway, is blanked out; the rest is parsed against the schema, and a field that it does not
have is an error with its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format

from opt_tool.errors import DamagedFileError, UnsupportedError
from opt_tool.formats.caffe import caffe_pb2

SIZE_LIMIT = 64 * 1024 * 1024
"""A text of more bytes than this holds weights, or is no network."""

DEPTH_LIMIT = 16
"""Messages in the schema are nested less deeply."""

TOKEN = re.compile(
    r"""\#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}<>\[\]:,;]|[^\s{}<>\[\]:,;\#"']+"""
)

OPENING, CLOSING = "{<", "}>"
LAYER_FIELDS = frozenset({"layer", "layers"})

TRAINING_FIELDS = frozenset(
    {
        "accuracy_param",
        "annotated_data_param",
        "blob_share_mode",
        "blobs_lr",
        "contrastive_loss_param",
        "data_param",
        "debug_info",
        "decay_mult",
        "detection_evaluate_param",
        "device",
        "engine",
        "force_backward",
        "hdf5_data_param",
        "hdf5_output_param",
        "hinge_loss_param",
        "image_data_param",
        "infogain_loss_param",
        "loss_param",
        "loss_weight",
        "lr_mult",
        "moving_average_fraction",
        "multibox_loss_param",
        "propagate_down",
        "save_file",
        "save_output_param",
        "share_mode",
        "smooth_l1_loss_param",
        "stable_prod_grad",
        "transform_param",
        "video_data_param",
        "visualize",
        "visualize_threshold",
        "weight_decay",
        "window_data_param",
    }
)
"""Fields that a deployed network does not depend on, wherever they stand; fillers are others."""

OUTLINE_FIELDS = frozenset(
    {"name", "type", "bottom", "top", "phase", "include", "exclude", "param"}
)
"""What is kept of a layer that cannot be read."""


@dataclass(slots=True)
class TextField:
    """A field of the text: where it begins and ends, and what it holds."""

    name: str
    start: int
    end: int = 0
    value: str = ""
    children: list[TextField] = field(default_factory=list)

    def first(self, name: str) -> TextField | None:
        return next((child for child in self.children if child.name == name), None)


def parse_network(
    path: Path, data: bytes, is_read: Callable[[str], bool]
) -> caffe_pb2.NetParameter:
    """Parse a network.

    Args:
        path: The file, for messages.
        data: Its bytes.
        is_read: Whether the parameters of layers of a type are read.

    Raises:
        DamagedFileError: with line and column, when the text does not follow the schema.
        UnsupportedError: when its layers are of the oldest generation.
    """
    if len(data) > SIZE_LIMIT:
        raise DamagedFileError(
            path, f"{len(data)} bytes of text; a network has at most {SIZE_LIMIT}"
        )
    text = _decoded(data)
    fields = outline(text)
    _refuse_oldest(path, fields)
    message = caffe_pb2.NetParameter()
    try:
        text_format.Parse(_blanked(text, _ignored(fields, is_read)), message)
    except text_format.ParseError as error:
        raise DamagedFileError(path, _located(error)) from error
    return message


def _decoded(data: bytes) -> str:
    """The text; letters beyond ASCII stand in comments and names only."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _located(error: text_format.ParseError) -> str:
    fact = re.sub(r"^\d+:\d+ : ('.*': )?", "", str(error)).replace("opt_tool.caffe.", "")
    if error.GetLine() is None:
        return fact
    return f"line {error.GetLine()}, column {error.GetColumn()}: {fact}"


# ---- the light scan


def outline(text: str) -> list[TextField]:
    """The fields of a text with those inside of them, as far as brackets are balanced."""
    root = TextField("", 0)
    open_fields, current, awaits_value = [root], root, False
    tokens = _tokens(text)
    for token, start, end in tokens:
        if token in CLOSING:
            if len(open_fields) == 1:
                break
            open_fields.pop().end = end
        elif token in OPENING:
            if current is root or len(open_fields) > DEPTH_LIMIT:
                break
            open_fields.append(current)
        elif token == "[":
            _skip_list(tokens, current)
        elif awaits_value or token[0] in "\"'":
            current.value, current.end = token.strip("\"'"), end
        elif token not in ":,;":
            current = TextField(token, start, end)
            open_fields[-1].children.append(current)
        awaits_value = token == ":"
    return root.children


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    for match in TOKEN.finditer(text):
        if not match[0].startswith("#"):
            yield match[0], match.start(), match.end()


def _skip_list(tokens: Iterator[tuple[str, int, int]], current: TextField) -> None:
    """Go on behind the end of a list, which belongs to the field before it."""
    depth = 1
    for token, _, end in tokens:
        depth += (token == "[") - (token == "]")
        if depth == 0:
            current.value, current.end = "[]", end
            return


def _refuse_oldest(path: Path, fields: Sequence[TextField]) -> None:
    for layer in fields:
        if layer.name == "layers" and layer.first("layer") is not None:
            raise oldest_generation(path)


def oldest_generation(path: Path) -> UnsupportedError:
    """The error that refuses a file of the time before V1."""
    return UnsupportedError(
        f"{path}: its layers are of Caffe's oldest generation (a `layer` inside of each "
        "`layers`); Caffe's own tools upgrade them: `upgrade_net_proto_text OLD NEW` for "
        "networks, `upgrade_net_proto_binary OLD NEW` for weights"
    )


# ---- what is left out


def _ignored(fields: Sequence[TextField], is_read: Callable[[str], bool]) -> Iterator[TextField]:
    """The fields that are not parsed."""
    for item in fields:
        if item.name in TRAINING_FIELDS or item.name.endswith("filler"):
            yield item
        elif item.name in LAYER_FIELDS and not _keeps(item, is_read):
            yield from (child for child in item.children if child.name not in OUTLINE_FIELDS)
            yield from _ignored([c for c in item.children if c.name in OUTLINE_FIELDS], is_read)
        else:
            yield from _ignored(item.children, is_read)


def _keeps(layer: TextField, is_read: Callable[[str], bool]) -> bool:
    kind = layer.first("type")
    return kind is None or layer.name == "layers" or is_read(kind.value)


def _blanked(text: str, ignored: Iterator[TextField]) -> str:
    """The text with spaces in the place of some fields; lines and columns stay."""
    parts, position = [], 0
    for item in ignored:
        parts.append(text[position : item.start])
        parts.append(re.sub(r"[^\n]", " ", text[item.start : item.end]))
        position = item.end
    parts.append(text[position:])
    return "".join(parts)
