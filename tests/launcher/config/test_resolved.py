"""A configuration resolved: what was not given, what the identity leaves out, sets in order, and differences."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass, field
from typing import Any

from launcher.config.resolved import addresses, describe, differing, is_made_twice, plain_value, unlike


@dataclass
class Inner:
    width: int = 4
    tags: set[str] = field(default_factory=set)


@dataclass
class Config:
    lr: float = 0.1
    limit: Any = None
    note: str = field(default="", metadata={"identity": False})
    inner: Inner = field(default_factory=Inner)
    half: InitVar[int] = 2

    def __post_init__(self, half: int) -> None:
        self.lr = self.lr / half * 2


def test_fields_at_their_default_left_out_and_unordered_are_named_by_dotted_keys() -> None:
    given = {"lr": 0.2, "inner": {"tags": ["b", "a"]}}
    resolved = describe(Config(0.2, inner=Inner(tags={"b", "a"})), given)
    assert resolved.config["inner"] == {"width": 4, "tags": ["a", "b"]}
    assert "lr" not in resolved.at_default
    assert {"limit", "note", "inner.width"} <= set(resolved.at_default)
    assert resolved.left_out == ["note"]
    assert resolved.unordered == ["inner.tags"]


def test_a_value_given_as_the_default_is_at_default() -> None:
    assert "lr" in describe(Config(0.1), {"lr": 0.1}).at_default


def test_an_argument_that_is_no_field_is_recorded_unless_it_is_the_default() -> None:
    assert describe(Config(half=4), {"half": 4}).config["half"] == 4
    assert "half" not in describe(Config(half=2), {"half": 2}).config


def test_a_number_that_json_cannot_write_stays_itself_in_a_field_of_any_type() -> None:
    assert describe(Config(limit=math.inf), {"limit": math.inf}).config["limit"] == math.inf


def test_differences_are_those_of_the_identity_and_secrets_are_hidden_in_them() -> None:
    before = describe(Config(0.2), {"lr": 0.2})
    assert differing(before, Config(0.2, note="other"), {"lr": 0.2}) == []
    (found,) = unlike(before, describe(Config(0.3), {"lr": 0.3}))
    assert (found.name, str(found)) == ("lr", "0.2 → 0.3")


def test_an_object_known_only_by_its_address_is_another_each_time() -> None:
    class Opaque:
        pass

    assert addresses(describe(Config(limit=Opaque()), {})) == [("limit",)]
    assert addresses(describe(Config(limit="at 0x12345678"), {})) == []
    assert addresses(describe(Config(limit=[3]), {})) == []


def test_a_class_that_changes_its_own_result_again_is_made_twice() -> None:
    @dataclass
    class Doubling:
        lr: float = 1.0

        def __post_init__(self) -> None:
            self.lr *= 2

    assert is_made_twice(Doubling(), describe(Doubling(), {}), {})
    assert not is_made_twice(Inner(), describe(Inner(), {}), {})


def test_plain_values_have_sets_in_order_and_a_repr_for_what_json_has_no_word_for() -> None:
    assert plain_value({"a": {3, 1}, "b": (1, None), "c": Inner(1, {"x"})}) == {
        "a": [1, 3], "b": [1, None], "c": {"width": 1, "tags": ["x"]},
    }  # fmt: skip
    assert plain_value(slice(1)) == "slice(None, 1, None)"
