"""The command line: options in, exit code out. Results on stdout, progress and messages on stderr.

    python -m launcher [run] [JOB] [--parallel] [--devices …] [--fresh] [--dry-run]
    python -m launcher plan [JOB]
    python -m launcher report [JOB]
    python -m launcher verify [EXPERIMENT…] [--job JOB]

Exit codes: 0 all done · 1 an experiment failed · 2 bad input, nothing started · 3 folder or device in use · 4 no usable
device · 5 cannot write · 129, 130, 143 stopped by hang-up, Ctrl-C, terminate.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from launcher import __version__
from launcher.errors import LauncherError, WriteError, did_you_mean, inline, printable
from launcher.signals import endure

DEFAULT_JOB = Path("jobs/report.toml")
COMMANDS = ("run", "plan", "report", "verify")

app = typer.Typer(
    name="python -m launcher",
    help="Train every experiment of a job file, each in its own process on its own device. "
    "Without a command: run. Without a job: jobs/report.toml.",
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Job = Annotated[Path, typer.Argument(help="The job file.", show_default=True)]
Devices = Annotated[
    str | None,
    typer.Option(
        envvar="DEVICES",
        help="GPUs, as nvidia-smi numbers them, or UUIDs: 1,2,3. Or cpu. Default: all idle GPUs, else CPU slots.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start over: train experiments again that are done.")]
Outcome = Annotated[Path | None, typer.Option(help="Folder of tables, plots and records, instead of the job's.")]
Logs = Annotated[Path | None, typer.Option(help="Folder of logs, instead of the job's.")]
Threads = Annotated[
    int | None, typer.Option(min=1, max=1024, help="CPU threads of each worker. Default: the cores shared out.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("run")
def run_command(
    job: Job = DEFAULT_JOB,
    parallel: Annotated[bool, typer.Option("--parallel", help="One experiment a device, all devices at once.")] = False,
    devices: Devices = None,
    fresh: Fresh = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    outcome: Outcome = None,
    logs: Logs = None,
    threads: Threads = None,
    start_method: Annotated[
        str, typer.Option(help="How workers are started: forkserver (milliseconds) or spawn (seconds).")
    ] = "forkserver",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a folder or device that is in use.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Go on when the terminal hangs up.")] = False,
    as_json: Json = False,
) -> None:
    """Train the experiments of a job file; those done already are kept. The same command again continues."""
    if dry_run:
        plan_command(job, devices, fresh, outcome, logs, as_json)
        return
    from launcher import api
    from launcher.process import end_server

    method = _start_method(start_method)
    sweep = api.load(job, outcome=outcome, logs=logs, threads=threads)
    if detach:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        summary = api.run(sweep, devices=devices, parallel=parallel, fresh=fresh, wait=wait, start_method=method)
    finally:
        end_server()
    if as_json:
        endings = {name: {"ending": one.kind, "why": one.why} for name, one in summary.endings.items()}
        _print_json({"endings": endings, "kept": summary.kept, "not_started": summary.not_started})
    else:
        _print_table(sweep.outcome / "results_table.txt")
    _say_result(summary, sweep.logs)
    raise typer.Exit(summary.exit_code)


@app.command("plan")
def plan_command(
    job: Job = DEFAULT_JOB,
    devices: Devices = None,
    fresh: Fresh = False,
    outcome: Outcome = None,
    logs: Logs = None,
    as_json: Json = False,
) -> None:
    """Say what run would do, with which devices, and why. Starts and writes nothing."""
    from launcher import api

    sweep = api.load(job, outcome=outcome, logs=logs)
    choice = api.select_devices(devices)
    plan = api.plan(sweep, fresh=fresh)
    if as_json:
        decisions = [
            {"action": one.action, "why": one.why, "attempt": one.attempt} | one.experiment.__dict__
            for one in plan.decisions
        ]
        _print_json({"sweep": sweep.name, "devices": [str(one) for one in choice.devices], "experiments": decisions})
        return
    if choice.notice:
        typer.echo(f"*** {choice.notice} ***", err=True)
    names = ", ".join(f"{device} {device.name}".rstrip() for device in choice.devices)
    typer.echo(f"{plan.describe()}\ndevices: {names}\noutcome: {sweep.outcome}\nlogs:    {sweep.logs}")


@app.command("report")
def report_command(job: Job = DEFAULT_JOB, outcome: Outcome = None, logs: Logs = None) -> None:
    """Make all tables and plots of a sweep again from its records, at any time."""
    from launcher import api
    from launcher.paths import Paths
    from launcher.report import Report

    sweep = api.load(job, outcome=outcome, logs=logs)
    problems = Report(Paths(sweep.outcome, sweep.logs)).draw()
    if problems:
        raise WriteError("\n".join(problems))
    _print_table(sweep.outcome / "results_table.txt")


@app.command("verify")
def verify_command(
    experiments: Annotated[list[str] | None, typer.Argument(help="Which; default: all that are done.")] = None,
    job: Annotated[Path, typer.Option(help="The job file.")] = DEFAULT_JOB,
    steps: Annotated[int, typer.Option(min=1, help="How many steps to train again.")] = 10,
    devices: Devices = None,
    outcome: Outcome = None,
) -> None:
    """Train the first steps of finished experiments again, alone, and compare them bit for bit with their records."""
    from launcher import api
    from launcher.verify import verify

    verdicts = verify(api.load(job, outcome=outcome), experiments or [], steps, devices)
    for verdict in verdicts:
        typer.echo(inline(str(verdict), 2000))
    raise typer.Exit(1 if any(verdict.difference for verdict in verdicts) else 0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    _hold_standard_streams()
    endure(signal.SIGUSR1)  # answered while experiments run; it must not end what only starts or ends
    atexit.register(signal.signal, signal.SIGUSR1, signal.SIG_IGN)  # Python takes handlers away before it exits
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0] not in COMMANDS and given[0] not in ("--help", "--version")):
        given.insert(0, "run")
    if given[0] == "--version":
        typer.echo(f"sweep-launcher {__version__}")
        sys.exit(0)
    try:
        app(args=given, prog_name="python -m launcher", standalone_mode=True)
    except LauncherError as error:
        typer.echo(f"error: {printable(str(error), 20_000)}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _hold_standard_streams() -> None:
    """Open what is closed of descriptors 0 to 2 on /dev/null, so that no file of ours gets such a number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest free number, which is this


def _start_method(method: str) -> Literal["forkserver", "spawn"]:
    match method:
        case "forkserver" | "spawn":
            return method
        case _:
            hint = did_you_mean(method, ("forkserver", "spawn"))
            raise typer.BadParameter(f'"{inline(method, 50)}" is neither forkserver nor spawn.{hint}')


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, default=str))


def _print_table(path: Path) -> None:
    with contextlib.suppress(OSError):  # no table, or nobody reads our output any more
        print(printable(path.read_text(encoding="utf-8"), 1_000_000), flush=True)


def _say_result(summary: Any, logs: Path) -> None:
    """Name what failed once more, where it is the last thing on the screen."""
    from launcher.endings import FAILURES
    from launcher.records import ENDINGS

    failed = {name: one for name, one in summary.endings.items() if one.kind in FAILURES}
    counts = [f"{len(summary.kept)} kept"] if summary.kept else []
    for kind in ENDINGS:
        count = sum(one.kind == kind for one in summary.endings.values())
        counts += [f"{count} {kind}"] if count else []
    counts += [f"{len(summary.not_started)} not started"] if summary.not_started else []
    lines = [f"{', '.join(counts)}."]
    lines += [f"  {name} {printable(str(one))}. Its log: {logs / name}.log" for name, one in failed.items()]
    if not summary.is_done:
        lines.append("The same command again goes on with what is not done.")
    typer.echo("\n".join(lines), err=True)
