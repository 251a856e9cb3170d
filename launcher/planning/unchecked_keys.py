"""Hints at keys of a configuration that nobody checks and that may have no effect, or another than they say.

A script whose parser cannot be asked is told nothing here: a hint is about how its source and the spelling of a value
go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from launcher.command.spelling import DASHED
from launcher.config.nested import dotted, leaves, value_at, without
from launcher.planning.check_request import CheckRequest
from launcher.planning.script_facts import ScriptFacts
from launcher.text import did_you_mean, inline, listed

_TAKES_NO_VALUE = ("click", "tyro")  # parsers of which a flag is --amp or --no-amp, and not --amp=True
_MOST = 5  # keys that a hint names


def hints(request: CheckRequest, facts: ScriptFacts, script: str) -> Iterator[str]:
    """Yield what a person should know of the keys that are spelled for a script whose parser is not asked.

    `script`: its name, as a person types it.
    """
    taken = [(key,) for key in request.taken]
    given: dict[str, Any] = {}
    for values in request.experiments.values():
        for path, value in leaves(without(values, taken)):
            given[dotted(path)] = value if value is not True else given.get(dotted(path), value)  # false, if it is ever
    if not given:
        return
    if request.style == "env":
        yield from _of_variables(given, facts, script)
    elif request.style in (*DASHED, "key=value"):
        yield from _of_arguments(given, request.style, facts, script)


def keys_beside_base(config: Mapping[str, Any], base: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield a hint at each key that the file `config_base` does not have, though it has others beside it."""
    for path, _ in leaves(config):
        for depth, key in enumerate(path):
            table = value_at(base, path[:depth]) if depth else base
            if not isinstance(table, Mapping) or not table:
                break
            if key not in table:
                hint = did_you_mean(key, map(str, table))
                yield f"{inline(dotted(path[: depth + 1]))} is no key of {inline(name)}.{hint}"
                break


def hydra_hint(request: CheckRequest, script: str) -> Iterator[str]:
    """Yield that experiments may share Hydra's own folder, which it names by the second."""
    named = [".".join(path) for values in request.experiments.values() for path, _ in leaves(values)]
    is_named = any("hydra.run.dir" in text for text in (*request.command, *named))
    if len(request.experiments) > 1 and not is_named:
        yield (
            f"{script}: Hydra names its folder by the second, so that experiments which start together share it. "
            '"hydra.run.dir={dir}" in command gives each its own.'
        )


def _of_variables(given: Mapping[str, Any], facts: ScriptFacts, script: str) -> Iterator[str]:
    for key in given:
        if facts.variables and key not in facts.variables:
            yield f"{inline(key)} is no variable that {script} names.{did_you_mean(key, facts.variables)}"


def _of_arguments(given: Mapping[str, Any], style: str, facts: ScriptFacts, script: str) -> Iterator[str]:
    if not facts.parser and not facts.reads_argv and not facts.reads_elsewhere:
        variables = {name.casefold() for name in facts.variables}
        others = {"globals": facts.settings.keys(), "env": {key for key in given if key.casefold() in variables}}
        better = next((other for other, names in others.items() if given.keys() & names), "")
        yield (
            f"{script} names neither sys.argv nor a parser: unless something that it imports reads its arguments, they "
            "have no effect." + (f' Did you mean args = "{better}"?' if better else "")
        )
    flags = [key for key, value in given.items() if isinstance(value, bool)]
    if style == "--key=value" and flags and facts.parser in _TAKES_NO_VALUE:
        spelled = f"--{inline(flags[0])}=True or False"
        yield (
            f"{_names(flags)}: typed as {spelled}, and a flag of {facts.parser} takes no value. "
            'args = "--key value" types true as a flag alone, and false as nothing.'
        )
    off = [key for key in flags if given[key] is False]
    if style == "--key value" and off:
        yield (
            f"{_names(off)}: false is typed as nothing. If the script's own value is true, set the flag that switches "
            f"it off, as in no-{inline(off[0])} = true."
        )
    several = [key for key, value in given.items() if isinstance(value, list)]
    if style == "--key=value" and several and facts.parser == "absl":
        yield (
            f"{_names(several)}: a list is typed as JSON, and absl takes the brackets for text. Write what you would "
            f'type: {inline(several[0])} = "a,b".'
        )


def _names(keys: list[str]) -> str:
    return inline(listed(keys, _MOST), 500)
