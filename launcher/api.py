"""The Python interface: `load` a job file, `run` it. The command line is made of the same pieces.

from launcher import load, run

summary = run(load("jobs/report.toml"), devices="1,2,3", parallel=True)
print(summary.endings)
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.devices.nvml import Gpu, gpus
from launcher.devices.selection import Choice, choose
from launcher.devices.slots import make_slots, num_cores
from launcher.errors import InputError
from launcher.planning import job
from launcher.planning.job import Sweep
from launcher.planning.overrides import over
from launcher.planning.plan import Plan, decide
from launcher.planning.resolve import resolve
from launcher.planning.selection import select
from launcher.store.paths import Paths

if TYPE_CHECKING:  # what only a launch needs: `plan` does without, in half the time
    from launcher.engine.summary import Summary
    from launcher.executors.local import StartMethod
    from launcher.planning.preview import Outline
    from launcher.terminal.console import Console


AMD_DRIVER = "/dev/kfd"


def load(
    job_file: str | Path,
    *,
    outcome: str | Path | None = None,
    logs: str | Path | None = None,
    threads: int | None = None,
    slots_per_device: int | None = None,
    retries: int | None = None,
    fail_fast: bool | None = None,
    overrides: Mapping[str, Any] | None = None,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    adopt: bool = False,
) -> Sweep:
    """Read a job file; what is given here replaces what it says.

    `overrides` stand in the place of keys of [config]; an experiment's own override of the same key stays. A key of a
    nested table is given as `{"model.width": 3}` or `{"model": {"width": 3}}`. `only` and `skip` are names or shell
    patterns: the other experiments are left as they are. With `adopt` the sweep takes over the folders of another job
    file of the same name, which are refused otherwise.

    Raises:
        InputError: the file is wrong; all of its problems are listed. Or a name or pattern fits no experiment.
    """
    sweep = job.load(job_file)
    given: dict[str, Any] = {"outcome": outcome and str(outcome), "logs": logs and str(logs), "threads": threads}
    given |= {"slots_per_device": slots_per_device, "retries": retries, "fail_fast": fail_fast}
    given = {key: value for key, value in given.items() if value is not None}
    try:
        settings = dataclasses.replace(sweep.settings, **given)
    except ValueError as error:
        raise InputError(str(error)) from error
    config, set_keys = over(sweep.config, overrides or {})
    return dataclasses.replace(
        sweep,
        settings=settings,
        config=config,
        given=set_keys,
        selected=select(list(sweep.experiments), only, skip),
        folders={key: given[key] for key in ("outcome", "logs") if key in given},
        adopts=adopt,
    )


def plan(sweep: Sweep, *, fresh: bool = False) -> Plan:
    """Say what a launch would do, without starting or writing anything.

    Raises:
        InputError: the target, a configuration or the outcome folder is wrong.
    """
    return decide(sweep, resolve(sweep), Paths(sweep.outcome, sweep.logs), fresh=fresh)


def outline(
    sweep: Sweep,
    *,
    devices: str | int | Sequence[int | str] | None = None,
    parallel: bool | None = None,
    fresh: bool = False,
) -> Outline:
    """Say what a launch would do and what it would take: plan, order, devices, files. Starts and writes nothing.

    Raises:
        InputError: something is wrong with the sweep or the devices.
        NoDeviceError: no device may be used.
    """
    from launcher.devices.occupancy import free_memory, occupancy
    from launcher.planning.preview import Facts, Outline

    existing = gpus()
    is_parallel = sweep.settings.parallel if parallel is None else parallel
    choice = _choose(devices, existing, sweep.settings.slots_per_device if is_parallel else 1)
    slots = make_slots(
        choice.devices,
        parallel=is_parallel,
        threads=sweep.settings.threads,
        cores=num_cores(),
        per_device=sweep.settings.slots_per_device,
    )
    facts = [Facts(gpu, occupancy(gpu)) for gpu in existing]
    return Outline(plan(sweep, fresh=fresh), slots, facts, is_parallel, choice.notice, free_memory())


def select_devices(devices: str | int | Sequence[int | str] | None, per_device: int = 1) -> Choice:
    """Choose devices: "cpu", ids ("1,2" or a list of them), or None for all idle GPUs, else CPU slots.

    Raises:
        InputError: an id is malformed, repeated or unknown.
        NoDeviceError: no GPU is idle.
    """
    return _choose(devices, gpus(), per_device)


def _choose(devices: str | int | Sequence[int | str] | None, existing: Sequence[Gpu], per_device: int) -> Choice:
    ids = [devices] if isinstance(devices, int) else devices or ()
    wanted = devices if isinstance(devices, str) else ",".join(str(one) for one in ids)
    return choose(wanted, existing, os.environ, num_cores(), per_device, is_amd=os.path.exists(AMD_DRIVER))


def run(
    sweep: Sweep,
    *,
    devices: str | int | Sequence[int | str] | None = None,
    parallel: bool | None = None,
    fresh: bool = False,
    wait: bool = False,
    start_method: StartMethod = "forkserver",
    progress: Console | None = None,
) -> Summary:
    """Run what is not done of a sweep and return how it ended. Messages go to stderr.

    In parallel, one experiment a device at a time, or as many as the job's `slots_per_device`; otherwise one after
    another, each on its own device in turn; None asks the job file. With `fresh` everything is trained again; with
    `wait` a folder or device in use is waited for.

    Raises:
        InputError: something is wrong with the sweep, the devices, the folders or the data; no worker was started.
        InUseError: another launcher holds the folder or a device.
        NoDeviceError: no device may be used.
    """
    from launcher.engine.launch import launch
    from launcher.terminal.console import Console

    progress = progress or Console()
    is_parallel = sweep.settings.parallel if parallel is None else parallel
    try:
        return launch(
            sweep,
            choice=select_devices(devices, sweep.settings.slots_per_device if is_parallel else 1),
            is_named=bool(devices),
            is_parallel=is_parallel,
            fresh=fresh,
            wait=wait,
            start_method=start_method,
            progress=progress,
        )
    finally:
        progress.close()
