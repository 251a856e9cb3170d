"""Hints at keys of a configuration that nobody checks and that may have no effect, or another than they say.

A script whose parser cannot be asked is told nothing here: a hint is about how its source and the spelling of a value
go together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from launcher.command.spelling import DASHED
from launcher.config.nested import KeyPath, dotted, leaves, value_at, without
from launcher.planning.check_request import CheckRequest
from launcher.planning.script_facts import ScriptFacts
from launcher.text import did_you_mean, inline, listed

_TAKES_NO_VALUE = ("click", "tyro")  # parsers of which a flag is --amp or --no-amp, and not --amp=True
_MOST = 5  # keys that a hint names, and keys beside a base file that are told
SHARED_FOLDER = "Hydra names its folder by the second"  # matters only where experiments run side by side
_OWN_FOLDER = re.compile(r"hydra\.run\.dir|^hydra:(\s*\n[ \t]+.*)*?\n[ \t]+run:\s*\n[ \t]+dir:", re.MULTILINE)
_MOST_FILES = 20  # of Hydra's, that are read


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


def keys_beside_base(configs: Iterable[Mapping[str, Any]], base: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield a hint at each key that is nearly one of the file `config_base`, and not in it; of five keys at most.

    A key that resembles none is meant to be added.
    """
    paths = dict.fromkeys(path for config in configs for path, _ in leaves(config))
    unknown = dict.fromkeys(path[: depth + 1] for path in paths if (depth := _depth_beside(path, base)) is not None)
    told = 0
    for path in unknown:
        hint = did_you_mean(path[-1], map(str, value_at(base, path[:-1]) if path[:-1] else base))
        if hint and told < _MOST:
            told += 1
            yield f"{inline(dotted(path))} is no key of {inline(name)}.{hint}"


def _depth_beside(path: KeyPath, base: Mapping[str, Any]) -> int | None:
    """Return the place in a path of the first key that is in no table of the base; None if all are in it."""
    table: Any = base
    for depth, key in enumerate(path):
        if not isinstance(table, Mapping) or not table:
            return None
        if key not in table:
            return depth
        table = table[key]
    return None


def hydra_hint(request: CheckRequest, script: str) -> Iterator[str]:
    """Yield that experiments may share Hydra's own folder, which it names by the second."""
    named = [".".join(path) for values in request.experiments.values() for path, _ in leaves(values)]
    is_named = any("hydra.run.dir" in text for text in (*request.command, *named))
    if len(request.experiments) > 1 and not is_named and not _names_folder(request):
        yield (
            f"{script}: {SHARED_FOLDER}, so that experiments which start together share it. "
            "'hydra.run.dir=\"{dir}\"' in command gives each its own."
        )


def _names_folder(request: CheckRequest) -> bool:
    """Return whether a file of Hydra beside the script, such as `conf/config.yaml`, names `hydra.run.dir`."""
    script = next((word for word in request.command if word.endswith(".py")), "")
    for file in sorted((request.folder / script).parent.glob("conf*/*.y*ml"))[:_MOST_FILES]:
        try:
            text = file.read_text(errors="replace")
        except OSError:
            continue
        if _OWN_FOLDER.search(text):
            return True
    return False


def _of_variables(given: Mapping[str, Any], facts: ScriptFacts, script: str) -> Iterator[str]:
    """Yield what is nearly a variable of the script. Others are read by libraries, as OMP_NUM_THREADS, or by prefix."""
    for key in given:
        if key not in facts.variables and (hint := did_you_mean(key, facts.variables)):
            yield f"{inline(key)} is no variable that {script} names.{hint}"


def _of_arguments(given: Mapping[str, Any], style: str, facts: ScriptFacts, script: str) -> Iterator[str]:
    if not facts.parser and not facts.reads_argv and not facts.reads_elsewhere and not facts.imports_unknown:
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
    off = [key for key in flags if given[key] is False and key.replace("-", "_") in facts.on_by_default]
    if style == "--key value" and off:
        yield (
            f"{_names(off)}: false is typed as nothing, and the script's own value is true. Set the flag that switches "
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
