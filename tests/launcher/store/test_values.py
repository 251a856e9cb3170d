"""Values out of files are what they should be, or nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from launcher.store import values
from launcher.store.values import Fields

HUGE = 10**400


@pytest.mark.parametrize(
    ("value", "number", "finite", "whole"),
    [
        (3, 3.0, 3.0, 3),
        (0.5, 0.5, 0.5, None),
        (-1, -1.0, -1.0, None),
        (math.inf, math.inf, None, None),
        (HUGE, None, None, None),
        (True, 1.0, 1.0, None),
        ("3", None, None, None),
        (None, None, None, None),
    ],
)
def test_numbers(value: Any, number: float | None, finite: float | None, whole: int | None) -> None:
    assert (values.number(value), values.finite(value), values.whole(value)) == (number, finite, whole)


def test_bounds_are_included() -> None:
    assert values.finite(0.0, least=0) == 0.0
    assert values.finite(-0.1, least=0) is None
    assert [values.whole(count, least=1, most=3) for count in (0, 1, 3, 4)] == [None, 1, 3, None]


def test_texts_and_tables_keep_what_is_right_in_them() -> None:
    assert values.texts(["a", 1, "b"]) == ["a", "b"]
    assert values.texts("ab") == []
    assert values.wholes({"a": 1, "b": -1, "c": 0.5}) == {"a": 1}
    assert (values.text(1), values.text(1, "none"), values.text("a")) == ("", "none", "a")


def test_what_is_nested_too_deeply_is_told_and_never_raises_more() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    assert not values.is_shallow(deep)
    assert values.is_shallow([[1]], depth=2)
    assert not values.is_shallow([[1]], depth=1)
    assert values.load_object(b"[" * 100_000) is None
    assert values.load_object(b"[1]") is None
    assert values.load_object(b'{"a": 1}') == {"a": 1}


def test_a_wrong_field_is_named_with_its_place() -> None:
    fields = Fields({"name": 3, "steps": 2, "table": {}}, "experiments[3].")
    with pytest.raises(ValueError, match=r"^experiments\[3\]\.name is not a text$"):
        fields.text("name")
    with pytest.raises(ValueError, match=r"^experiments\[3\]\.digest is missing$"):
        fields.text("digest")
    assert (fields.whole("steps"), fields.table("table"), fields.optional("absent")) == (2, {}, None)
    with pytest.raises(ValueError, match="it is not an object"):
        Fields([])
