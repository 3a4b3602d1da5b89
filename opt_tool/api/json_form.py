"""Results as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any


def to_json(report: Any) -> str:
    """A record or plain data as JSON; numbers that JSON does not have become null."""
    return json.dumps(plain(report), indent=2, ensure_ascii=False, allow_nan=False)


def plain(data: Any) -> Any:
    """Data as JSON has it: objects for records, no tuples, and null for what is not finite."""
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return {entry.name: plain(getattr(data, entry.name)) for entry in dataclasses.fields(data)}
    if isinstance(data, tuple) and hasattr(data, "_asdict"):
        return plain(data._asdict())
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(item) for item in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
