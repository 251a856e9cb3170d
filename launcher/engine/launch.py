"""One launch of a sweep: locks, decisions, the check of the data, then the event loop. `api.run` is the way in."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
from collections.abc import Callable
from typing import Any

from launcher.devices.selection import DeviceSelection
from launcher.devices.slots import Slot
from launcher.engine.attempt import make_spec
from launcher.engine.console import Console
from launcher.engine.earlier import Earlier, mend
from launcher.engine.footing import Footing
from launcher.engine.loop import Loop
from launcher.engine.report_process import ReportProcess
from launcher.engine.signals import ignoring_signal
from launcher.engine.summary import Summary
from launcher.errors import InputError, InUseError, WriteError
from launcher.executors.local import Workers, check_platform
from launcher.planning.folder_owner import check_folder_owner, write_owner_note
from launcher.planning.job import Sweep
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.origin import Origin
from launcher.planning.plan import Plan, decide
from launcher.planning.provenance import commit
from launcher.planning.resolve import resolve
from launcher.planning.wording import describe, notices, repeated_training
from launcher.shell_command import command_to_type
from launcher.sinks.text_log import Log
from launcher.store.locks import Lock, Waiting, lock_device, lock_folder
from launcher.store.paths import Paths
from launcher.store.records import RecordReader
from launcher.store.requests import clear
from launcher.store.state import EventLog, environment, is_written, write_document

Renew = Callable[[Paths], list[str]]


def launch(sweep: Sweep, options: LaunchOptions, *, console: Console, renew_views: Renew) -> Summary:
    """Run what is not done of a sweep. `renew_views` makes outdated views again, where there is nothing to run.

    Raises: see `launcher.run`.
    """
    check_platform()
    choice = options.choose(sweep.settings)
    experiments = resolve(sweep)
    paths = Paths(sweep.outcome, sweep.logs)
    check_folder_owner(sweep, paths)  # before anything is made in the folders
    paths.create()
    with contextlib.ExitStack() as held:
        held.enter_context(ignoring_signal(signal.SIGUSR1))  # the loop answers it; until then and after it does nothing
        waiting = console.message if options.wait else None
        lock = lock_folder(paths.lock, waiting)
        held.callback(lock.release)
        footing = Footing(paths, lock)
        held.callback(footing.close)
        mend(paths)
        paths.remove_temporaries()
        clear(paths.requests)
        plan = decide(sweep, experiments, paths, fresh=options.fresh)
        _record_missing_endings(plan)
        console.message(describe(plan), "routine")
        for note in [*notices(plan), *repeated_training(plan), *write_owner_note(sweep, paths)]:
            console.message(note)
        if not plan.to_run:
            return _nothing_to_do(plan, console, renew_views)
        is_named = bool(options.devices)
        locks = _lock_devices(choice, waiting if is_named else None, is_named=is_named, held=held)
        usable = [device for device in choice.devices if not device.uuid or device.uuid in locks]
        slots = options.slots(usable, sweep.settings)
        if choice.notice:
            console.message(f"*** {choice.notice} ***")
        console.begin(plan, slots)
        return _start(plan, slots, locks, footing, options, console)


def _record_missing_endings(plan: Plan) -> None:
    """Write down the endings that no launcher lived to see, so that every attempt has one and every log is whole."""
    unseen = {
        decision.experiment.name: decision.evidence.lost_ending
        for decision in plan.decisions
        if decision.evidence.lost_ending
    }
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


def _nothing_to_do(plan: Plan, console: Console, renew_views: Renew) -> Summary:
    """Say so; if the job has changed in what it shows, write that down and renew the views."""
    problems = _renew_document(plan) + renew_views(plan.paths)
    for problem in problems:
        console.message(problem)
    of_all = "all" if plan.sweep.only is None else "the selected"
    console.message(
        f"nothing to do: {of_all} experiments have ended. Results: {plan.paths.table_txt}. --fresh trains them again."
    )
    return Summary(endings={}, kept=plan.kept, num_unwritten=len(problems))


def _renew_document(plan: Plan) -> list[str]:
    """Write `sweep.json` anew if it is not as the job is now; the newest launch in it stays. Return what went wrong."""
    before = plan.previous
    launch: dict[str, Any] = dict(before.launch) if before else {}
    if "origin" in launch or plan.sweep.adopts or before is None:
        launch["origin"] = dataclasses.asdict(Origin.of(plan.sweep, plan.paths.outcome))
    document = plan.manifest(launch)
    if before is not None and is_written(document, before):
        return []
    try:
        write_document(plan.paths, document)
    except OSError as error:
        return [f"{plan.paths.sweep} cannot be written: {error.strerror}."]
    _remove_views(plan)
    return []


def _remove_views(plan: Plan) -> None:
    """Remove the plots that compare experiments by a metric the job names no more."""
    for metric in plan.previous.metrics if plan.previous else ():
        if metric not in plan.sweep.settings.metrics:
            with contextlib.suppress(OSError):
                plan.paths.curves(metric).unlink(missing_ok=True)


def _outdated(plan: Plan, earlier: Earlier) -> list[str]:
    """Return the experiments whose views would show what is not so any more, until one of this launch has ended."""
    before = plan.previous
    if before is None:
        return []
    now = plan.manifest(before.launch)
    shown = (now.metrics, now.maximize, [one.name for one in now.experiments])
    if (before.metrics, before.maximize, [one.name for one in before.experiments]) != shown:
        return [one.experiment.name for one in plan.decisions]
    return list(earlier.kept)


def _lock_devices(
    choice: DeviceSelection, waiting: Waiting, *, is_named: bool, held: contextlib.ExitStack
) -> dict[str, Lock]:
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
    footing: Footing,
    options: LaunchOptions,
    console: Console,
) -> Summary:
    workers = Workers(options.start_method, plan.sweep.settings.preload, console.message)
    workers.warm_up()
    remedy = command_to_type("report", plan.sweep.job_file, plan.sweep.folders)
    drawing = ReportProcess(plan.paths, console.message, has_plots=bool(plan.sweep.settings.metrics), remedy=remedy)
    drawing.warm_up()
    try:
        loop = _prepare(plan, slots, locks, footing, options, workers, drawing, console)
    except BaseException:
        drawing.close()
        workers.close()
        raise
    return loop.run()


def _prepare(
    plan: Plan,
    slots: list[Slot],
    locks: dict[str, Lock],
    footing: Footing,
    options: LaunchOptions,
    workers: Workers,
    drawing: ReportProcess,
    console: Console,
) -> Loop:
    """Let the target check its data, move aside what experiments have left that begin anew, write down the plan."""
    problems = workers.prepare([make_spec(plan, decision, slots[0]) for decision in plan.to_run])
    if problems:
        raise InputError(problems.splitlines())
    is_parallel = options.is_parallel(plan.sweep.settings)
    launch = environment() | {
        "mode": "parallel" if is_parallel else "sequential",
        "start_method": options.start_method,
        "set": plan.sweep.cli_overrides,
        "origin": dataclasses.asdict(Origin.of(plan.sweep, plan.paths.outcome)),
        "commit": commit(plan.sweep.job_file.parent),
        "attempts": {decision.experiment.name: decision.attempt for decision in plan.to_run},  # the first of each
        "slots": [
            {"device": str(slot.device), "uuid": slot.device.uuid, "threads": slot.threads, "share": slot.share}
            for slot in slots
        ],
    }
    earlier = Earlier(plan)
    try:
        earlier.move()
        write_document(plan.paths, plan.manifest(launch))
        loop = Loop(
            plan,
            slots,
            is_parallel=is_parallel,
            workers=workers,
            locks=locks,
            drawing=drawing,
            console=console,
            footing=footing,
        )
    except OSError as error:
        earlier.undo()
        raise WriteError(f"{plan.paths.outcome} cannot be written: {error.strerror}. Nothing was started.") from error
    earlier.note()
    _remove_views(plan)
    if earlier.kept:
        console.message(earlier.describe())
    if outdated := _outdated(plan, earlier):
        drawing.request(outdated)
    return loop
