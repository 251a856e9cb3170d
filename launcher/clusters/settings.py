"""The [cluster] table of a job file: what an experiment needs on a cluster, and how the cluster is asked for it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::([0-5]?\d))?(?::([0-5]?\d))?")


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """The keys of the [cluster] table of a job file, which counts with `--on`:

    on: the cluster that `--on` has by default: `"slurm"` or `"ray"`; without it `"here"`, this machine.
    gpus: the GPUs of an experiment, 0 for none; by default as many as `gpus` of [sweep] says. On Ray also a part of
        one, as `0.5`.
    cpus: the CPU cores of an experiment; also its CPU threads, unless `threads` of [sweep] says otherwise.
    mem_gb: the memory of an experiment, in GiB.
    time: the time limit of a job, as in `"4:00:00"` or `"1-12"`, in Slurm's form. Training goes on in another job.
    partition: Slurm's partition.
    account: Slurm's account.
    qos: Slurm's quality of service.
    constraint: the features that a node must have, in Slurm's form.
    reservation: Slurm's reservation.
    at_once: at most so many jobs run at the same time; by default all.
    per_job: how many experiments share one job, for sites that give whole nodes only.
    setup: shell lines before the launcher's program on a node, as in `["module load cuda/12.4"]`.
    extra: further arguments of sbatch, as they are: `["--exclude=n13"]`.
    requeue: whether Slurm starts a job again after preemption or the failure of a node; by default where the experiment
        can go on from a checkpoint.
    code: what runs if code is edited while jobs wait. `"check"`: nothing; an attempt whose target or script has changed
        is refused. `"copy"`: the code of the launch, which is copied into the outcome folder. That is what git
        tracks, 20 MB at most, and Python files that git does not ignore.
    on_leave: what Ctrl-C, SIGTERM or a hang-up of the launcher mean for its experiments: they go on (`"go_on"`), or
        save and end (`"stop"`).
    beat_s: seconds between two signs of life of a running experiment, from 0.2; by default 5 to 60, the more run.
    poll_s: seconds between two questions to the cluster, from 0.2; by default 30, and 5 after something has
        happened, or 0.02 for each experiment that waits or runs, if that is more; on Ray 2.
    """

    on: Literal["", "slurm", "ray", "here"] = ""
    gpus: float | None = None
    cpus: int | None = None
    mem_gb: float | None = None
    time: str = ""
    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    reservation: str = ""
    at_once: int | None = None
    per_job: int = 1
    setup: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    requeue: bool | None = None
    code: Literal["check", "copy"] = "check"
    on_leave: Literal["go_on", "stop"] = "go_on"
    beat_s: float | None = None
    poll_s: float | None = None

    def __post_init__(self) -> None:
        wrong = []
        if self.gpus is not None and not 0 <= self.gpus <= 64:
            wrong.append(f"gpus is a number from 0 to 64, not {self.gpus}")
        if self.gpus is not None and self.gpus > 1 and self.gpus != int(self.gpus):
            wrong.append(f"gpus is a whole number, or a part of one GPU, as 0.5; not {self.gpus}")
        if self.cpus is not None and not 1 <= self.cpus <= 1024:
            wrong.append(f"cpus is a whole number from 1 to 1024, not {self.cpus}")
        if self.mem_gb is not None and not 0 < self.mem_gb < math.inf:
            wrong.append(f"mem_gb is a number above 0, not {self.mem_gb}")
        if self.time and self.seconds is None:
            wrong.append(f'time is as Slurm has it, such as "4:00:00" or "1-12", not "{self.time}"')
        if self.at_once is not None and self.at_once < 1:
            wrong.append(f"at_once is a whole number from 1, not {self.at_once}")
        if not 1 <= self.per_job <= 64:
            wrong.append(f"per_job is a whole number from 1 to 64, not {self.per_job}")
        for key in ("beat_s", "poll_s"):
            if (value := getattr(self, key)) is not None and not 0.2 <= value <= 3600:
                wrong.append(f"{key} is a number of seconds from 0.2 to 3600, not {value}")
        if wrong:
            raise ValueError("; ".join(wrong))

    @property
    def seconds(self) -> int | None:
        """The time limit of a job in seconds; None without a limit.

        Slurm's forms: minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes and
        days-hours:minutes:seconds (sbatch(1)).
        """
        match = _TIME.fullmatch(self.time)
        if match is None:
            return None
        days, first, second, third = (int(part) if part else 0 for part in match.groups())
        if match[1] is not None:
            return ((days * 24 + first) * 60 + second) * 60 + third
        if match[4] is not None:
            return (first * 60 + second) * 60 + third
        return first * 60 + second
