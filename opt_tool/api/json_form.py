"""Results as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any


def to_json(report: Any) -> str:
    """A dataclass or plain data as JSON; numbers that JSON does not have become null."""
    is_report = dataclasses.is_dataclass(report) and not isinstance(report, type)
    data = dataclasses.asdict(report) if is_report else report
    return json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False)


def plain(data: Any) -> Any:
    """Data as JSON has it: no tuples, and null for what is not finite."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(item) for item in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
