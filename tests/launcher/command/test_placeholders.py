"""Placeholders in the texts of a command."""

from __future__ import annotations

import pytest

from launcher.command import placeholders


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("--out={dir}/x", "--out=<dir>/x"),
        ("{a}{b}", "<a><b>"),
        ("{{literal}}", "{literal}"),
        ("{{{dir}}}", "{<dir>}"),
        ("{model.width}-{lr-max}", "<model.width>-<lr-max>"),
        ("", ""),
    ],
)
def test_a_text_is_filled(text: str, filled: str) -> None:
    assert placeholders.fill(text, lambda name: f"<{name}>") == filled


@pytest.mark.parametrize("text", ["{", "}", "a{b", "{}", "{1}", "{a b}", "${dir", '{"a": 1}'])
def test_a_lone_brace_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"lone [{}] at character \d+; a brace is written (\{\{|\}\})"):
        placeholders.names(text)


def test_in_values_only_known_placeholders_are_filled() -> None:
    value = {"out": "{dir}/x", "json": '{"a": 1}', "set": "{1, 2}", "n": 3, "list": ["{name}", "{other}"]}
    assert placeholders.fill_value(value, {"dir": "D", "name": "N"}) == {
        "out": "D/x",
        "json": '{"a": 1}',
        "set": "{1, 2}",
        "n": 3,
        "list": ["N", "{other}"],
    }
