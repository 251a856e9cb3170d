"""`-S key=value`: values as in TOML, text without quotes, and the same notation as the launcher's."""

from __future__ import annotations

import pytest

from minigpt.cli.settings import config_from
from minigpt.config import TrainConfig
from minigpt.errors import ConfigError


def test_settings_are_put_over_the_baseline() -> None:
    config = config_from(["lr=1e-3", "data_dir=7", "max_steps=@none", "chunking=pack", "lr=1e-2"])
    assert config == TrainConfig(lr=1e-2, data_dir="7", chunking="pack")
    with pytest.raises(ConfigError, match="n_layers must be a whole number, not 'two'"):
        config_from(["n_layers=two"])


def test_32_none_and_text_are_written_as_for_the_launcher() -> None:
    config = config_from(["max_steps=@none", "data_dir='my data'", "batch_size=1_6", "lr = 1e-3"])
    assert (config.max_steps, config.data_dir, config.batch_size, config.lr) == (None, "my data", 16, 1e-3)
    assert config_from(["data_dir=@text:none"]).data_dir == "none"
    assert config_from(["max_steps=7", "max_steps=null"]).max_steps is None, "as scripts of before @none type it"
    for slip in ("None", "nil", "@None"):
        with pytest.raises(ConfigError, match="for no value type -S max_steps=@none"):
            config_from([f"max_steps={slip}"])
    with pytest.raises(ConfigError, match="there is no such field"):
        config_from(["model.width=3"])
