"""Real models converted once for a whole test session, whichever worker asks first."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import opt_tool
from real_models import RealModel


@dataclass(frozen=True)
class Conversion:
    """A converted model.

    Attributes:
        nb: The file.
        status: What the verification said.
        ops: How many operators the file has, feeds and fetches not counted.
    """

    nb: Path
    status: str
    ops: int


class Conversions:
    """A folder of conversions, with one lock for each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def of(
        self,
        model: RealModel,
        target: str,
        *,
        lite_version: str = "2.13",
        outputs: Sequence[str] = (),
    ) -> Conversion:
        """The model for the target; with ``outputs``, cut at these tensors.

        A cut model is not verified: it is the whole one's inner tensors that are asked for.
        """
        cut = "-cut" if outputs else ""
        nb = self._folder / f"{model.name}-{target}-{lite_version}{cut}.nb"
        record = nb.with_suffix(".json")
        with _locked(nb.with_suffix(".lock")):
            if not record.is_file():
                report = opt_tool.convert(
                    model.path,
                    nb,
                    target=target,
                    lite_version=lite_version,
                    input_shapes={model.input_name: model.shape},
                    outputs=list(outputs),
                    verify=not outputs,
                )
                record.write_text(
                    json.dumps({"status": report.verification.status, "ops": report.output.ops})
                )
        return Conversion(nb=nb, **json.loads(record.read_text()))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
