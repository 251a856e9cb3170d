"""The colours of the page: text and lines stand out from their background, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import launcher.reports.html

STYLE = (Path(launcher.reports.html.__file__).parent / "templates" / "style.css").read_text()
LIGHT, DARK = (dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.S))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_their_background(scheme: dict[str, str]) -> None:
    for back in ("back", "card"):
        for name in ("text", "muted", "link", "good", "bad"):
            assert contrast(scheme[name], scheme[back]) >= 4.5, f"{name} on {back}"
        for number in range(7):
            assert contrast(scheme[f"c{number}"], scheme[back]) >= 3, f"line {number} on {back}"
        for number in range(1, 4):
            assert contrast(scheme[f"r{number}"], scheme[back]) >= 3, f"rank {number} on {back}"
    for back in ("bar", "badbar"):
        assert contrast(scheme["text"], scheme[back]) >= 4.5


def test_both_schemes_have_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()
