from __future__ import annotations

import json
import math

from opt_tool.api.json_form import to_json


def test_numbers_that_json_does_not_have_become_null() -> None:
    data = {"a": math.inf, "b": [math.nan, 1.5], "c": (None, True, "ß")}
    assert json.loads(to_json(data)) == {"a": None, "b": [None, 1.5], "c": [None, True, "ß"]}
