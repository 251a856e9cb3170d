"""The colour and dash of each line."""

from __future__ import annotations

import pytest

from launcher.reports.plots.choice import choose
from launcher.reports.plots.key_colours import KeyColours
from launcher.reports.plots.palette import Palette
from launcher.store.metric import Metric
from tests.launcher.reports.plots.states import sweep


@pytest.mark.parametrize("num", [12, 13, 200])
@pytest.mark.parametrize("has_key", [False, True])
def test_no_two_named_lines_look_the_same(num: int, has_key: bool) -> None:
    lines = sweep(num)
    choice = choose(lines, Metric("loss"), lines[-1].name)
    key = KeyColours("lr", (), {line.name: 0.5 for line in lines}) if has_key and choice.others else None
    styles = [Palette(choice, key).style(line) for line in choice.named]
    assert len({(style["color"], str(style["linestyle"])) for style in styles}) == len(choice.named)
