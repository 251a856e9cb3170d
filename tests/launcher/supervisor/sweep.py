"""A sweep of toy experiments as a launcher hands it to a cluster: orders, batches, and supervisors as processes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.clusters.base import Job
from launcher.clusters.fingerprint import fingerprint
from launcher.clusters.order import Order
from launcher.store.attempt_files import AttemptEnding, AttemptFiles, own_paths
from launcher.store.batches import Batch, write_batch
from launcher.store.beats import Beat, read_beats
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.history import History, read_history
from launcher.store.paths import Paths
from launcher.supervisor.cluster_job import ClusterJob
from launcher.supervisor.opening import Left, Owned, open_attempt
from launcher.worker.spec import Spec
from tests.launcher.conftest import MARK, TOYS, wait_for

# Of ToyConfig: a worker makes sure that what was given is what was checked.
_DEFAULTS: dict[str, Any] = {
    "steps": 5,
    "step_s": 0.0,
    "at": 0,
    "act": "",
    "acks": "",
    "barrier": "",
    "lr": 0.1,
}


@dataclass
class ToySweep:
    """The outcome folder of a sweep, its launcher's side and its nodes'."""

    folder: Path
    mark: str
    environment: dict[str, str] = field(default_factory=dict)  # of the supervisors
    prefix: tuple[str, ...] = ()  # of the command of a supervisor
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    orders: dict[Job, Order] = field(default_factory=dict)  # that a batch may have

    @property
    def paths(self) -> Paths:
        return Paths(self.folder / "outcome", self.folder / "logs")

    def spec(
        self,
        experiment: str = "a",
        attempt: int = 1,
        target: str = "toy:train",
        folder: Path = TOYS,
        **config: Any,
    ) -> Spec:
        return Spec(
            experiment=experiment,
            attempt=attempt,
            target=target,
            folder=folder,
            config=_DEFAULTS | config if target == "toy:train" else config,
            given=config,
            digest=f"digest of {experiment}",
            state_digest=f"digest of {experiment}",
            seed=1,
            device_type="cpu",
            environment={},
            threads=1,
            paths=self.paths.absolute(),
            checkpoint_s=0.0,
        )

    def order(self, spec: Spec, **fields: Any) -> Order:
        """Make the order of an attempt, for a batch; the next one, if a cluster starts it, goes on."""
        fields = {"beat_s": 0.2, "grace_s": 5.0, "code": fingerprint(spec), "again": spec, "telemetry_s": 0.2} | fields
        order = self.orders[Job(spec.experiment, spec.attempt)] = Order(spec=spec, **fields)
        return order

    def batch(self, *jobs: tuple[str, int], name: str = "b1") -> str:
        """Write a batch of one group."""
        self.write_batch(name, [jobs])
        return name

    def write_batch(self, name: str, groups: Sequence[Sequence[tuple[str, int]]]) -> Batch:
        """Write a batch, with the orders that were made."""
        path = ClusterPaths(self.paths.outcome).batch(name)
        jobs = (Job(*job) for group in groups for job in group)
        write_batch(path, groups, {job: self.orders[job].line() for job in jobs if job in self.orders})
        return Batch.read(path)

    def open(self, attempt: int, job: ClusterJob, experiment: str = "a") -> Owned | Left:
        """Do what a supervisor does with an order, in this process."""
        batch = self.write_batch("b1", [[(experiment, attempt)]])
        return open_attempt(batch, self.paths.outcome, experiment, attempt, job)

    def files(self, experiment: str = "a") -> AttemptFiles:
        return AttemptFiles.look(ClusterPaths(self.paths.outcome).attempts(experiment))

    def end(self, attempt: int = 1, experiment: str = "a") -> AttemptEnding | None:
        return AttemptEnding.read(self.files(experiment).path(attempt, "end"))

    def ended(self, attempt: int = 1, experiment: str = "a") -> AttemptEnding:
        """Return the end of an attempt that has ended."""
        found = self.end(attempt, experiment)
        assert found is not None, f"attempt {attempt} of {experiment} has no end"
        return found

    def reference(self, steps: int) -> Iterator[tuple[int, float]]:
        """Yield the step and the loss of each step of a toy that nothing has interrupted."""
        for step in range(1, steps + 1):
            yield step, 10 * math.exp(-step * _DEFAULTS["lr"]) + 1

    def beats(self) -> dict[tuple[str, int], Beat]:
        return read_beats(ClusterPaths(self.paths.outcome).beats)

    def history(self, experiment: str = "a") -> History:
        return read_history(own_paths(self.paths, experiment).records(experiment))

    def log(self, experiment: str = "a") -> str:
        path = self.paths.log(experiment)
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self, batch: str = "b1", number: int = 0, **environment: str) -> subprocess.Popen[str]:
        """Start a supervisor, as a cluster does."""
        hidden = ("CUDA_VISIBLE_DEVICES",)
        known = {key: value for key, value in os.environ.items() if key not in hidden}
        known |= {MARK: self.mark, "LAUNCHER_LOCKS": str(self.folder / "locks")} | self.environment | environment
        process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "launcher.supervisor", str(self.paths.outcome), batch, str(number)],
            cwd=self.folder,
            env=known | {"PYTHONPATH": os.pathsep.join(filter(None, [str(Path.cwd()), known.get("PYTHONPATH")]))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, batch: str = "b1", number: int = 0, **environment: str) -> tuple[int, str]:
        """Run a supervisor to its end. Return its exit code and what it printed."""
        return finish(self.start(batch, number, **environment))

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def finish(process: subprocess.Popen[str], limit_s: float = 60.0) -> tuple[int, str]:
    """Wait for a supervisor. Return its exit code and what it printed."""
    out, _ = process.communicate(timeout=limit_s)
    assert "Traceback" not in out, out
    return process.returncode, out


def steps_of(path: Path) -> list[int]:
    """Return the steps in a record file as they were written."""
    records = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]  # the last may be half written
    return [record["step"] for record in records if "kind" not in record]


def wait_for_step(sweep: ToySweep, step: int, attempt: int = 1, experiment: str = "a") -> None:
    """Wait until an attempt has recorded a step."""
    path = sweep.paths.of_attempt(attempt).records(experiment)
    wait_for(lambda: path.exists() and (steps_of(path) or [0])[-1] >= step)
