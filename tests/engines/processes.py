"""A cluster of this machine's processes, for tests: what Slurm does, in milliseconds and without a daemon.

Each group is a supervisor in a session of its own, which lives on when the launcher dies. Its pid lies in a file, so
that another launch finds it. A test decides how many run at once, and may kill a node, requeue a job, or fall silent.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from launcher.clusters.base import Group, NotHeard, Over, Place, Running, State, Ticket, Waiting

ROOT = Path(__file__).parents[2]


class ProcessCluster:
    """Runs supervisors as processes of this machine.

    folder: where the files with the pids lie. at_once: how many run at the same time; the others wait.
    """

    name = "processes"

    def __init__(self, folder: Path, outcome: Path, at_once: int = 4) -> None:
        self.folder = folder
        self.outcome = outcome
        self.at_once = at_once
        self.path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))  # of the supervisors
        folder.mkdir(parents=True, exist_ok=True)

    def preview(self, num_groups: int) -> list[str]:
        return [f"{num_groups} processes"]

    def answers(self) -> list[str]:
        return ["this machine has processes"]

    def check(self) -> None:
        pass

    def submit(self, batch: str, groups: Sequence[Group]) -> list[Ticket]:
        self._listen()
        self._die("before")
        answers: list[Ticket] = []
        for number in range(len(groups)):
            ticket = f"{batch}_{number}"
            self._write(ticket, {"batch": batch, "number": number, "pid": 0, "restarts": 0})
            answers.append(ticket)
            if number >= len(groups) // 2:
                self._die("during")
        self._start_waiting()
        self._die("after")
        return answers

    def poll(self) -> Mapping[Ticket, State]:
        self._listen()
        self._start_waiting()
        return {ticket: self._state(job) for ticket, job in self._jobs().items()}

    def stop(self, tickets: Sequence[Ticket], *, force: bool) -> None:
        self._listen()
        for ticket in tickets:
            job = self._jobs().get(ticket)
            if job is None:
                continue
            if not job["pid"]:
                self.forget(ticket)
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(job["pid"], signal.SIGKILL if force else signal.SIGTERM)

    def avoid(self, node: str) -> None:
        pass

    def adopt(self) -> dict[Ticket, Place]:
        self._listen()
        jobs = self._jobs().items()
        return {t: Place(job["batch"], job["number"]) for t, job in jobs if not isinstance(self._state(job), Over)}

    def close(self) -> None:
        pass

    def pid(self, ticket: Ticket) -> int:
        """Return the pid of the supervisor of a ticket; 0 while it waits."""
        return int(self._jobs()[ticket]["pid"])

    def requeue(self, ticket: Ticket) -> None:
        """Let a job run once more, as Slurm does after the failure of a node."""
        with self._alone():
            job = self._jobs()[ticket]
            self._write(ticket, job | {"pid": 0, "restarts": job["restarts"] + 1})

    def forget(self, ticket: Ticket) -> None:
        """Remove a job, as Slurm does some minutes after its end."""
        (self.folder / f"{ticket}.job").unlink()

    def kill_all(self) -> None:
        """End every supervisor that is left."""
        for job in self._jobs().values():
            if job["pid"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(job["pid"], signal.SIGKILL)

    def _die(self, moment: str) -> None:
        """Kill the launcher at a moment of the first submit, if a test wants it: the file `die` names the moment."""
        file = self.folder / "die"
        if file.exists() and file.read_text() == moment:
            file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def _listen(self) -> None:
        if (self.folder / "silent").exists():
            raise NotHeard("it sleeps")

    def _jobs(self) -> dict[Ticket, dict[str, Any]]:
        return {path.stem: json.loads(path.read_text()) for path in sorted(self.folder.glob("*.job"))}

    def _write(self, ticket: Ticket, job: Mapping[str, Any]) -> None:
        beside = self.folder / f"{ticket}.new"
        beside.write_text(json.dumps(job))
        beside.rename(self.folder / f"{ticket}.job")

    def _start_waiting(self) -> None:
        with self._alone():
            jobs = self._jobs()
            running = sum(isinstance(self._state(job), Running) for job in jobs.values())
            for ticket, job in jobs.items():
                if not job["pid"] and running < self.at_once:
                    running += 1
                    self._write(ticket, job | {"pid": self._start(ticket, job)})

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process change jobs meanwhile: a test and its launcher would both start the same."""
        with (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _start(self, ticket: Ticket, job: Mapping[str, Any]) -> int:
        environment = os.environ | {
            "LAUNCHER_TICKET": ticket,
            "SLURM_RESTART_COUNT": str(job["restarts"]),
            "PYTHONPATH": self.path,
            "OUTPUT": str(self.outcome / "attempts" / "_out" / f"{ticket}.out"),
        }
        words = [sys.executable, "-m", "launcher.supervisor", str(self.outcome), job["batch"], str(job["number"])]
        start = 'setsid "$@" >>"$OUTPUT" 2>&1 </dev/null & echo $!'  # a child of no test, as the jobs of a cluster
        run = ["sh", "-c", start, "sh", *words]
        started = subprocess.run(run, cwd=self.folder.parent, env=environment, stdout=subprocess.PIPE, check=True)
        return int(started.stdout)

    def _state(self, job: Mapping[str, Any]) -> State:
        if not job["pid"]:
            return Waiting("places")
        try:
            status = Path(f"/proc/{job['pid']}/stat").read_text()
        except FileNotFoundError:
            return Over()
        return Over() if status.rpartition(")")[2].split()[0] == "Z" else Running("here")
