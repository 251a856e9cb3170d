"""Values against a dataclass: every field error with its path, its words and its hint, without a launch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from launcher.config.validation import FieldError, build, check, names, plain


@dataclass(frozen=True)
class Model:
    width: int = 64
    layers: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Config:
    lr: float = 0.1
    steps: int = 10
    name: str = "a"
    warmup: str | None = None
    schedule: Literal["none", "cosine"] | None = None
    model: Model = field(default_factory=Model)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")


@dataclass
class Needs:
    lr: float


def errors(values: dict[str, Any], cls: type = Config) -> dict[str | None, str]:
    instance, found = check(cls, values)
    assert (instance is None) == bool(found)
    return {error.key: error.message for error in found}


def test_names_are_the_keys_a_mapping_may_have() -> None:
    assert names(Config) == ["lr", "model", "name", "schedule", "steps", "warmup"]


def test_good_values_make_the_instance_with_a_whole_number_for_a_float() -> None:
    instance, found = check(Config, {"lr": 1, "model": {"width": 8, "layers": [1, 2]}})
    assert found == []
    assert instance == Config(lr=1.0, model=Model(8, [1, 2]))
    assert build(Config, {"lr": 1}) == Config(lr=1.0)
    assert plain(instance)["model"] == {"width": 8, "layers": [1, 2]}


def test_all_problems_are_found_at_once_each_with_its_path() -> None:
    found = errors({"lr": "fast", "stepps": 3, "model": {"width": 1.5, "heads": 2}})
    assert set(found) == {"lr", "stepps", "model.width", "model.heads"}
    assert found["lr"].endswith("not 'fast'")
    assert 'Did you mean "steps"?' in found["stepps"]
    assert "Fields: lr, model, name, schedule, steps, warmup" in found["stepps"]
    assert "Fields: layers, width" in found["model.heads"]


def test_an_entry_of_a_list_is_named_by_its_place() -> None:
    assert set(errors({"model": {"layers": [1, "x"]}})) == {"model.layers.1"}


def test_one_value_in_place_of_a_list_is_told_with_the_list() -> None:
    @dataclass
    class Lists:
        names: list[str] = field(default_factory=list)
        sizes: tuple[int, ...] = ()

    _, errors = check(Lists, {"names": "a b", "sizes": 3})
    told = [error.message.partition("write ")[2] for error in errors]
    assert told == ['["a b"]', "[3]"]


def test_a_field_without_default_is_missing() -> None:
    assert errors({}, Needs) == {"lr": "is missing"}


def test_what_the_class_itself_refuses_is_an_error_of_the_whole() -> None:
    assert errors({"steps": 0}) == {None: "steps must be at least 1, not 0"}
    assert FieldError((), "x").key is None


@pytest.mark.parametrize("text", ["none", "None", " null ", "nil"])
def test_text_that_may_have_been_meant_as_none_is_a_slip_where_none_is_allowed(text: str) -> None:
    assert 'For None write "@none"' in errors({"warmup": text})["warmup"]
    assert errors({"name": text}) == {}, "this field cannot be None"


def test_a_word_that_the_class_knows_is_no_slip() -> None:
    assert errors({"schedule": "none"}) == {}


def test_a_secret_is_not_shown_in_an_error() -> None:
    @dataclass
    class Login:
        api_key: int = 0

    assert "hunter2hunter2" not in str(errors({"api_key": "hunter2hunter2"}, Login))
