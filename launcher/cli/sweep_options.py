"""What a command line says about a sweep: its job file, and what is to differ from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.cli.options import DEFAULT_JOB

if TYPE_CHECKING:
    from launcher.planning.job import Sweep


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """The arguments of `api.load` as the command line has them; None: the job file decides."""

    job: Path = DEFAULT_JOB
    only: list[str] | None = None
    skip: list[str] | None = None
    overrides: list[str] | None = None  # key=value
    outcome: Path | None = None
    logs: Path | None = None
    adopt: bool = False
    threads: int | None = None
    slots_per_device: int | None = None
    retries: int | None = None
    fail_fast: bool | None = None

    def load(self) -> Sweep:
        """Read the job file and put the options in the place of what it says.

        Raises:
            InputError: the job file or an option is wrong.
        """
        from launcher import api
        from launcher.cli.overrides import parse

        given = vars(self) | {
            "only": self.only or (),
            "skip": self.skip or (),
            "overrides": parse(self.overrides or []),
        }
        return api.load(given.pop("job"), **given)
