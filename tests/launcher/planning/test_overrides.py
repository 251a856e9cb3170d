"""Overrides of a launch: what they change in [config], and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.errors import InputError
from launcher.planning.overrides import apply_overrides

CONFIG: dict[str, Any] = {"lr": 0.1, "model": {"width": 64, "depth": 2}}


@pytest.mark.parametrize("overrides", [{"model.width": 3}, {"model": {"width": 3}}])
def test_a_nested_key_replaces_itself_alone(overrides: dict[str, Any]) -> None:
    config, given = apply_overrides(CONFIG, overrides)
    assert config == {"lr": 0.1, "model": {"width": 3, "depth": 2}}
    assert given == {"model": {"width": 3}}


def test_values_of_python_that_a_job_file_can_say_are_taken() -> None:
    config, _ = apply_overrides(CONFIG, {"lr": None, "sizes": (1, 2)})
    assert (config["lr"], list(config["sizes"])) == (None, [1, 2])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"lr.x": 1}, "-S lr.x: lr is 0.1 in [config], not a table."),
        ({"": 1}, '-S "" is no key of [config].'),
        ({"lr": object()}, "Give it text, numbers, lists or tables of them."),
    ],
)
def test_what_no_job_file_could_have_is_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        apply_overrides(CONFIG, overrides)
    assert message in str(error.value)
