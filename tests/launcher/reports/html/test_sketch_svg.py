"""A sketch as an SVG: well-formed, and every word of it a word."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from launcher.reports.by_axis.sketch import Dots, Rect, Sketch, Strokes, Text
from launcher.reports.html.sketch_svg import svg

HOSTILE = "</title></svg><script>alert(1)</script>\"'&\x1b[31m"


def test_hostile_words_stay_words() -> None:
    sketch = Sketch(HOSTILE, 100, 50, HOSTILE)
    sketch.add(Rect(1, 2, 3, 4, "#440154", title=HOSTILE), Text(1, 2, HOSTILE), Text(3, 4, HOSTILE, is_upright=True))
    drawn = ElementTree.fromstring(svg(sketch))
    assert {element.tag for element in drawn.iter()} == {"svg", "title", "desc", "rect", "text"}
    assert all("\x1b" not in (element.text or "") for element in drawn.iter())
    assert "<script>" in str(next(drawn.iter("text")).text)


def test_each_kind_of_shape_is_drawn() -> None:
    sketch = Sketch("a", 100, 50)
    sketch.add(
        Strokes([[(0, 0), (1, 1)], [(2, 2), (3, 3)]], "rank0", is_dashed=True),
        Dots([(1, 1)], "c1"),
        Dots([(1, 1)], "bad", is_cross=True),
        Rect(0, 0, 1, 1, role="best"),
        Text(0, 0, "w", fill="#ffffff"),
    )
    drawn = ElementTree.fromstring(svg(sketch))
    assert [element.get("class") for element in drawn][2:] == [
        "stroke rank0", "dots c1", "stroke bad", "frame best", "white",
    ]  # fmt: skip
