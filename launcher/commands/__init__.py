"""The commands, a module each; each module's `register` adds its own to the command line."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Give the command line the commands of this package."""
    from launcher.commands import follow, plan, report, run, status, steering, verify, wait

    for command in (run, plan, report, verify, status, follow, steering, wait):
        command.register(app)
