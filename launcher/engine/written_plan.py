"""The plan of a launch in `sweep.json`, written before the first worker starts and again when a sweep grows."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import replace

from launcher.devices.slot_set import SlotSet
from launcher.engine.attempt import make_spec
from launcher.errors import InputError
from launcher.executors.base import Executor
from launcher.planning.decision import Decision
from launcher.planning.growth import grow
from launcher.planning.launch_options import LaunchOptions
from launcher.planning.origin import Origin
from launcher.planning.plan import Plan
from launcher.planning.provenance import commit
from launcher.search.searcher import Proposal
from launcher.store.files import read
from launcher.store.launch_info import LaunchInfo, Placement
from launcher.store.manifest import write_manifest
from launcher.store.paths import write_atomic
from launcher.store.provenance import environment


def check_data(plan: Plan, executor: Executor) -> None:
    """Let the target check its configurations and data, in a process of its own.

    Raises:
        InputError: the target has found problems.
        LauncherError: the executor cannot start anything.
    """
    if plan.sweep.settings.command:
        return  # the script's parser has checked the arguments
    if executor.is_remote:  # the supervisor of each attempt has the target check its data, on its node
        return
    slots = SlotSet.of(executor.slots, range(plan.sweep.settings.gpus))
    if problems := executor.prepare([make_spec(plan, decision, slots) for decision in plan.to_run]):
        raise InputError(problems)


def write_job_file(plan: Plan) -> None:
    """Write the job file of a sweep that was made in Python, if it is not there as it should be.

    Raises:
        OSError: the file cannot be written.
    """
    text = plan.sweep.text
    is_there = False
    with contextlib.suppress(OSError):
        is_there = read(plan.paths.job).decode(errors="replace") == text
    if text and not is_there:
        write_atomic(plan.paths.job, text)


class WrittenPlan:
    """A plan that `sweep.json` has.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, plan: Plan, executor: Executor, options: LaunchOptions) -> None:
        self._plan = plan
        self._executor = executor
        self._launch_info = _launch_info(plan, executor, options)
        write_job_file(plan)
        write_manifest(plan.paths, plan.manifest(self._launch_info))

    def grow(self, proposals: Sequence[Proposal]) -> list[Decision]:
        """Add experiments to the plan, let the target check them, and write them down. Return their decisions.

        Raises:
            InputError: a configuration or the data is wrong; the plan is as it was.
            OSError: the file cannot be written.
        """
        plan = grow(self._plan, proposals)
        added = replace(plan, decisions=plan.decisions[len(self._plan.decisions) :])
        check_data(added, self._executor)
        self._plan = plan
        attempts = self._launch_info.attempts | _first_attempts(added)
        self._launch_info = replace(self._launch_info, attempts=attempts)
        write_manifest(plan.paths, plan.manifest(self._launch_info))
        return added.to_run


def _launch_info(plan: Plan, executor: Executor, options: LaunchOptions) -> LaunchInfo:
    """Return what `sweep.json` says about this launch: where and how it runs, and with which versions."""
    placements = executor.slots[:1] if executor.is_remote else executor.slots  # on a cluster all are alike
    is_parallel = executor.is_remote or options.is_parallel(plan.sweep.settings)
    return replace(
        environment(),
        mode="parallel" if is_parallel else "sequential",
        start_method=options.start_method,
        cli_overrides=plan.sweep.cli_overrides,
        origin=dataclasses.asdict(Origin.of(plan.sweep, plan.paths.outcome)),
        commit=commit(plan.sweep.target_folder),
        attempts=_first_attempts(plan),
        slots=[Placement(str(slot.device), slot.device.uuid, slot.threads, slot.share) for slot in placements],
        gpus=1 if executor.is_remote else plan.sweep.settings.gpus,
    )


def _first_attempts(plan: Plan) -> dict[str, int]:
    """Return the number of the first attempt that this launch makes of each experiment."""
    return {decision.experiment.name: decision.attempt for decision in plan.to_run}
