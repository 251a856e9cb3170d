"""Tables within tables: merging, dotted keys and paths."""

from __future__ import annotations

import pytest

from launcher.config import nested

TABLE = {"lr": 0.1, "model": {"width": 8, "heads": [{"size": 1}, {"size": 2}]}, "empty": {}}


def test_a_table_in_both_is_merged_and_everything_else_replaced() -> None:
    assert nested.merge({"a": {"x": 1, "y": [1]}, "b": {"z": 1}}, {"a": {"y": [2]}, "b": 3}) == {
        "a": {"x": 1, "y": [2]},
        "b": 3,
    }


def test_leaves_are_the_values_that_are_no_table_and_an_empty_table_is_one() -> None:
    assert list(nested.leaves({"a": {"b": 1}, "c": {}})) == [(("a", "b"), 1), (("c",), {})]


@pytest.mark.parametrize(
    ("path", "value"),
    [(["model", "width"], 8), (["model", "heads", "1", "size"], 2), (["model", "heads", "2"], None), (["no"], None)],
)
def test_a_path_leads_through_tables_and_lists(path: list[str], value: object) -> None:
    assert nested.value_at(TABLE, path) == value
    assert nested.has(TABLE, path) == (value is not None)


@pytest.mark.parametrize(
    ("table", "is_decided"), [({"a": {"b": 1}}, True), ({"a": 3}, True), ({"a": {}}, False), ({}, False)]
)
def test_a_table_decides_a_path_that_it_has_or_cuts_short(table: dict[str, object], is_decided: bool) -> None:
    assert nested.decides(table, ["a", "b"]) is is_decided


def test_replacing_and_removing_leave_the_original_as_it_was() -> None:
    changed = nested.replaced(TABLE, ["model", "heads", "0", "size"], 9)
    assert nested.value_at(changed, ["model", "heads", "0", "size"]) == 9
    assert nested.without(TABLE, [("model", "heads", "0", "size"), ("lr",)]) == {
        "model": {"width": 8, "heads": [{}, {"size": 2}]},
        "empty": {},
    }
    assert TABLE["model"] == {"width": 8, "heads": [{"size": 1}, {"size": 2}]}


@pytest.mark.parametrize("path", [("model", "width"), ("a b",), ("a.b", "c"), ('quo"te',), ("ü",), ("",)])
def test_a_dotted_key_is_read_as_the_path_it_was_written_from(path: tuple[str, ...]) -> None:
    assert nested.parse(nested.dotted(path)) == path


@pytest.mark.parametrize(("key", "path"), [("a..b", None), ("a\nb", None), ("a b.c", ("a b", "c")), ("", None)])
def test_a_key_that_toml_would_refuse_is_split_at_its_dots_or_refused(key: str, path: tuple[str, ...] | None) -> None:
    assert nested.parse(key) == path


def test_a_table_of_one_value_and_its_assignment() -> None:
    assert nested.table(["model", "width"], 3) == {"model": {"width": 3}}
    assert nested.assignments({"lr": 0.1, "model": {"width": 3}}) == ["lr=0.1", "model.width=3"]
