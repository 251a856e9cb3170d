"""A launch on a cluster of which one process plays all nodes: what remains is the launcher's own work.

    python bench/simulated_cluster.py SLOTS SECONDS     in a folder with a job.toml; prints JSON on the last line

The nodes claim, beat, record and end as supervisors do, through the same files; an attempt takes so many seconds.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from launcher.clusters.base import Group, Over, Place, Running, State, Ticket, Waiting
from launcher.clusters.order import Order
from launcher.engine.launch import launch
from launcher.engine.ports import Ports
from launcher.planning import job
from launcher.planning.launch_options import LaunchOptions
from launcher.reports.build import renew
from launcher.store.attempt_files import AttemptEnding
from launcher.store.batches import Batch
from launcher.store.beats import BeatFile
from launcher.store.claims import Claim, claim
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.last_records import LastRecords
from launcher.store.paths import Paths
from launcher.store.records import RecordWriter
from launcher.supervisor.end_file import write_end
from launcher.terminal.console import Console


def play_nodes(outcome: Path, batch: str, slots: int, seconds: float) -> None:
    """Run all groups of a batch, so many at once."""
    folders = ClusterPaths(outcome)
    found = Batch.read(folders.batch(batch))
    groups = found.groups
    running: dict[int, tuple[float, BeatFile]] = {}
    number = 0
    while number < len(groups) or running:
        while number < len(groups) and len(running) < slots:
            name, attempt = groups[number][0]
            running[number] = time.monotonic() + seconds, _begin(folders, found, name, attempt)
            (outcome / f".{batch}:{number}.runs").touch()
            number += 1
        for group, (end_s, beat) in list(running.items()):
            if time.monotonic() >= end_s:
                name, attempt = groups[group][0]
                with Paths(outcome, outcome, attempt).records(name).open("rb") as records:
                    last = LastRecords.of(records.fileno())
                ending = AttemptEnding(node="n1", code=0, seconds=seconds, last_records=last)
                write_end(folders.attempts(name), attempt, ending)
                beat.remove()
                (outcome / f".{batch}:{group}.runs").rename(outcome / f".{batch}:{group}.over")
                del running[group]
        time.sleep(0.02)


def _begin(folders: ClusterPaths, batch: Batch, name: str, attempt: int) -> BeatFile:
    claim(folders.attempts(name), attempt, Claim.of_this_process())
    spec = Order.of_line(batch.order((name, attempt)) or b"").spec
    beat = BeatFile(folders.beats, name, attempt)
    beat.move_on(0, 0, "starts")
    writer = RecordWriter(spec.paths.records(name), attempt)
    writer.write({"kind": "start", "digest": spec.digest, "device": "cpu", "threads": 1})
    writer.write({"loss": 1.0}, 1)
    writer.write({"kind": "end", "ending": "done"})
    writer.close()
    beat.move_on(300, 1, "ends")
    return beat


@dataclass
class SimulatedCluster:
    """A cluster whose nodes are one process."""

    outcome: Path
    slots: int
    seconds: float
    name: str = "simulated"
    times: dict[str, float] = field(default_factory=dict)
    tickets: list[Ticket] = field(default_factory=list)

    def preview(self, num_groups: int) -> list[str]:
        """Return nothing: there is nothing to know."""
        return []

    def answers(self) -> list[str]:
        """Return nothing: there is nothing to know."""
        return []

    def check(self) -> None:
        """Do nothing: it is there."""

    def submit(self, batch: str, groups: Sequence[Group]) -> list[Ticket]:
        """Start the process that plays the nodes."""
        self.times["submit_s"] = time.monotonic()
        words = [sys.executable, __file__, "nodes", str(self.outcome), batch, str(self.slots), str(self.seconds)]
        subprocess.Popen(words, start_new_session=True)
        tickets = [f"{batch}:{number}" for number in range(len(groups))]
        self.tickets += tickets
        return tickets

    def poll(self) -> Mapping[Ticket, State]:
        """Return the states, from the names of files."""
        there = frozenset(os.listdir(self.outcome))
        return {ticket: _state(ticket, there) for ticket in self.tickets}

    def stop(self, tickets: Sequence[Ticket], *, force: bool) -> None:
        """Do nothing."""

    def adopt(self) -> dict[Ticket, Place]:
        """Return nothing: each folder is new."""
        return {}

    def close(self) -> None:
        """Do nothing."""


def _state(ticket: Ticket, there: frozenset[str]) -> State:
    if f".{ticket}.over" in there:
        return Over(0)
    return Running("n1") if f".{ticket}.runs" in there else Waiting("Resources")


def main() -> None:
    """Launch, and print what the launcher's own process has used."""
    if sys.argv[1] == "nodes":
        play_nodes(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
        return
    slots, seconds = int(sys.argv[1]), float(sys.argv[2])
    began_s = time.monotonic()
    made: list[SimulatedCluster] = []

    def _make(_name: str, _settings: object, outcome: Path, _grace_s: float, _can_resume: bool) -> SimulatedCluster:
        made.append(SimulatedCluster(outcome, slots, seconds))
        return made[0]

    ports = Ports(renew_views=renew, make_cluster=partial(_make))  # type: ignore[arg-type]
    summary = launch(job.load("job.toml"), LaunchOptions(on="slurm"), console=Console(is_quiet=True), ports=ports)
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {"num": len(summary.endings), "code": summary.exit_code, "cpu_s": used.ru_utime + used.ru_stime}
    told |= {"wall_s": time.monotonic() - began_s, "submit_s": made[0].times["submit_s"] - began_s}
    print(json.dumps(told | {"peak_mb": used.ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
