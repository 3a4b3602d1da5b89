from __future__ import annotations

from generate_operator_table import PAGE, page


def test_the_page_is_in_step_with_the_registries() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run scripts/generate_operator_table.py"
