"""The Python interface: `load` a job file, `run` it. The command line is made of the same pieces.

from launcher import load, run

summary = run(load("jobs/report.toml"), devices="1,2,3", parallel=True)
print(summary.endings)
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launcher import job
from launcher.attempt import make_spec
from launcher.checkpoints import Checkpoints
from launcher.devices import Choice, choose
from launcher.errors import InputError, InUseError, WriteError
from launcher.job import Sweep
from launcher.locks import Lock, Waiting, lock_device, lock_folder
from launcher.loop import Loop
from launcher.nvml import gpus
from launcher.paths import Paths
from launcher.plan import Decision, Plan, decide, resolve
from launcher.process import StartMethod, Workers, check_platform
from launcher.records import RecordReader
from launcher.report import Report
from launcher.slots import Slot, make_slots, num_cores
from launcher.state import EventLog, environment, write_document
from launcher.summary import Summary
from launcher.views.log import Log
from launcher.views.progress import Progress


def load(
    job_file: str | Path,
    *,
    outcome: str | Path | None = None,
    logs: str | Path | None = None,
    threads: int | None = None,
) -> Sweep:
    """Read a job file; what is given here replaces what it says.

    Raises:
        InputError: the file is wrong; all of its problems are listed.
    """
    sweep = job.load(job_file)
    given: dict[str, Any] = {"outcome": outcome and str(outcome), "logs": logs and str(logs), "threads": threads}
    given = {key: value for key, value in given.items() if value is not None}
    try:
        return dataclasses.replace(sweep, settings=dataclasses.replace(sweep.settings, **given))
    except ValueError as error:
        raise InputError(str(error)) from error


def plan(sweep: Sweep, *, fresh: bool = False) -> Plan:
    """Say what a launch would do, without starting or writing anything.

    Raises:
        InputError: the target, a configuration or the outcome folder is wrong.
    """
    return decide(sweep, resolve(sweep), Paths(sweep.outcome, sweep.logs), fresh=fresh)


def select_devices(devices: str | int | Sequence[int | str] | None) -> Choice:
    """Choose devices: "cpu", ids ("1,2" or a list of them), or None for all idle GPUs, else CPU slots.

    Raises:
        InputError: an id is malformed, repeated or unknown.
        NoDeviceError: no GPU is idle.
    """
    ids = [devices] if isinstance(devices, int) else devices or ()
    wanted = devices if isinstance(devices, str) else ",".join(str(one) for one in ids)
    return choose(wanted, gpus(), os.environ, num_cores())


def run(
    sweep: Sweep,
    *,
    devices: str | int | Sequence[int | str] | None = None,
    parallel: bool = False,
    fresh: bool = False,
    wait: bool = False,
    start_method: StartMethod = "forkserver",
    progress: Progress | None = None,
) -> Summary:
    """Run what is not done of a sweep and return how it ended. Messages go to stderr.

    In parallel, one experiment a device at a time; otherwise one after another, each on its own device in turn. With
    `fresh` everything is trained again; with `wait` a folder or device in use is waited for.

    Raises:
        InputError: something is wrong with the sweep, the devices, the folders or the data; no worker was started.
        InUseError: another launcher holds the folder or a device.
        NoDeviceError: no device may be used.
    """
    check_platform()
    progress = progress or Progress()
    choice = select_devices(devices)
    experiments = resolve(sweep)
    paths = Paths(sweep.outcome, sweep.logs)
    decide(sweep, experiments, paths, fresh=fresh)  # refuses another sweep's folder before anything is made in it
    paths.create()
    with contextlib.ExitStack() as held:
        waiting = progress.say if wait else None
        held.callback(lock_folder(paths.lock, waiting).release)
        paths.remove_temporaries()
        plan = decide(sweep, experiments, paths, fresh=fresh)
        _settle(plan)
        progress.say(describe(plan))
        if not plan.to_run:
            return _nothing_to_do(plan, progress)
        locks = _lock_devices(choice, waiting if devices else None, is_named=bool(devices), held=held)
        slots = make_slots(
            [device for device in choice.devices if not device.uuid or device.uuid in locks],
            parallel=parallel,
            threads=sweep.settings.threads,
            cores=num_cores(),
        )
        if choice.notice:
            progress.say(f"*** {choice.notice} ***")
        return _launch(plan, slots, locks, parallel, start_method, progress)


def _settle(plan: Plan) -> None:
    """Write down the endings that no launcher lived to see, so that every attempt has one and every log is whole."""
    unseen = {decision.experiment.name: decision.unseen for decision in plan.decisions if decision.unseen}
    if not unseen:
        return
    with contextlib.suppress(OSError), contextlib.closing(EventLog(plan.paths.events)) as events:
        for name, one in unseen.items():
            log = Log(plan.paths.log(name))
            log.catch_up(
                record for record in RecordReader(plan.paths.records(name)).read() if record["attempt"] == one.attempt
            )
            log.ending(f"{name} {one.ending}, its launcher was gone")
            log.close()
            events.append("ended", experiment=name, why="", **dataclasses.asdict(one))


def describe(plan: Plan) -> str:
    """Return which experiments are kept, run, resumed and redone, and why, a line each."""
    width = max(len(decision.experiment.name) for decision in plan.decisions)
    lines = [f"sweep {plan.sweep.name} of {plan.sweep.job_file}, {len(plan.to_run)} of {len(plan.decisions)} to run:"]
    lines += [f"  {one.action:<6} {one.experiment.name:<{width}}  {one.why}" for one in plan.decisions]
    return "\n".join(lines)


def _nothing_to_do(plan: Plan, progress: Progress) -> Summary:
    report = Report(plan.paths)
    problems = report.draw() if report.missing() else []
    for problem in problems:
        progress.say(problem)
    progress.say(
        f"nothing to do: all experiments have ended. Results: {plan.paths.table_txt}. --fresh trains them again."
    )
    return Summary(endings={}, kept=plan.kept, num_unwritten=len(problems))


def _lock_devices(choice: Choice, waiting: Waiting, *, is_named: bool, held: contextlib.ExitStack) -> dict[str, Lock]:
    """Take the locks of the GPUs; one that is in use is an error if the user named it and passed over otherwise."""
    locks: dict[str, Lock] = {}
    refusal: InUseError | None = None
    for device in choice.devices:
        if not device.uuid:
            continue
        try:
            locks[device.uuid] = lock_device(device.uuid, waiting)
            held.callback(locks[device.uuid].release)
        except InUseError as error:
            refusal = error
            if is_named:
                raise
    if refusal is not None and not locks:
        raise refusal
    return locks


def _launch(
    plan: Plan,
    slots: list[Slot],
    locks: dict[str, Lock],
    parallel: bool,
    start_method: StartMethod,
    progress: Progress,
) -> Summary:
    workers = Workers(start_method, plan.sweep.settings.preload)
    workers.warm_up()
    problems = workers.prepare([make_spec(plan, decision, slots[0]) for decision in plan.to_run])
    if problems:
        raise InputError(problems.splitlines())
    launch = environment() | {
        "mode": "parallel" if parallel else "sequential",
        "start_method": start_method,
        "slots": [{"device": str(slot.device), "uuid": slot.device.uuid, "threads": slot.threads} for slot in slots],
    }
    try:
        write_document(plan.paths, plan.document(launch))
        for decision in plan.to_run:
            if decision.action != "resume":
                _forget(plan, decision)
        loop = Loop(plan, slots, is_parallel=parallel, workers=workers, locks=locks, progress=progress)
    except OSError as error:
        raise WriteError(f"{plan.paths.outcome} cannot be written: {error.strerror}. Nothing was started.") from error
    return loop.run()


def _forget(plan: Plan, decision: Decision) -> None:
    """Remove what an experiment that starts anew has left. Checkpoints first: records say that there was an attempt."""
    one = decision.experiment
    Checkpoints(plan.paths.checkpoints(one.name), one.name, one.digest).clear()
    plan.paths.records(one.name).unlink(missing_ok=True)
