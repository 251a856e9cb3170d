"""One launch of a sweep: locks, decisions, the check of the data, then the event loop. `api.run` is the way in."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable

from launcher.devices.selection import DeviceSelection
from launcher.engine.changed_job import outdated_views, remove_dropped_plots, renew_manifest
from launcher.engine.console import Console
from launcher.engine.earlier_files import EarlierFiles, undo_unfinished_moves
from launcher.engine.fold_attempts import fold_what_is_over
from launcher.engine.folder_watch import FolderWatch
from launcher.engine.held_folders import HeldFolders
from launcher.engine.loop import Loop
from launcher.engine.lost_endings import record_lost_endings
from launcher.engine.parts import Parts
from launcher.engine.ports import Ports
from launcher.engine.remote import Remote
from launcher.engine.script_records import complete_all
from launcher.engine.signals import ignoring_signal
from launcher.engine.summary import Summary
from launcher.engine.written_plan import WrittenPlan, check_data
from launcher.errors import InputError, WriteError
from launcher.planning.folder_owner import check_folder_owner, write_owner_note
from launcher.planning.foreign_files import check_foreign_files
from launcher.planning.growth import with_proposals
from launcher.planning.job import Sweep
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.open_attempts_check import check_open
from launcher.planning.plan import Plan, decide
from launcher.planning.resolve import resolve
from launcher.planning.wording import describe, notices, repeated_training
from launcher.store.attempt_files import AttemptsOnCluster
from launcher.store.locks import lock_folder
from launcher.store.paths import Paths
from launcher.store.requests import clear


def launch(sweep: Sweep, options: LaunchOptions, *, console: Console, ports: Ports) -> Summary:
    """Run the experiments of a sweep that are not done. Return how the launch ended.

    Raises: see `launcher.run`.
    """
    _check_platform()
    name = options.cluster(sweep)
    choice = DeviceSelection() if name else options.choose(sweep.settings)
    searcher = ports.make_searcher(sweep)
    sweep = with_proposals(sweep, searcher.ask())
    experiments = resolve(sweep)
    paths = Paths(sweep.outcome, sweep.logs)
    check_folder_owner(sweep, paths)  # before anything is made in the folders
    check_foreign_files(sweep, paths)
    remote = Remote.chosen(sweep, name, paths, ports.make_cluster)
    paths.create()
    with contextlib.ExitStack() as held:
        held.enter_context(ignoring_signal(signal.SIGUSR1))  # before the loop answers it, and after
        folders = _hold(paths, options, console.message, held)
        _take_up(sweep, paths, remote, console.message, held)
        plan = decide(sweep, experiments, paths, fresh=options.fresh)
        check_open(plan, name, fresh=options.fresh)
        record_lost_endings(plan, ports.sinks, console.message)
        _tell_plan(plan, console, is_parallel=remote is not None or options.is_parallel(sweep.settings))
        if not plan.to_run:
            return _nothing_to_do(plan, console, ports.renew_views)
        if remote is None:
            executor = ports.make_executor(sweep.settings, options, choice, paths, console.message)
        else:
            executor = remote.executor(plan, console.message)
        held.callback(executor.close)
        if choice.notice:
            console.message(f"*** {choice.notice} ***")
        console.begin(plan, executor.slots)
        executor.warm_up()
        views = ports.make_views(plan, console.message)
        held.callback(views.close)
        sinks = () if remote else ports.sinks  # a supervisor writes the log of its attempts
        summary = _run(plan, Parts(executor, views, searcher, ports.stopper, sinks, console), options, folders)
        if remote is not None and not summary.has_lost_folder:
            over = summary.endings.keys() - set(summary.left)
            fold_what_is_over(paths, over, console.message, remote.ended)
        return summary


def _tell_plan(plan: Plan, console: Console, *, is_parallel: bool) -> None:
    console.message(describe(plan), "routine")
    owner = write_owner_note(plan.sweep, plan.paths)
    for text in [*notices(plan, is_parallel=is_parallel), *repeated_training(plan), *owner]:
        console.message(text)


def _take_up(
    sweep: Sweep, paths: Paths, remote: Remote | None, message: Callable[[str], None], held: contextlib.ExitStack
) -> None:
    """Take up what earlier launches have left on a cluster, and complete what killed scripts have told."""
    if remote is None:
        fold_what_is_over(paths, (), message)
    else:
        held.callback(remote.cluster.close)
        held.callback(remote.lease.close)
        remote.take_up(paths, message)
    if sweep.settings.command:
        complete_all(paths, sweep.experiments.keys() - AttemptsOnCluster(paths).names)


def _check_platform() -> None:
    """Check that the launcher can run here.

    Raises:
        InputError: the kernel or Python has no pidfd_open, which Linux has since 5.4.
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise InputError("this launcher needs Linux 5.4 or newer (pidfd_open) and Python 3.11 or newer.") from error


def _hold(
    paths: Paths, options: LaunchOptions, message: Callable[[str], None], held: contextlib.ExitStack
) -> FolderWatch:
    """Lock the outcome folder, tidy up what a launcher that was killed has left, and watch the folders from now on."""
    lock = lock_folder(paths.lock, message if options.wait else None)
    held.callback(lock.release)
    folders = HeldFolders(paths, lock)
    held.callback(folders.close)
    undo_unfinished_moves(paths)
    paths.remove_temporaries()
    clear(paths.requests)
    return FolderWatch(folders, message)


def _nothing_to_do(plan: Plan, console: Console, renew_views: Callable[[Paths], list[str]]) -> Summary:
    """Tell the user that every experiment has ended; renew `sweep.json` and the views if the job has changed."""
    problems = renew_manifest(plan) + renew_views(plan.paths)
    for problem in problems:
        console.message(problem)
    of_all = "all" if plan.sweep.only is None else "the selected"
    console.message(
        f"nothing to do: {of_all} experiments have ended. Results: {plan.paths.table_txt}. --fresh trains them again."
    )
    return Summary(endings={}, kept=plan.kept, num_unwritten=len(problems))


def _run(plan: Plan, parts: Parts, options: LaunchOptions, folders: FolderWatch) -> Summary:
    """Let the target check its data, move aside the files of experiments that begin anew, and run the loop."""
    check_data(plan, parts.executor)
    earlier = EarlierFiles(plan)
    try:
        earlier.move()
        written = WrittenPlan(plan, parts.executor, options)
        is_parallel = parts.executor.is_remote or options.is_parallel(plan.sweep.settings)
        loop = Loop(plan, parts, folders, written.grow, is_parallel=is_parallel, leaves=options.leave)
    except OSError as error:
        earlier.undo()
        raise WriteError(f"{plan.paths.outcome} cannot be written: {error.strerror}. Nothing was started.") from error
    earlier.record()
    remove_dropped_plots(plan)
    if earlier.experiments:
        parts.console.message(earlier.describe())
    if outdated := outdated_views(plan, earlier.experiments):
        parts.views.request(outdated)
    return loop.run()
