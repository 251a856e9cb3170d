"""How values are written in a job file: None, text that looks like None, and TOML that reads back the same."""

from __future__ import annotations

import datetime
import enum
import tomllib
from dataclasses import dataclass, field
from typing import Any

import pytest

from launcher.config import notation


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 0.1, 1e22, [None, "nil"], {"a b": {"c": None}}),
        *("plain", "none", " Null", "@none", "@text:x", 'quo"te\n', "ü"),
    ],
)
def test_what_is_written_is_read_back(value: Any) -> None:
    read = notation.read(tomllib.loads(f"key = {notation.write(value)}")["key"])
    assert notation.bare(read) == value


@pytest.mark.parametrize("value", [None, "@x", notation.Text("none"), ["@none", {"a": notation.Text("nil")}]])
def test_marked_values_survive_json_types(value: Any) -> None:
    if value is not None:
        assert notation.bare(notation.read(notation.marked(value))) == notation.bare(value)


@pytest.mark.parametrize(
    ("value", "is_slip"),
    [("none", True), (" NULL ", True), ("nil", True), ("no", False), (None, False), (notation.Text("none"), False)],
)
def test_a_slip_is_text_that_may_have_been_meant_as_none(value: Any, is_slip: bool) -> None:
    assert notation.is_slip(value) is is_slip


def test_wrong_spellings_of_none_are_found_with_their_path() -> None:
    values = {"a": "@None", "b": ["@none", "@null"], "c": {"d": "@text:@None"}}
    assert list(notation.misspelt(values)) == [(("a",), "@None"), (("b", "1"), "@null")]


def test_values_of_python_become_values_of_a_job_file() -> None:
    class Colour(enum.Enum):
        RED = "red"

    @dataclass
    class Inner:
        width: int = 3
        made: int = field(default=0, init=False)

    day = datetime.date(2026, 1, 2)
    value = {"c": Colour.RED, "s": {3, 1}, "t": (1, 2), "i": Inner(), "d": day, Colour.RED: 1}
    assert notation.from_python(value) == {
        "c": "red", "s": [1, 3], "t": (1, 2), "i": {"width": 3}, "d": day, "red": 1,
    }  # fmt: skip
    with pytest.raises(TypeError, match="a object cannot stand in a job file"):
        notation.from_python([object()])
