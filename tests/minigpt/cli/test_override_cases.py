"""`-S key=value` means to MiniGPT what it means to the launcher: both run the same cases."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import pytest

from minigpt.cli.settings import config_from
from minigpt.config import TrainConfig
from minigpt.errors import ConfigError
from tests.override_cases import CASES, Fields, Refused


@pytest.mark.parametrize(("settings", "expected"), CASES, ids=[" ".join(settings) for settings, _ in CASES])
def test_a_setting_means_what_it_means_to_the_launcher(settings: list[str], expected: dict[str, Any] | Refused) -> None:
    if isinstance(expected, Refused):
        with pytest.raises(ConfigError) as refused:
            config_from(settings)
        assert expected.hint in str(refused.value)
    else:
        assert config_from(settings) == TrainConfig(**expected)


def test_the_cases_speak_of_fields_that_the_configuration_has() -> None:
    assert get_type_hints(Fields).items() <= get_type_hints(TrainConfig).items()
    assert dataclasses.asdict(Fields()).items() <= dataclasses.asdict(TrainConfig()).items()
