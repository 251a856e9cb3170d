"""The options of the command line: each with its help, environment variable and completion, written once.

A launch's lasting circumstances may be set in the environment. What speaks of one launch only may not, as it would be
forgotten there: --fresh, --dry-run, --only, --skip, -S, --json.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from launcher.cli.completion import complete_experiment, complete_job, complete_key
from launcher.planning import defaults
from launcher.terminal import colour
from launcher.text import did_you_mean, inline

DEFAULT_JOB = Path(defaults.JOB)
WHICH, WHERE, HOW, SAY = "Which experiments", "Where", "How", "What is said"
_JOB_HELP = "The job file."


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def _check(value: str) -> str:
        if value not in choices:
            told = f'"{inline(value, 50)}" is neither {" nor ".join(choices)}.{did_you_mean(value, choices)}'
            raise typer.BadParameter(told)
        return value

    return _check


Job = Annotated[
    Path, typer.Argument(metavar="[JOB]", help=_JOB_HELP, envvar="LAUNCHER_JOB", autocompletion=complete_job)
]
JobOption = Annotated[
    Path, typer.Option("--job", metavar="FILE", help=_JOB_HELP, envvar="LAUNCHER_JOB", autocompletion=complete_job)
]
Experiments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[EXPERIMENT]...", help="Which; default: all that are done.", autocompletion=complete_experiment
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help="These alone: names or patterns, a,lr_*. Repeatable. The others are left as they are.",
        autocompletion=complete_experiment,
        rich_help_panel=WHICH,
    ),
]
Skip = Annotated[
    list[str] | None,
    typer.Option(metavar="NAMES", help="All but these.", autocompletion=complete_experiment, rich_help_panel=WHICH),
]
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh",
        help="Start over: train experiments again that are done. What they left is kept in OUTCOME/earlier.",
        rich_help_panel=WHICH,
    ),
]
Adopt = Annotated[
    bool,
    typer.Option(
        "--adopt",
        help="Take over the folders that another job file of the same name has used.",
        rich_help_panel=WHERE,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "-S",
        "--set",
        metavar="KEY=VALUE",
        help="Set a key of [config] for all experiments: lr=1e-3, model.width=3, dropout=@none. Repeatable.",
        autocompletion=complete_key,
        rich_help_panel=WHICH,
    ),
]
Devices = Annotated[
    str | None,
    typer.Option(
        metavar="IDS",
        envvar="DEVICES",
        help="GPUs, as nvidia-smi numbers them, or UUIDs: 1,2,3. Or cpu. Default: all idle GPUs, else CPU slots.",
        rich_help_panel=WHERE,
    ),
]
Outcome = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="LAUNCHER_OUTCOME",
        help="Folder of tables, plots and records, instead of the job's.",
        rich_help_panel=WHERE,
    ),
]
Logs = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", envvar="LAUNCHER_LOGS", help="Folder of logs, instead of the job's.", rich_help_panel=WHERE
    ),
]
Parallel = Annotated[
    bool | None,
    typer.Option(
        "--parallel/--sequential",
        envvar="LAUNCHER_PARALLEL",
        help="One experiment a device, all devices at once; or one after another. Default: the job's, else sequential.",
        show_default=False,
        rich_help_panel=HOW,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        metavar="N",
        envvar="LAUNCHER_THREADS",
        help="CPU threads of each worker. Default: the cores shared out.",
        rich_help_panel=HOW,
    ),
]
SlotsPerDevice = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=64,
        metavar="N",
        envvar="LAUNCHER_SLOTS_PER_DEVICE",
        help="Workers that share a GPU. Default: the job's, else 1.",
        rich_help_panel=HOW,
    ),
]
Retries = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=1000,
        metavar="N",
        envvar="LAUNCHER_RETRIES",
        help="How often a failed experiment is tried again. Default: the job's, else 0.",
        rich_help_panel=HOW,
    ),
]
FailFast = Annotated[
    bool | None,
    typer.Option(
        "--fail-fast/--no-fail-fast",
        envvar="LAUNCHER_FAIL_FAST",
        help="After the first failure start nothing more; what runs saves and ends. Default: the job's, else not.",
        show_default=False,
        rich_help_panel=HOW,
    ),
]
StartMethod = Annotated[
    str,
    typer.Option(
        metavar="METHOD",
        envvar="LAUNCHER_START_METHOD",
        help="How workers are started: forkserver (milliseconds) or spawn (seconds).",
        callback=_one_of(("forkserver", "spawn")),
        autocompletion=lambda: ["forkserver", "spawn"],
        rich_help_panel=HOW,
    ),
]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait", envvar="LAUNCHER_WAIT", help="Wait for a folder or device that is in use.", rich_help_panel=HOW
    ),
]
Detach = Annotated[
    bool,
    typer.Option("--detach", envvar="LAUNCHER_DETACH", help="Go on when the terminal hangs up.", rich_help_panel=HOW),
]
OnFinish = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        envvar="LAUNCHER_ON_FINISH",
        help="Run this once a launch is over that had something to do, without a shell, for 60 s at most; the summary "
        "as JSON on its stdin.",
        rich_help_panel=HOW,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="As plan: say what would be done, and do nothing.", rich_help_panel=SAY)
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=SAY)]
Quiet = Annotated[
    bool,
    typer.Option(
        "-q",
        "--quiet",
        envvar="LAUNCHER_QUIET",
        help="Say only warnings, failures and the result.",
        rich_help_panel=SAY,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v",
        "--verbose",
        envvar="LAUNCHER_VERBOSE",
        help="Say also each experiment's whole configuration and digest, and each slot's device.",
        rich_help_panel=SAY,
    ),
]
Color = Annotated[
    str,
    typer.Option(
        metavar="WHEN",
        envvar="LAUNCHER_COLOR",
        help="Colour: auto (on a terminal, unless NO_COLOR is set), always or never.",
        callback=_one_of(colour.MODES),
        autocompletion=lambda: list(colour.MODES),
        rich_help_panel=SAY,
    ),
]
