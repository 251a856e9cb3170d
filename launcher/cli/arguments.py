"""How a command line is read: a line without a command means `run`, and a mistyped command gets a helpful answer.

Completion reads lines in the same way, so `sweep-launcher jobs/report.toml --on<TAB>` completes the options of `run`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from launcher.cli import plain_values
from launcher.cli.completion import experiments_of, job_files
from launcher.cli.options import DEFAULT_JOB
from launcher.errors import InputError
from launcher.text import did_you_mean, inline

DEFAULT_COMMAND = "run"


class Commands(TyperGroup):
    """The group of all commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` in front of a line that names no command."""
        own = {option for param in self.params for option in param.opts}
        first = args[0].partition("=")[0] if args else ""
        is_ours = first in self.commands or first in own or first == "--help"
        if not is_ours and (args or not ctx.resilient_parsing):  # on an empty line the Tab key offers the commands
            if args and not ctx.resilient_parsing:
                _check_first(args[0], list(self.commands))
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, which take plain values at once."""
        return plain_values.shortened(super().get_params(ctx))

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete a first word: a command, or a job file."""
        from typer._click.shell_completion import CompletionItem

        return [*super().shell_complete(ctx, incomplete), *(CompletionItem(path) for path in job_files(incomplete))]


class GroupedCommand(TyperCommand):
    """A command whose help shows each option under the heading that its declaration names."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return arguments and options, which take plain values at once."""
        return plain_values.shortened(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options of each heading, in the order of the signature."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) is not None:
                is_argument = param.param_type_name == "argument"
                heading = "Arguments" if is_argument else getattr(param, "rich_help_panel", None) or "Options"
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def _check_first(word: str, commands: list[str]) -> None:
    """Refuse a first word that looks like a command and is not: a mistyped command, or the name of an experiment.

    Raises:
        InputError: the word is not a file and is not written like a file or an option.
    """
    if word.startswith("-") or "/" in word or word.endswith(".toml") or Path(word).exists():
        return
    problem = f"there is no job file {inline(word)}, and no command of that name."
    names = experiments_of(DEFAULT_JOB)
    if word in names:
        raise InputError(f"{problem}\n  It is an experiment of {DEFAULT_JOB}: run it alone with --only {word}.")
    files = job_files("")
    hint = did_you_mean(word, [*commands, *files])
    listed = f"  Commands: {', '.join(commands)}\n  Job files here: {', '.join(files) or 'none'}"
    raise InputError(f"{problem}{hint}\n{listed}")


def program_name(argv0: str) -> str:
    """Return the program as the user types it: the installed script, or the module."""
    return "sweep-launcher" if Path(argv0).name == "sweep-launcher" else "python -m launcher"
