"""One launch of a sweep: locks, decisions, the check of the data, then the event loop. `api.run` is the way in."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace

from launcher.devices.slots import Slot
from launcher.engine.attempt import make_spec
from launcher.engine.console import Console
from launcher.engine.earlier import Earlier, mend
from launcher.engine.footing import Footing
from launcher.engine.loop import Loop
from launcher.engine.ports import Ports
from launcher.engine.signals import ignoring_signal
from launcher.engine.summary import Summary
from launcher.errors import InputError, WriteError
from launcher.executors.base import Executor
from launcher.planning.decision import Decision
from launcher.planning.folder_owner import check_folder_owner, write_owner_note
from launcher.planning.growth import grow, with_proposals
from launcher.planning.job import Sweep
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.origin import Origin
from launcher.planning.plan import Plan, decide
from launcher.planning.provenance import commit
from launcher.planning.resolve import resolve
from launcher.planning.wording import describe, notices, repeated_training
from launcher.search.searcher import Proposal, Searcher
from launcher.sinks.text_log import text_log
from launcher.store.events import Ended, EventLog
from launcher.store.launch_info import LaunchInfo, Placement
from launcher.store.locks import lock_folder
from launcher.store.manifest import is_written, write_manifest
from launcher.store.paths import Paths
from launcher.store.provenance import environment
from launcher.store.records import RecordReader
from launcher.store.requests import clear


def launch(sweep: Sweep, options: LaunchOptions, *, console: Console, ports: Ports) -> Summary:
    """Run what is not done of a sweep.

    Raises: see `launcher.run`.
    """
    _check_platform()
    choice = options.choose(sweep.settings)
    searcher = ports.make_searcher(sweep)
    sweep = with_proposals(sweep, searcher.ask())
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
            return _nothing_to_do(plan, console, ports.renew_views)
        executor = ports.make_executor(sweep.settings, options, choice, paths, console.message)
        held.callback(executor.close)
        if choice.notice:
            console.message(f"*** {choice.notice} ***")
        console.begin(plan, executor.slots)
        return _start(plan, executor, footing, options, console, ports, searcher)


def _check_platform() -> None:
    """Say in one line where this launcher cannot run.

    Raises:
        InputError: not Linux with pidfd_open (5.4).
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise InputError("this launcher needs Linux 5.4 or newer (pidfd_open) and Python 3.11 or newer.") from error


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
            log = text_log(plan.paths, name)
            with contextlib.suppress(OSError):
                records = RecordReader(plan.paths.records(name)).read()
                log.catch_up(record for record in records if record["attempt"] == one.attempt)
            log.ending(f"{name} {one.ending}, its launcher was gone")
            log.close()
            events.append(Ended(name, one.attempt, one.ending, "", one.seconds))


def _nothing_to_do(plan: Plan, console: Console, renew_views: Callable[[Paths], list[str]]) -> Summary:
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
    launch = before.launch if before else LaunchInfo()
    if launch.origin is not None or plan.sweep.adopts or before is None:
        launch = replace(launch, origin=dataclasses.asdict(Origin.of(plan.sweep, plan.paths.outcome)))
    document = plan.manifest(launch)
    if before is not None and is_written(document, before):
        return []
    try:
        write_manifest(plan.paths, document)
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


def _start(
    plan: Plan,
    executor: Executor,
    footing: Footing,
    options: LaunchOptions,
    console: Console,
    ports: Ports,
    searcher: Searcher,
) -> Summary:
    """Let the target check its data, move aside what experiments have left that begin anew, and run."""
    executor.warm_up()
    views = ports.make_views(plan, console.message)
    try:
        _check_data(plan, executor)
        launch_info = _launch_info(plan, executor.slots, options)
        earlier = Earlier(plan)
        try:
            earlier.move()
            written = _WrittenPlan(plan, executor, launch_info)
            loop = Loop(
                plan,
                executor,
                is_parallel=options.is_parallel(plan.sweep.settings),
                views=views,
                console=console,
                footing=footing,
                sinks=ports.sinks,
                searcher=searcher,
                stopper=ports.stopper,
                decide=written.grow,
            )
        except OSError as error:
            earlier.undo()
            told = f"{plan.paths.outcome} cannot be written: {error.strerror}. Nothing was started."
            raise WriteError(told) from error
        earlier.note()
        _remove_views(plan)
        if earlier.kept:
            console.message(earlier.describe())
        if outdated := _outdated(plan, earlier):
            views.request(outdated)
    except BaseException:
        views.close()
        raise
    return loop.run()


def _check_data(plan: Plan, executor: Executor) -> None:
    slot = executor.slots[0]
    if problems := executor.prepare([make_spec(plan, decision, slot) for decision in plan.to_run]):
        raise InputError(problems)


class _WrittenPlan:
    """A plan that stands in `sweep.json`, also after it has grown.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, plan: Plan, executor: Executor, launch_info: LaunchInfo) -> None:
        self._plan = plan
        self._executor = executor
        self._launch_info = launch_info
        write_manifest(plan.paths, plan.manifest(launch_info))

    def grow(self, proposals: Sequence[Proposal]) -> list[Decision]:
        """Plan these experiments too, let the target check its data, and write them down; return their decisions.

        Raises:
            InputError: a configuration or the data is wrong.
            OSError: the plan cannot be written.
        """
        plan = grow(self._plan, proposals)
        added = plan.decisions[len(self._plan.decisions) :]
        to_run = replace(plan, decisions=added).to_run
        _check_data(replace(plan, decisions=added), self._executor)
        self._plan = plan
        first_attempts = {decision.experiment.name: decision.attempt for decision in to_run}
        self._launch_info = replace(self._launch_info, attempts=self._launch_info.attempts | first_attempts)
        write_manifest(plan.paths, plan.manifest(self._launch_info))
        return to_run


def _launch_info(plan: Plan, slots: Sequence[Slot], options: LaunchOptions) -> LaunchInfo:
    """Return what `sweep.json` says of this launch: where, how, and with what."""
    is_parallel = options.is_parallel(plan.sweep.settings)
    return replace(
        environment(),
        mode="parallel" if is_parallel else "sequential",
        start_method=options.start_method,
        cli_overrides=plan.sweep.cli_overrides,
        origin=dataclasses.asdict(Origin.of(plan.sweep, plan.paths.outcome)),
        commit=commit(plan.sweep.job_file.parent),
        attempts={decision.experiment.name: decision.attempt for decision in plan.to_run},
        slots=[Placement(str(slot.device), slot.device.uuid, slot.threads, slot.share) for slot in slots],
    )
