"""How a command line is read: without a command it means `run`, and what is no command gets a helpful answer.

Completion reads lines the same way, so `sweep-launcher jobs/report.toml --on<TAB>` completes the options of `run`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from launcher.cli.completion import experiments_of, job_files
from launcher.cli.options import DEFAULT_JOB
from launcher.errors import InputError
from launcher.text import did_you_mean, inline

DEFAULT_COMMAND = "run"


class Commands(TyperGroup):
    """The top of the command line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` in front of a line that names no command."""
        own = {option for param in self.params for option in param.opts}
        first = args[0].partition("=")[0] if args else ""
        is_ours = first in self.commands or first in own or first == "--help"
        if not is_ours and (args or not ctx.resilient_parsing):  # completing an empty line is choosing a command
            if args and not ctx.resilient_parsing:
                _check_first(args[0], list(self.commands))
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete a first word: a command, or a job file."""
        from typer._click.shell_completion import CompletionItem

        return [*super().shell_complete(ctx, incomplete), *(CompletionItem(path) for path in job_files(incomplete))]


class GroupedCommand(TyperCommand):
    """A command whose help shows its options under the headings they name."""

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
    """Answer a first word that looks like a command and is none: a mistyped one, or an experiment.

    Raises:
        InputError: it is neither a file nor written like one.
    """
    if word.startswith("-") or "/" in word or word.endswith(".toml") or Path(word).exists():
        return
    told = f"there is no job file {inline(word)}, and no command of that name."
    names = experiments_of(DEFAULT_JOB)
    if word in names:
        raise InputError(f"{told}\n  It is an experiment of {DEFAULT_JOB}: run it alone with --only {word}.")
    hint = did_you_mean(word, [*commands, *job_files("")])
    raise InputError(f"{told}{hint}\n  Commands: {', '.join(commands)}\n  Job files here: {_files()}")


def _files() -> str:
    return ", ".join(job_files("")) or "none"


def program_name(argv0: str) -> str:
    """Return what the user types: the installed script, or the module."""
    return "sweep-launcher" if Path(argv0).name == "sweep-launcher" else "python -m launcher"
