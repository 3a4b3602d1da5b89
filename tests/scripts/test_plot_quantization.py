from __future__ import annotations

import xml.etree.ElementTree as ET

from plot_quantization import PAGE, PICTURE, Row, groups, picture, rows

TABLE = """
| `--method` | scale |
|---|---|
| `best` | largest |

| model | bits | method | file, of float | SQNR of the scores | same class as float | accuracy |
|---|---|---|---|---|---|---|
| net | 32 |  | 1.000 |  | 100.00% | 90% |
| net | 8 | parity | 0.260 | 20.0 dB | 95.00% | |
| net | 8 | best | 0.260 | 40.0 dB | 99.00% | |
"""


def test_the_picture_is_in_step_with_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == picture(page), "run scripts/plot_quantization.py"


def test_the_rows_of_quantized_networks_are_read() -> None:
    parity, best = rows(TABLE)
    assert parity == Row("net", 8, "parity", "0.260", 20.0, "95.00%")
    assert groups([parity, best]) == {("net", 8): [best, parity]}


def test_bars_are_as_long_as_their_numbers() -> None:
    svg = ET.fromstring(picture(TABLE))
    bars = [element.attrib for element in svg if element.get("rx") == "3"]
    assert int(bars[0]["width"]) == 2 * int(bars[1]["width"])
    assert bars[0]["fill"] != bars[1]["fill"]
