"""Small parts of a launch for unit tests: a decision, a plan, a worker that only notes what it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.devices.device import Device
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.engine.attempt import Attempt
from launcher.engine.silence import SilenceWatch
from launcher.planning import job
from launcher.planning.decision import Decision, PlannedAction
from launcher.planning.experiment import Experiment
from launcher.planning.plan import Plan
from launcher.store.paths import Paths

CPU = SlotSet((Slot(0, Device("cpu", "cpu:0"), 1),))
GPU = SlotSet((Slot(0, Device("cuda", "0", "GPU-0", "A card", 8 * 2**30), 1),))


def decision(name: str = "a", index: int = 0, **config: Any) -> Decision:
    """Return the decision to train an experiment that has not run yet."""
    return Decision(Experiment(name, index, {}, config, f"digest of {name}"), PlannedAction.RUN, "new", 1)


def plan(folder: Path, decisions: Sequence[Decision], **settings: Any) -> Plan:
    """Return a plan in a folder; `settings` are those of the job file."""
    rows = [f"{key} = {value!r}" for key, value in ({"target": "toy:train", "preload": []} | settings).items()]
    names = [f'"{one.experiment.name}" = {{}}' for one in decisions]
    file = folder / "job.toml"
    file.write_text("\n".join(["[sweep]", *rows, "[experiments]", *names, ""]))
    return Plan(job.load(file), Paths(folder / "outcome", folder / "logs"), list(decisions))


@dataclass
class NotedWorker:
    """A worker that only notes what it is asked to do."""

    label: str = "in memory"
    waits: str = ""
    asked: list[str] = field(default_factory=list)
    cpu_s: float = 0.0

    def begin(self) -> None:
        self.asked.append("begin")

    def discard(self) -> None:
        self.asked.append("discard")

    def stop(self, *, force: bool) -> None:
        self.asked.append("kill" if force else "stop")

    def end_with_stacks(self) -> None:
        self.asked.append("stacks")

    def cpu_seconds(self) -> float:
        return self.cpu_s


def attempt(worker: NotedWorker, slots: SlotSet = CPU, *, warn_after_s: float = 10, end_after_s: float = 30) -> Attempt:
    """Return an attempt of the experiment a that began at 0 s."""
    return Attempt(decision(), slots, worker, SilenceWatch(0.0, warn_after_s, end_after_s), began_s=0.0)
