"""Commands that look at a sweep, or steer it, from another shell."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Give the command line the commands of this package."""
    from launcher.commands import follow, status, steering, wait

    for command in (status, follow, steering, wait):
        command.register(app)
