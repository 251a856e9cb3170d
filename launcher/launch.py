"""One launch of a sweep: locks, decisions, the check of the data, then the event loop. `api.run` is the way in."""

from __future__ import annotations

import contextlib
import dataclasses
import signal

from launcher.attempt import make_spec
from launcher.checkpoints import Checkpoints
from launcher.commit import commit
from launcher.devices import Choice
from launcher.drawing import Drawing
from launcher.errors import InputError, InUseError, WriteError
from launcher.job import Sweep
from launcher.locks import Lock, Waiting, lock_device, lock_folder
from launcher.loop import Loop
from launcher.paths import Paths
from launcher.plan import Decision, Plan, decide
from launcher.process import StartMethod, Workers, check_platform
from launcher.records import RecordReader
from launcher.report import Report
from launcher.requests import clear
from launcher.resolve import resolve
from launcher.signals import enduring
from launcher.slots import Slot, make_slots, num_cores
from launcher.state import EventLog, environment, write_document
from launcher.summary import Summary
from launcher.views import outline
from launcher.views.log import Log
from launcher.views.progress import Progress


def launch(
    sweep: Sweep,
    *,
    choice: Choice,
    is_named: bool,
    is_parallel: bool,
    fresh: bool,
    wait: bool,
    start_method: StartMethod,
    progress: Progress,
) -> Summary:
    """Run what is not done of a sweep on the devices chosen, which the user named or not. See `api.run`."""
    check_platform()
    experiments = resolve(sweep)
    paths = Paths(sweep.outcome, sweep.logs)
    decide(sweep, experiments, paths, fresh=fresh)  # refuses another sweep's folder before anything is made in it
    paths.create()
    with contextlib.ExitStack() as held:
        held.enter_context(enduring(signal.SIGUSR1))  # the loop answers it; until then and after it does nothing
        waiting = progress.say if wait else None
        held.callback(lock_folder(paths.lock, waiting).release)
        paths.remove_temporaries()
        clear(paths.requests)
        plan = decide(sweep, experiments, paths, fresh=fresh)
        _settle(plan)
        progress.say(plan.describe(), "routine")
        for note in plan.notes():
            progress.say(note)
        if not plan.to_run:
            return _nothing_to_do(plan, progress)
        locks = _lock_devices(choice, waiting if is_named else None, is_named=is_named, held=held)
        slots = make_slots(
            [device for device in choice.devices if not device.uuid or device.uuid in locks],
            parallel=is_parallel,
            threads=sweep.settings.threads,
            cores=num_cores(),
            per_device=sweep.settings.slots_per_device,
        )
        if choice.notice:
            progress.say(f"*** {choice.notice} ***")
        if progress.is_verbose:
            progress.say(outline.details(plan, slots))
        return _start(plan, slots, locks, is_parallel, start_method, progress)


def _settle(plan: Plan) -> None:
    """Write down the endings that no launcher lived to see, so that every attempt has one and every log is whole."""
    unseen = {decision.experiment.name: decision.unseen for decision in plan.decisions if decision.unseen}
    if not unseen:
        return
    with contextlib.suppress(OSError), contextlib.closing(EventLog(plan.paths.events)) as events:
        for name, one in unseen.items():
            log = Log(plan.paths.log(name))
            with contextlib.suppress(OSError):
                records = RecordReader(plan.paths.records(name)).read()
                log.catch_up(record for record in records if record["attempt"] == one.attempt)
            log.ending(f"{name} {one.ending}, its launcher was gone")
            log.close()
            events.append("ended", experiment=name, why="", **dataclasses.asdict(one))


def _nothing_to_do(plan: Plan, progress: Progress) -> Summary:
    report = Report(plan.paths)
    problems = report.draw() if report.missing() else []
    for problem in problems:
        progress.say(problem)
    of_all = "all" if plan.sweep.selected is None else "the selected"
    progress.say(
        f"nothing to do: {of_all} experiments have ended. Results: {plan.paths.table_txt}. --fresh trains them again."
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


def _start(
    plan: Plan,
    slots: list[Slot],
    locks: dict[str, Lock],
    is_parallel: bool,
    start_method: StartMethod,
    progress: Progress,
) -> Summary:
    workers = Workers(start_method, plan.sweep.settings.preload, progress.say)
    workers.warm_up()
    drawing = Drawing(plan.paths, progress.say, has_plots=bool(plan.sweep.settings.metrics))
    drawing.warm_up()
    try:
        loop = _prepare(plan, slots, locks, is_parallel, start_method, workers, drawing, progress)
    except BaseException:
        drawing.close()
        workers.close()
        raise
    return loop.run()


def _prepare(
    plan: Plan,
    slots: list[Slot],
    locks: dict[str, Lock],
    is_parallel: bool,
    start_method: StartMethod,
    workers: Workers,
    drawing: Drawing,
    progress: Progress,
) -> Loop:
    """Let the target check its data, write down what is planned, and forget what is begun anew."""
    problems = workers.prepare([make_spec(plan, decision, slots[0]) for decision in plan.to_run])
    if problems:
        raise InputError(problems.splitlines())
    launch = environment() | {
        "mode": "parallel" if is_parallel else "sequential",
        "start_method": start_method,
        "set": plan.sweep.given,
        "commit": commit(plan.sweep.job_file.parent),
        "attempts": {decision.experiment.name: decision.attempt for decision in plan.to_run},  # the first of each
        "slots": [
            {"device": str(slot.device), "uuid": slot.device.uuid, "threads": slot.threads, "share": slot.share}
            for slot in slots
        ],
    }
    try:
        write_document(plan.paths, plan.document(launch))
        for decision in plan.to_run:
            if decision.action != "resume" and not decision.obstacle:
                _forget(plan, decision)
        return Loop(
            plan, slots, is_parallel=is_parallel, workers=workers, locks=locks, drawing=drawing, progress=progress
        )
    except OSError as error:
        raise WriteError(f"{plan.paths.outcome} cannot be written: {error.strerror}. Nothing was started.") from error


def _forget(plan: Plan, decision: Decision) -> None:
    """Remove what an experiment that starts anew has left. Checkpoints first: records say that there was an attempt."""
    one = decision.experiment
    Checkpoints(plan.paths.checkpoints(one.name), one.name, one.digest).clear()
    plan.paths.telemetry(one.name).unlink(missing_ok=True)
    plan.paths.records(one.name).unlink(missing_ok=True)
