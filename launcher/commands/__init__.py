"""The commands, a module each; each module's `register` adds its own to the command line."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Give the command line the commands of this package."""
    from launcher.commands import plan, report, run, verify

    for command in (run, plan, report, verify):
        command.register(app)
