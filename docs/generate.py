"""Writes docs/reference/ from the code: `make docs`. A test compares the pages with what this makes.

Names, types and defaults are read from the code. So are the meanings of options (their help) and of the keys of a job
file (docstrings of `launcher.planning.job.SweepSettings` and `launcher.clusters.settings.ClusterSettings`); the
meanings of fields and variables stand in docs/meanings.toml. A name without a meaning is an error that says where to
write it, and so is a meaning whose name is gone.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import tomllib
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer.main

from docs import source
from docs.python_reference import python_page
from launcher import errors
from launcher.cli.app import app
from launcher.clusters.settings import ClusterSettings
from launcher.command.resume import Resume
from launcher.planning import job
from launcher.store import events, manifest, samples
from launcher.store.ending import EndingKind
from launcher.store.launch_info import LaunchInfo
from launcher.store.names import NAME_RULE

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
MEANINGS = ROOT / "docs" / "meanings.toml"
MADE = "<!-- Made by `make docs` from the code. Do not edit: change the code or docs/meanings.toml. -->"


class Meanings:
    """The texts of docs/meanings.toml; remembers which were asked for and which are missing."""

    def __init__(self) -> None:
        self._texts: dict[str, dict[str, str]] = tomllib.loads(MEANINGS.read_text(encoding="utf-8"))
        self._unused = {(table, key) for table, texts in self._texts.items() for key in texts}
        self.problems: list[str] = []

    def of(self, table: str, key: str) -> str:
        """Return the meaning of a name; a missing one is a problem."""
        self._unused.discard((table, key))
        text = self._texts.get(table, {}).get(key, "")
        if not text:
            self.problems.append(f"{key} has no meaning: write {key} = \"…\" under ['{table}'] of docs/meanings.toml.")
        return text

    def keys(self, table: str) -> list[str]:
        """Return the names a table explains, in its order."""
        return list(self._texts.get(table, {}))

    def tables(self, prefix: str) -> list[str]:
        """Return what follows a prefix in the names of tables, in their order."""
        return [table.removeprefix(prefix) for table in self._texts if table.startswith(prefix)]

    def left_over(self) -> list[str]:
        """Say which meanings nobody asked for: what they explain is gone."""
        return [f"docs/meanings.toml explains {key} under ['{table}'], which is gone: remove the line." for table, key
                in sorted(self._unused)]  # fmt: skip


def table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def options(meanings: Meanings) -> str:
    """Return the page of commands, options and environment variables."""
    group: Any = typer.main.get_command(app)
    parts = ["# Commands and options", MADE, _sentence(group.help), _sentence(meanings.of("pages", "options"))]
    of_options: dict[str, list[str]] = {}
    if general := [(_spelled(one), _sentence(one.help)) for one in group.params if not one.hidden]:
        parts += ["## Without a command", table(("option", "meaning"), general)]
    for name, command in group.commands.items():
        if command.hidden:
            continue
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        usage = " ".join(["python -m launcher", name, "[OPTIONS]", *(_argument(one) for one in arguments)])
        parts += [f"## {name}", _sentence(command.help), f"    {usage}"]
        rows = []
        for one in (one for one in command.params if not one.hidden):
            variables = [one.envvar] if isinstance(one.envvar, str) else list(one.envvar or [])
            for variable in variables:
                of_options.setdefault(variable, []).append(one.opts[0])
            if not one.help:
                meanings.problems.append(f"{name} {one.opts[0]} has no help text in the code.")
            spelled = f"`{_argument(one)}`" if one in arguments else _spelled(one)
            variable = ", ".join(f"`{text}`" for text in variables)
            rows.append((spelled, variable, _default(one.default), _sentence(one.help)))
        if rows:
            parts.append(table(("option", "variable", "default", "meaning"), rows))
    explained = [(f"`{name}`", f"{' or '.join(f'`{one}`' for one in dict.fromkeys(names))}, where that is not given.")
            for name, names in of_options.items()]  # fmt: skip
    explained += [
        (f"`{name}`", meanings.of("environment", name)) for name in source.variables() if name not in of_options
    ]
    parts += ["## Environment variables", table(("variable", "meaning"), sorted(explained))]
    return _page(parts)


def _spelled(option: Any) -> str:
    value = f" {option.metavar}" if option.metavar and not option.is_flag else ""
    return ", ".join(f"`{text}{value}`" for text in [*option.opts, *option.secondary_opts])


def _argument(argument: Any) -> str:
    if argument.metavar:
        return str(argument.metavar)
    name = argument.name.upper() + ("…" if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _default(value: Any) -> str:
    return "" if value is None or value is False or value == () or callable(value) else f"`{value}`"


def job_file(meanings: Meanings) -> str:
    """Return the page of the keys of a job file."""
    name_rule = f"A name is {NAME_RULE}."
    parts = ["# Job file", MADE, meanings.of("pages", "job-file")]
    parts += ["## The table `[sweep]`", _keys(meanings, "sweep", job.SweepSettings)]
    parts += ["## The table `[config]`", meanings.of("pages", "config")]
    parts += ["## The table `[experiments]`", f"{meanings.of('pages', 'experiments')} {name_rule}"]
    parts += ["## The table `[grid]`", meanings.of("pages", "grid")]
    parts += ["## The table `[cluster]`", meanings.of("pages", "cluster"), _keys(meanings, "cluster", ClusterSettings)]
    return _page(parts)


def _keys(meanings: Meanings, name: str, cls: type) -> str:
    """Return the table of the keys of a table of a job file, which a dataclass describes."""
    texts, hints = source.key_meanings(cls), typing.get_type_hints(cls)
    place = f"{cls.__module__}.{cls.__name__}"
    rows = []
    for field in dataclasses.fields(cls):
        if not (text := texts.pop(field.name, "")):
            meanings.problems.append(
                f"{field.name} of [{name}] has no meaning: write a line `{field.name}: …` into the docstring of "
                f"{place}, or a comment behind the field."
            )
        default = None if field.default_factory is not dataclasses.MISSING else field.default
        rows.append((f"`{field.name}`", _type(hints[field.name]), _toml(default), _sentence(text)))
    meanings.problems += [f"the docstring of {place} explains {key}, which is gone." for key in texts]
    return table(("key", "type", "default", "meaning"), rows)


def _type(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(f'`"{choice}"`' for choice in typing.get_args(hint) if choice)
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is dict:
        return "table"
    if typing.get_origin(hint) is tuple:
        return f"list of {_type(arguments[0])}s"
    if arguments:
        return " or ".join(_type(one) for one in arguments if one is not type(None))
    if hint is Resume:
        return "table"
    return {str: "string", int: "whole number", float: "number", bool: "`true` or `false`"}.get(hint, f"`{hint}`")


def _toml(value: Any) -> str:
    match value:
        case dataclasses.MISSING:
            return "required"
        case None | "":
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return f"`[{', '.join(chr(34) + str(one) + chr(34) for one in value)}]`"
        case str():
            return f'`"{value}"`'
        case float():
            return f"`{value:g}`"
    return f"`{value}`"


def record_fields(meanings: Meanings) -> str:
    """Return the page of the files for programs: records, events, telemetry, sweep.json."""
    written = source.written_kinds()
    logged = {event.kind: set(event.own_fields()) for event in events.EVENTS}
    for kinds, prefix in ((written, "record."), (logged, "event.")):
        for kind, names in kinds.items():
            for name in sorted(names - set(meanings.keys(f"{prefix}{kind}")) - set(meanings.keys(f"{prefix}every"))):
                meanings.of(f"{prefix}{kind}", name)
    parts = ["# Records, events, telemetry, sweep.json", MADE, meanings.of("pages", "records")]
    parts += ["## outcome/records/&lt;experiment&gt;.jsonl", meanings.of("pages", "record-file")]
    for kind in ["every", "step", *(one for one in meanings.tables("record.") if one in written)]:
        title = {"every": "In every record", "step": "A step: no `kind`"}.get(kind, f'`kind = "{kind}"`')
        parts += [f"### {title}", _fields(meanings, f"record.{kind}")]
    rows = [(f"`{kind}`", kind.meaning, "yes" if kind.is_failure else "no") for kind in EndingKind]
    parts += ["### Endings", table(("ending", "meaning", "a failure"), rows)]
    parts += ["## outcome/events.jsonl", meanings.of("pages", "events"), _fields(meanings, "event.every")]
    for kind in (one for one in meanings.tables("event.") if one in logged):
        parts += [f'### `event = "{kind}"`', _fields(meanings, f"event.{kind}")]
    columns = [field.name for field in dataclasses.fields(samples.Sample)]
    parts += ["## outcome/telemetry/&lt;experiment&gt;.jsonl", meanings.of("pages", "telemetry")]
    parts.append(_fields(meanings, "telemetry", columns))
    document = ["format", *(field.name for field in dataclasses.fields(manifest.Manifest))]
    planned = [field.name for field in dataclasses.fields(manifest.ManifestExperiment)]
    parts += ["## outcome/sweep.json", meanings.of("pages", "sweep"), _fields(meanings, "sweep", document)]
    parts += ["### An experiment of `experiments`", _fields(meanings, "sweep.experiments", planned)]
    parts += ["### `launch`", _fields(meanings, "sweep.launch", list(LaunchInfo(pid=0, origin={}).to_json()))]
    return _page(parts)


def _fields(meanings: Meanings, of: str, names: list[str] | None = None) -> str:
    said = meanings.of(of, "_") + "\n\n" if "_" in meanings.keys(of) else ""
    keys = [key for key in meanings.keys(of) if key != "_"] if names is None else names
    if not keys:
        return said.strip()
    return said + table(("field", "meaning"), [(f"`{key}`", meanings.of(of, key)) for key in keys])


def exit_codes(meanings: Meanings) -> str:
    """Return the page of exit codes."""
    rows = [("0", meanings.of("exit_codes", "0")), ("1", meanings.of("exit_codes", "1"))]
    classes = [errors.LauncherError]
    while classes:
        cls = classes.pop(0)
        classes += [one for one in cls.__subclasses__() if one.__module__.startswith("launcher.")]
        if cls.exit_code != errors.EXIT_FAILED:
            rows.append((str(cls.exit_code), meanings.of("exit_codes", str(cls.exit_code))))
    rows = sorted(dict.fromkeys(rows), key=lambda row: int(row[0]))
    for name, number in (("hang-up", 1), ("Ctrl-C", 2), ("terminate", 15)):
        rows.append((str(errors.EXIT_SIGNALLED + number), f"{name}: {meanings.of('exit_codes', 'signal')}"))
    codes = table(("code", "meaning"), rows)
    return _page(["# Exit codes", MADE, meanings.of("pages", "exit-codes"), codes, meanings.of("pages", "exit-1")])


def python(meanings: Meanings) -> str:
    """Return the page of what `import launcher` offers."""
    return python_page(["# From Python", MADE, meanings.of("pages", "python")])


def _sentence(text: str | None) -> str:
    words = re.sub(r"\s+", " ", text or "").strip()
    return words if not words or words.endswith((".", ":", "?")) else f"{words}."


def _page(parts: list[str]) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


PAGES: dict[str, Callable[[Meanings], str]] = {
    "options.md": options,
    "job-file.md": job_file,
    "records.md": record_fields,
    "exit-codes.md": exit_codes,
    "python.md": python,
}


def pages() -> tuple[dict[str, str], list[str]]:
    """Return every page by file name, and what is missing or left over in the code and docs/meanings.toml."""
    meanings = Meanings()
    made = {name: make(meanings) for name, make in PAGES.items()}
    return made, [*dict.fromkeys(meanings.problems), *meanings.left_over()]


def main() -> None:
    """Write the pages that differ."""
    made, problems = pages()
    if problems:
        sys.exit("\n".join(problems))
    FOLDER.mkdir(exist_ok=True)
    for name, text in made.items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
