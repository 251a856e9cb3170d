"""`-S key=value`: what it means, and what is refused with a hint."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.cli import overrides
from launcher.config import validation
from launcher.errors import InputError
from launcher.planning.overrides import apply_overrides
from tests.override_cases import CASES, Fields, Refused


def read(settings: list[str]) -> dict[str, Any]:
    """Return the fields that settings change in the configuration class of the cases, as a launch would."""
    config, values = apply_overrides({}, overrides.parse(settings))
    assert config == values
    made, faults = validation.check(Fields, values)
    if faults:
        raise InputError([f"{fault.key}: {fault.message}" for fault in faults])
    return {key: getattr(made, key) for key in values}


@pytest.mark.parametrize(("settings", "expected"), CASES, ids=[" ".join(settings) for settings, _ in CASES])
def test_a_setting_means_what_it_means_to_minigpt(settings: list[str], expected: dict[str, Any] | Refused) -> None:
    if isinstance(expected, Refused):
        with pytest.raises(InputError) as refused:
            read(settings)
        assert expected.hint in str(refused.value)
    else:
        assert read(settings) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("3", 3),
        ("true", True),
        ('"text"', "text"),
        ("text", "text"),
        ("a b", "a b"),
        ("[1, 2]", [1, 2]),
        ("", ""),
        ("x=y", "x=y"),
        ("1\nother = 2", "1\nother = 2"),
        (" @none ", "@none"),
        ("@text:none", "@text:none"),
    ],
)
def test_an_override_is_typed_as_in_a_job_file(text: str, value: object) -> None:
    assert overrides.parse([f"key={text}"]) == {"key": value}
    assert type(overrides.parse([f"key={text}"])["key"]) is type(value)


def test_the_later_override_of_a_key_counts() -> None:
    assert overrides.parse(["lr=1", "lr=2"]) == {"lr": 2}
    assert overrides.parse(["model.width=1", "model.depth=2", "model.width=3"]) == {"model": {"width": 3, "depth": 2}}


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(InputError) as refused:
        overrides.parse(["lr", "=3", "dropout=None"])
    problems = refused.value.problems
    assert problems[0] == "-S lr: write it as key=value, as in -S lr=1e-3."
    assert problems[1].startswith("-S =3: write it as key=value")
    assert problems[2] == "-S dropout=None: for no value type -S dropout=@none; for the text, -S dropout=@text:None."
