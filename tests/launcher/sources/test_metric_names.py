"""The names under which metrics of files are recorded."""

from __future__ import annotations

import pytest

from launcher.integrations.adapter import metric_name as of_library
from launcher.planning.metrics import as_recorded
from launcher.sources.metric_names import metric_name


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("train/loss", "train_loss"),
        ("1", "x_1"),
        ("n", "n_"),
        ("F1 (macro)", "F1_macro"),
        ("損失", "損失"),
        ("val/精度", "val_精度"),
        ("Größe", "Gr_e"),
        ("Ö", "Ö"),
        ("%", ""),
    ],
)
def test_a_name_keeps_its_letters_of_other_scripts(name: str, recorded: str) -> None:
    assert metric_name(name) == of_library(name) == recorded


def test_a_metric_of_a_command_is_named_as_it_is_recorded() -> None:
    settings = {"metrics": ["損失", "val/精度", "no\nname"]}
    as_recorded(settings, {})
    assert settings["metrics"] == ["損失", "val_精度", "no\nname"]
