"""The targets and the Paddle Lite versions that files can be made for."""

from __future__ import annotations

import enum
import functools
import re

from opt_tool.errors import UsageError


class Target(enum.Enum):
    """The kind of processor that runs the file."""

    ARM = "arm"
    X86 = "x86"


@functools.total_ordering
class LiteVersion(enum.Enum):
    """A Paddle Lite version whose runtimes read today's file; ordered by age."""

    V2_8 = "2.8"
    V2_9 = "2.9"
    V2_10 = "2.10"
    V2_11 = "2.11"
    V2_12 = "2.12"
    V2_13 = "2.13"

    @classmethod
    def parse(cls, text: str) -> LiteVersion:
        """The version in a text such as ``2.13``, ``v2.13`` or ``2.9.1``.

        Raises:
            UsageError: The text is no version, or one that reads other files.
        """
        possible = "possible are " + ", ".join(version.value for version in cls)
        match = re.fullmatch(r"v?(\d+)\.(\d+)(?:[.-]?\w+)*", text.strip())
        if match is None:
            raise UsageError(f"{text!r} is not a Paddle Lite version; {possible}")
        name = f"{int(match[1])}.{int(match[2])}"
        for version in cls:
            if version.value == name:
                return version
        if (int(match[1]), int(match[2])) < (2, 8):
            fact = "versions before 2.8 read other files"
        else:
            fact = "its kernels are not known"
        raise UsageError(f"Paddle Lite {name}: {fact}; {possible}")

    @property
    def runtime_text(self) -> str:
        """What the published runtime calls itself; it warns of a file that says otherwise."""
        return "v2.13-rc" if self is LiteVersion.V2_13 else f"v{self.value}"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, LiteVersion):
            return NotImplemented
        order = list(LiteVersion)
        return order.index(self) < order.index(other)

    def __str__(self) -> str:
        return self.value
