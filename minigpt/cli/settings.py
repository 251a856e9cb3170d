"""Reads `-S key=value` into a `TrainConfig`.

    -S lr=1e-3                a value as in TOML
    -S chunking=pack          text needs no quotes
    -S max_steps=@none        None, which TOML cannot write
    -S data_dir=@text:none    the text behind the colon, whatever it looks like

The grammar is that of the launcher's own `-S`: tests/override_cases.py holds both to the same cases. One word more is
taken here: `max_steps=null` is None, as in scripts that are older than `@none`.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Sequence
from typing import Any

from minigpt.config import FIELDS, TrainConfig
from minigpt.errors import ConfigError

_NONE, _TEXT = "@none", "@text:"
_OLD_NONE = "null"  # what scripts of before `@none` type
_SLIPS = ("none", "null", "nil", "@none", "@null", "@nil")  # in any case: words that somebody types for None


def config_from(settings: Sequence[str]) -> TrainConfig:
    """Return the baseline with the `key=value` pairs of `settings` put over it. The last value of a key counts.

    Raises:
        ConfigError: an unknown field, a missing value, or a value that the field does not take.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip().strip("\"'")
        if not equals:
            raise ConfigError(f"-S {setting} has no value: type -S {name}=VALUE")
        if name not in defaults:
            guess = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean {guess[0]}?" if guess else "there is no such field."
            raise ConfigError(f"-S {setting}: {hint} Fields: {', '.join(FIELDS)}")
        is_text = isinstance(defaults[name], str)
        if text.strip() == _OLD_NONE and not is_text:
            text = _NONE
        if _is_slip(text, is_text=is_text):
            as_text = f"; for the text, -S {name}={_TEXT}{text.strip()}" if is_text else ""
            raise ConfigError(f"-S {setting}: for no value type -S {name}={_NONE}{as_text}")
        value = _value(text)
        values[name] = text if is_text and not isinstance(value, str | None) else value  # `7` stays "7" in a text field
    return TrainConfig(**values)


def _is_slip(text: str, *, is_text: bool) -> bool:
    """Say whether somebody has typed another word for `@none`. In a text field, `none` is text."""
    word = text.strip()
    return word.casefold() in _SLIPS and word != _NONE and not (is_text and word == "none")


def _value(text: str) -> Any:
    """Return a value of TOML, or None. What is neither is returned as text, and the configuration refuses it."""
    value = _from_toml(text)
    if not isinstance(value, str):
        return value
    return None if _NONE in (value, text.strip()) else value.removeprefix(_TEXT)


def _from_toml(text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return document["value"] if document.keys() == {"value"} else text  # a line break could have added a second key
