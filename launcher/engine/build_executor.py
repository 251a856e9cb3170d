"""Makes the executor of a launch. No other module makes an executor; a contract test checks that."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from launcher.devices.device import Device
from launcher.devices.locks import lock_device
from launcher.devices.selection import DeviceSelection
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.errors import InUseError, WriteError
from launcher.executors.base import Executor
from launcher.executors.device_guard import DeviceGuard
from launcher.executors.local import LocalExecutor
from launcher.executors.telemetry import Telemetry
from launcher.executors.worker_starter import WorkerStarter
from launcher.store.locks import Lock
from launcher.store.paths import Paths
from launcher.worker.thread_budget import ThreadBudget

if TYPE_CHECKING:  # a supervisor on a node starts without what a job file is checked with
    from launcher.clusters.base import Cluster, Job, Ticket
    from launcher.engine.code_copy import CodeCopy
    from launcher.planning.job import SweepSettings
    from launcher.planning.launch_options import LaunchOptions
    from launcher.planning.plan import Plan
    from launcher.store.attempt_files import AttemptFiles
    from launcher.store.launch_lease import LaunchLease

_ASK_S = {"ray": 2.0}  # between two questions, where a cluster is asked more often: an answer of Ray takes 0.06 s


def build_executor(
    settings: SweepSettings,
    options: LaunchOptions,
    choice: DeviceSelection,
    paths: Paths,
    message: Callable[[str], None],
) -> Executor:
    """Lock the chosen devices, and return the executor that runs workers on them.

    Raises:
        InUseError: a device that the user named is held by another sweep, or so many devices are that an experiment
            cannot start on the rest.
    """
    locks = _lock_devices(choice, options, settings.gpus, message)
    usable = [device for device in choice.devices if not device.uuid or device.uuid in locks]
    slots = options.slots(usable, settings)
    is_parallel = options.is_parallel(settings)
    is_elastic = settings.elastic_threads and is_parallel and all(slot.device.kind == "cpu" for slot in slots)
    return LocalExecutor(
        slots,
        WorkerStarter(options.start_method, settings.modules_to_preload, message),
        locks,
        DeviceGuard(slots, may_choose=is_parallel),
        Telemetry(paths.telemetry, settings.telemetry_s, message),
        ThreadBudget.create(slots[0].threads) if is_elastic else None,
    )


def build_for_slots(settings: SweepSettings, slots: SlotSet, paths: Paths) -> Executor:
    """Return an executor for the slots of one attempt alone, without telemetry.

    Raises:
        InUseError: a device of them is held by another sweep.
    """
    locks = _take([device for device in slots.devices if device.uuid])
    workers = WorkerStarter("forkserver", settings.modules_to_preload)
    guard = DeviceGuard(slots.slots, may_choose=False)
    return LocalExecutor(slots.slots, workers, locks, guard, Telemetry(paths.telemetry, 0.0, lambda _: None))


def build_on_cluster(
    plan: Plan,
    cluster: Cluster,
    adopted: Mapping[Job, Ticket],
    ended: dict[str, AttemptFiles],
    lease: LaunchLease,
    beat_s: float,
    copy: CodeCopy | None,
    message: Callable[[str], None],
) -> Executor:
    """Return the executor that runs the experiments of a plan on a cluster.

    `adopted`: the attempts that the cluster has already. `ended`: gets what lies in the folders of those that end.
    `lease`: renewed while the executor lives.
    `beat_s`: seconds between two signs of life of an attempt. `copy`: of the code, if attempts are to run a copy.
    """
    from launcher.engine.remote_orders import OrderMaker  # a supervisor does without
    from launcher.executors.remote import RemoteExecutor
    from launcher.executors.remote_attempts import RemoteAttempts
    from launcher.planning.cluster_slots import cluster_slots
    from launcher.store.cluster_paths import ClusterPaths

    table = plan.sweep.cluster
    folders = ClusterPaths(plan.absolute_paths.outcome)
    attempts = RemoteAttempts(
        cluster,
        folders,
        adopted,
        ended,
        lease,
        message,
        beat_s=beat_s,
        per_job=table.per_job,
        ask_s=table.poll_s or _ASK_S.get(cluster.name),
    )
    slots = cluster_slots(plan.sweep, cluster.name, len(plan.to_run))
    return RemoteExecutor(cluster, slots, attempts, OrderMaker(plan, beat_s, copy).order, message)


def build_on_node(
    slots: Sequence[Slot],
    preload: Sequence[str],
    telemetry: Callable[[str], Path],
    telemetry_s: float,
    message: Callable[[str], None],
) -> Executor:
    """Return the executor of a supervisor, for the slots that a cluster has given to it.

    The cluster has decided who uses a GPU, so a lock that another launch holds is told and refuses nothing.
    `telemetry`: the file of an experiment's samples.
    """
    locks: dict[str, Lock] = {}
    for device in {slot.device.uuid: slot.device for slot in slots if slot.device.uuid}.values():
        try:
            locks |= _take([device])
        except (InUseError, WriteError) as error:
            message(f"{error} It is used all the same, because the cluster has given it.")
    workers = WorkerStarter("forkserver", preload, message)
    guard = DeviceGuard(slots, may_choose=False)
    return LocalExecutor(slots, workers, locks, guard, Telemetry(telemetry, telemetry_s, message))


def _lock_devices(
    choice: DeviceSelection, options: LaunchOptions, needed: int, message: Callable[[str], None]
) -> Mapping[str, Lock]:
    """Take the locks of the GPUs. A GPU in use is an error if the user has named devices; otherwise it is left out."""
    cards = [device for device in choice.devices if device.uuid]
    if options.devices:
        return _take(cards, message if options.wait else None)
    locks: dict[str, Lock] = {}
    refusal: InUseError | None = None
    for device in cards:
        try:
            locks |= _take([device])
        except InUseError as error:
            refusal = error
    if refusal is not None and len(locks) < needed:
        for lock in locks.values():
            lock.release()
        raise refusal
    return locks


def _take(devices: Sequence[Device], waiting: Callable[[str], None] | None = None) -> dict[str, Lock]:
    """Take the locks of all these GPUs, or of none."""
    with contextlib.ExitStack() as held:
        locks: dict[str, Lock] = {}
        for device in devices:
            locks[device.uuid] = lock_device(device.uuid, waiting)
            held.callback(locks[device.uuid].release)
        held.pop_all()
        return locks
