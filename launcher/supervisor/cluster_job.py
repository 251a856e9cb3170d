"""The cluster's job that this process runs in, as its environment tells. Nothing is asked of the cluster."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from launcher.store import values
from launcher.text import inline

_LIMIT_S = 60.0  # for the answer to the request for a successor


@dataclass(frozen=True)
class ClusterJob:
    """The job of a supervisor.

    ticket: what tells it from other jobs. All its runs have the same, where the cluster runs it again. Empty: unknown.
    num_restarts: how often the cluster has started it again.
    node: the name of this machine, in the words of the cluster.
    resubmit: the command that asks for a job that goes on; empty: there is none.
    """

    ticket: str = ""
    num_restarts: int = 0
    node: str = ""
    resubmit: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> ClusterJob:
        """Return the job that an environment tells of."""
        names = (
            environment.get("LAUNCHER_TICKET"),
            environment.get("SLURM_JOB_ID"),
            environment.get("SLURM_ARRAY_TASK_ID"),
        )
        restarts = environment.get("SLURM_RESTART_COUNT", "")
        resubmit: list[str] = []
        with contextlib.suppress(ValueError):
            resubmit = values.texts(values.load(environment.get("LAUNCHER_RESUBMIT", "[]").encode()))
        return cls(
            ":".join(filter(None, names)),
            int(restarts) if restarts.isascii() and restarts.isdigit() else 0,
            environment.get("SLURMD_NODENAME") or socket.gethostname(),
            tuple(resubmit),
        )

    def submit_successor(self) -> tuple[str, str]:
        """Ask the cluster for a job that goes on. Return its ticket, or an empty text and why there is none.

        The command prints the ticket. It must see to it that the new job begins after the end of this job.
        """
        if not self.resubmit:
            return "", f"there is no command for it: LAUNCHER_RESUBMIT is {json.dumps(list(self.resubmit))}"
        try:
            done = subprocess.run(
                self.resubmit, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_S, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return "", inline(str(error), 500)
        told = inline((done.stdout if done.returncode == 0 else done.stderr).decode(errors="replace").strip(), 500)
        if done.returncode:
            return "", f"{self.resubmit[0]} ended with exit code {done.returncode}: {told}"
        return told.partition(";")[0] or "unknown", ""


def this_job() -> ClusterJob:
    """Return the job of this process."""
    return ClusterJob.of(os.environ)
