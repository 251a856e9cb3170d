"""What a plan says about Slurm: the command, the script and the arrays; and what Slurm answers when it is asked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.text import inline, plural


@dataclass(frozen=True)
class SlurmPlan:
    """What a launch would submit.

    command: the words of the first sbatch. script: its batch script. at_once: so many jobs run together; None: all.
    """

    command: Sequence[str]
    script: str
    num_arrays: int
    num_jobs: int
    at_once: int | None

    def lines(self) -> list[str]:
        """Return the plan as lines for a person."""
        arrays = f"{self.num_jobs:,} in {plural(self.num_arrays, 'array')}"
        at_once = f", {self.at_once} at once" if self.at_once else ""
        return [
            f"jobs: {arrays}{at_once}",
            shlex.join(self.command),
            "the script of each job:",
            *(f"  {line}" for line in self.script.splitlines()),
        ]


@dataclass(frozen=True)
class SlurmAnswer:
    """What Slurm says.

    partitions: of sinfo, a line each. limits: by Slurm's names, such as `MaxArraySize`.
    is_taken: a job like those of the sweep is taken. words: of `sbatch --test-only`.
    """

    partitions: Sequence[str]
    limits: Mapping[str, int]
    is_taken: bool
    words: str

    def lines(self) -> list[str]:
        """Return the answer as lines for a person."""
        limits = ", ".join(f"{name} {value:,}" for name, value in self.limits.items())
        taken = "Slurm would take such a job" if self.is_taken else "Slurm would NOT take such a job"
        return [f"{taken}{f': {inline(self.words, 1000)}' if self.words else ''}", limits, *self.partitions]


def read_test(code: int, words: str) -> tuple[bool, str]:
    """Return whether `sbatch --test-only` would take a job, and its words without the job's id and date.

    The date is when the job would start if nothing else came and all jobs ran to their limits: it says nothing.
    """
    return code == 0, re.sub(r"sbatch: Job \d+ to start at \S+ using", "a job would use", words)
