"""Trains the first steps of a finished experiment again, alone, and compares them bit for bit with the records."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from launcher.devices.device import Device
from launcher.devices.selection import select_devices
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.engine.attempt import make_spec
from launcher.engine.build_executor import build_for_slots
from launcher.errors import InputError, NoDeviceError
from launcher.executors.base import Demand, Executor, Handle, NotReady, WorkerExited
from launcher.planning.decision import Decision, PlannedAction
from launcher.planning.job import Sweep
from launcher.planning.plan import Plan, decide
from launcher.planning.resolve import resolve
from launcher.store.history import History, first_difference, read_history
from launcher.store.paths import Paths
from launcher.text import did_you_mean, inline
from launcher.worker.last_lines import last_lines
from launcher.worker.spec import Spec

_PAUSE_S = 0.02  # between two attempts to start the worker


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The result of training an experiment again."""

    experiment: str
    num_compared: int
    difference: str = ""  # empty if all the compared records are the same

    def __str__(self) -> str:
        if self.difference:
            return f"{self.experiment}: {self.difference}"
        return f"{self.experiment}: {self.num_compared} steps, all identical"


def verify(sweep: Sweep, names: Sequence[str], num_steps: int, devices: str | None = None) -> list[Verdict]:
    """Train the first steps of experiments again, on as many threads as they had; by default of all that are done.

    Raises:
        InputError: an experiment is unknown, not done, or its configuration has changed since.
        NoDeviceError: there is no device of the kind an experiment ran on.
    """
    plan = decide(sweep, resolve(sweep), Paths(sweep.outcome, sweep.logs))
    chosen = _choose(plan, names)
    available = select_devices(devices).devices
    return [_verify_one(plan, decision, num_steps, available) for decision in chosen]


def _choose(plan: Plan, names: Sequence[str]) -> list[Decision]:
    decisions = {decision.experiment.name: decision for decision in plan.decisions}
    problems = []
    for name in names:
        if name not in decisions:
            problems.append(f'there is no experiment "{inline(name, 100)}".{did_you_mean(name, decisions)}')
        elif decisions[name].action is not PlannedAction.KEEP:
            problems.append(f"{name} is not done: {decisions[name].why}. Only what is done can be verified.")
    if problems:
        raise InputError(problems)
    chosen = [decisions[name] for name in names] or [
        decision for decision in plan.decisions if decision.action is PlannedAction.KEEP
    ]
    if not chosen:
        raise InputError(f"no experiment in {plan.paths.outcome} is done. Run the sweep first.")
    return chosen


def _verify_one(plan: Plan, decision: Decision, num_steps: int, available: Sequence[Device]) -> Verdict:
    name = decision.experiment.name
    recorded = read_history(plan.paths.records(name))
    assert recorded.start is not None, "a kept experiment was started"
    kind, needed = recorded.start["device"], plan.sweep.settings.gpus
    usable = [device for device in available if device.kind == kind][:needed]
    if len(usable) < needed:
        ran = (
            f'a "{kind}" device, and there is none'
            if needed == 1
            else f'{needed} "{kind}" devices, and there are fewer'
        )
        raise NoDeviceError(f"{name} ran on {ran} to choose now.")
    last = min(num_steps, recorded.last_step)
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        paths = Paths(Path(folder), Path(folder) / "logs")
        threads = recorded.start["threads"]
        slots = SlotSet(tuple(Slot(index, device, threads) for index, device in enumerate(usable)))
        elsewhere = dataclasses.replace(plan, paths=paths)  # what a script writes is not to replace what it wrote
        spec = dataclasses.replace(make_spec(elsewhere, decision, slots), stop_after=last)
        _train(spec, build_for_slots(plan.sweep.settings, slots, paths))
        again = read_history(paths.records(name))
        return _compare(name, recorded, again, last, paths.log(name))


def _train(spec: Spec, executor: Executor) -> None:
    """Run one worker to its end."""
    try:
        executor.warm_up()
        _start(spec, executor).begin()
        while not any(isinstance(event, WorkerExited) for event in executor.poll()):
            select.select([executor.fileno()], [], [])
    finally:
        executor.close()


def _start(spec: Spec, executor: Executor) -> Handle:
    while True:
        slots = range(len(executor.slots))
        refusal = executor.refusal(spec.experiment, slots, Demand())
        if refusal is not None and refusal.gone is not None:
            raise NoDeviceError(f"{refusal.gone.device} is lost: {refusal.gone.why}.")
        if refusal is None or refusal.why:  # a card in use is no reason to wait: the user has asked for the check
            with contextlib.suppress(NotReady):
                return executor.start(spec, slots, Demand())
        time.sleep(_PAUSE_S)


def _compare(name: str, recorded: History, again: History, last: int, log: Path) -> Verdict:
    steps = [step for step in recorded.steps if step <= last]
    if again.last_step < last:
        lines = "".join(f"\n  | {line}" for line in last_lines(log))
        return Verdict(name, len(again.steps), f"it ended after step {again.last_step} when trained again.{lines}")
    step = first_difference({step: recorded.steps[step] for step in steps}, again.steps)
    if step is None:
        return Verdict(name, len(steps))
    was, now = recorded.steps[step], again.steps.get(step, {})
    keys = [key for key in was if repr(was[key]) != repr(now.get(key)) and not key.endswith("_s")]
    changes = ", ".join(f"{key} {was[key]!r} recorded, {now.get(key)!r} now" for key in keys)
    return Verdict(name, len(steps), f"step {step} is the first that differs: {changes}")
