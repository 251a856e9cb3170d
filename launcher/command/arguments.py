"""From the command of a job file and a configuration to the arguments of one attempt. Pure."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from launcher.command import placeholders
from launcher.command.options import ScriptOption
from launcher.command.spelling import spell
from launcher.config.nested import dotted, leaves, without
from launcher.text import did_you_mean


class UnknownPlaceholder(ValueError):
    """A text has a placeholder that is neither the launcher's nor a key of the configuration."""


class Filling:
    """The values of placeholders for one experiment: the launcher's own, and the keys of its configuration.

    A key of the configuration may not have the name of one of the launcher's placeholders, where a text uses the name:
    `{dir}` would mean two things. The exception is `seed`: the configuration's counts.
    """

    def __init__(self, config: Mapping[str, Any], values: Mapping[str, str]) -> None:
        """Begin with a configuration, as given, and the launcher's values by name."""
        self.values = values
        self._config = config
        self._leaves = {dotted(path): value for path, value in leaves(config)}

    @property
    def for_globs(self) -> Filling:
        """The same, for texts that are globs: a `[` in the path of a folder stands for itself."""
        return Filling(self._config, {name: glob.escape(value) for name, value in self.values.items()})

    def text(self, text: str) -> str:
        """Return a text with all its placeholders filled.

        Raises:
            UnknownPlaceholder: there is no value for a placeholder.
            ValueError: a brace is alone, or a placeholder's value is a list, a table, or left out.
        """
        return placeholders.fill(text, self._value)

    def problem(self, text: str) -> str:
        """Return what is wrong with the placeholders of a text; empty if nothing is."""
        try:
            self.text(text)
        except ValueError as error:
            return str(error)
        return ""

    def rest(self, texts: Iterable[str]) -> dict[str, Any]:
        """Return the configuration without the keys that placeholders of these texts have taken, and those to omit."""
        taken = {name for text in texts for name in placeholders.names(text)}
        paths = [path for path, value in leaves(self._config) if value == placeholders.OMIT or dotted(path) in taken]
        rest: dict[str, Any] = placeholders.fill_value(without(self._config, paths), self.values)
        return rest

    def _value(self, name: str) -> str:
        is_ours = name in placeholders.NAMES and name != "seed"
        if name in self._leaves and is_ours:
            raise ValueError(f"uses {{{name}}}, which is a placeholder of the launcher and a key of the configuration")
        if name in self._leaves:
            return _as_text(name, placeholders.fill_value(self._leaves[name], self.values))
        if name not in self.values:
            known = [*placeholders.NAMES, *self._leaves]
            raise UnknownPlaceholder(f"has the unknown placeholder {{{name}}}.{did_you_mean(name, known)}")
        return self.values[name]


def arguments(
    command: Sequence[str], style: str, filling: Filling, options: Sequence[ScriptOption] | None, texts: Iterable[str]
) -> list[str]:
    """Return the arguments of a command, the program first.

    Args:
        command: as the job file has it.
        style: how `{args}` spells the configuration.
        options: of the script's own parser, as far as it is known.
        texts: all texts of the job that may take a key of the configuration away from `{args}`.

    Raises:
        ValueError: a placeholder has no value.
    """
    spelled = spell(filling.rest(texts), style, options)
    found: list[str] = []
    for text in command if "{args}" in command else [*command, "{args}"]:
        found += spelled if text == "{args}" else [filling.text(text)]
    return found


def _as_text(name: str, value: Any) -> str:
    if value == placeholders.OMIT:
        raise ValueError(f"uses {{{name}}}, and {name} is {placeholders.OMIT}: a placeholder has a value")
    if isinstance(value, Mapping):
        raise ValueError(f"uses {{{name}}}, which is a table")
    if isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else repr(value)
