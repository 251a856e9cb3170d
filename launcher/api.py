"""The Python interface: `load` a job file, `run` it, `open` its results. The command line is made of the same pieces.

import launcher

summary = launcher.run(launcher.load("jobs/report.toml"), devices="1,2,3", parallel=True)
print(summary.endings, summary.best("loss"))
results = launcher.open("outcome")  # the same views of a sweep that runs, or has ended
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launcher.errors import InputError
from launcher.planning import job
from launcher.planning.job import Sweep
from launcher.planning.launch_options import Devices, LaunchOptions
from launcher.planning.overrides import apply_overrides
from launcher.planning.plan import Plan, decide
from launcher.planning.resolve import resolve
from launcher.planning.selection import select
from launcher.store.paths import Paths

if TYPE_CHECKING:  # what only a launch needs: `plan` does without, in half the time
    from launcher.engine.console import Console
    from launcher.executors.base import StartMethod
    from launcher.results import Results, Summary


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
    config, set_keys = apply_overrides(sweep.config, overrides or {})
    return dataclasses.replace(
        sweep,
        settings=settings,
        config=config,
        cli_overrides=set_keys,
        only=select(list(sweep.experiments), only, skip),
        folders={key: given[key] for key in ("outcome", "logs") if key in given},
        adopts=adopt,
    )


def plan(sweep: Sweep, *, fresh: bool = False) -> Plan:
    """Say what a launch would do, without starting or writing anything.

    Raises:
        InputError: the target, a configuration or the outcome folder is wrong.
    """
    return decide(sweep, resolve(sweep), Paths(sweep.outcome, sweep.logs), fresh=fresh)


def run(
    sweep: Sweep,
    *,
    devices: Devices = None,
    parallel: bool | None = None,
    fresh: bool = False,
    wait: bool = False,
    start_method: StartMethod = "forkserver",
    on: str | None = None,
    leave: bool = False,
) -> Summary:
    """Run what is not done of a sweep and return how it ended. Messages go to stderr.

    In parallel, one experiment a device at a time, or as many as the job's `slots_per_device`; otherwise one after
    another, each on its own device in turn; None asks the job file. With `fresh` everything is trained again; with
    `wait` a folder or device in use is waited for. `on` names the cluster on which the workers run, "slurm" or "ray";
    "here" is this machine, and None asks the job file. With `leave` the call returns as soon as the cluster has
    everything, and the same call again follows it.

    Raises:
        InputError: something is wrong with the sweep, the devices, the folders or the data; no worker was started.
        InUseError: another launcher holds the folder or a device.
        NoDeviceError: no device may be used.
    """
    options = LaunchOptions(
        devices=devices,
        parallel=parallel,
        fresh=fresh,
        wait=wait,
        start_method=start_method,
        on=on,
        leave=leave,
    )
    return launch(sweep, options)


def launch(sweep: Sweep, options: LaunchOptions, console: Console | None = None) -> Summary:
    """Do what `run` does, and say it on a console: by default on stderr. See there for what is raised."""
    from launcher.engine.launch import launch
    from launcher.engine.ports import Ports
    from launcher.reports.build import renew
    from launcher.terminal import console as terminal

    console = console or terminal.Console()
    try:
        ended = launch(sweep, options, console=console, ports=Ports(renew_views=renew))
    finally:
        console.close()
    from launcher.results import Summary  # now that nothing waits for it

    return Summary.of(ended, Paths(sweep.outcome, sweep.logs).absolute())


def open(outcome: str | Path) -> Results:
    """Open the outcome folder of a sweep, while it runs or after. What is asked of it is read when it is asked.

    Raises:
        InputError: there is no sweep in the folder.
    """
    from launcher.results import Results

    return Results.of(Path(outcome))
