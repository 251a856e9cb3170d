"""Overrides of the shared configuration from the command line: `-S lr=1e-3`, typed as a job file would type them.

They stand in the place of [config] keys, so an experiment's own override of the same key stays: it is what the
experiment is about. `Plan.notes` says where that is so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from launcher import redact
from launcher.errors import InputError, inline


def parse(settings: Sequence[str]) -> dict[str, Any]:
    """Return the keys and values of `key=value` texts, the later over the earlier.

    A value is read as TOML (1e-3 a float, true, "text", [1, 2]); what is no TOML is a string as it stands.

    Raises:
        InputError: one has no key or no equals sign.
    """
    problems = [
        f"-S {inline(redact.text(setting))}: write it as key=value, as in -S lr=1e-3."
        for setting in settings
        if not setting.partition("=")[0].strip() or "=" not in setting
    ]
    if problems:
        raise InputError(problems)
    return {key.strip(): _value(text) for key, _, text in (setting.partition("=") for setting in settings)}


def _value(text: str) -> Any:
    try:
        read = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return read["value"] if read.keys() == {"value"} else text  # a line break would begin another key
