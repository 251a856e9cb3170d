"""The options of the command line: each with its help, environment variable and completion, declared once.

`LaunchCommand` has the options of `run`, which `plan` shares; the names above it are options that other commands have
too. To add an option to a launch, declare it in `LaunchCommand`, and give it a field: in
`planning.launch_options.LaunchOptions` if it says how to launch, in `cli.sweep_options.SweepOptions` if it changes what
the job file says. `cli.option_groups` makes one typer parameter of each field. The code that uses the field makes the
option act: for a launch `engine.launch`, and `engine.build_executor` for what workers must know.

What lasts may be set in the environment, as `DEVICES` or `LAUNCHER_…`. An option that is meant for one launch has no
variable, because it would be forgotten there: --fresh, --dry-run, --only, --skip, -S, --json.
"""

# No `from __future__ import annotations`: `option_groups` reads the annotations of `LaunchCommand` as objects.
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from launcher.cli.completion import complete_experiment, complete_group, complete_job, complete_key
from launcher.planning import defaults
from launcher.terminal import colour
from launcher.text import did_you_mean, inline

DEFAULT_JOB = Path(defaults.JOB)
WHICH, WHERE, HOW, SAY = "Which experiments", "Where", "How", "What is said"
_JOB_HELP = "The job file."


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """Return a check that a value is one of these choices."""

    def _check(value: str) -> str:
        if value not in choices:
            neither = f'"{inline(value, 50)}" is neither {" nor ".join(choices)}.'
            raise typer.BadParameter(f"{neither}{did_you_mean(value, choices)}")
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
Curves = Annotated[
    list[str] | None,
    typer.Option(
        "--curves",
        metavar="NAMES",
        help="Draw the curves of these experiments as files: names or patterns, a,lr_*, or all. Repeatable. Up to 24 "
        "experiments all are drawn anyway.",
        autocompletion=complete_experiment,
        rich_help_panel=WHICH,
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
Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="KEY",
        help="A row for each value of this key: an axis of the grid, a key of the configuration, or seed. `report` "
        "draws a plot of them, too.",
        autocompletion=complete_group,
        rich_help_panel=SAY,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=SAY)]


class LaunchCommand:
    """The options of `run`, by the name of the field or parameter that takes the value, in the order of its help."""

    job: Job
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help="These alone: names or patterns, a,lr_*. Repeatable. The others are left as they are.",
            autocompletion=complete_experiment,
            rich_help_panel=WHICH,
        ),
    ]
    skip: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="All but these.", autocompletion=complete_experiment, rich_help_panel=WHICH),
    ]
    overrides: Set
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Start over: train experiments again that are done. What they left is kept in OUTCOME/earlier.",
            rich_help_panel=WHICH,
        ),
    ]
    devices: Devices
    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="CLUSTER",
            envvar="LAUNCHER_ON",
            help="Where the workers run: slurm, ray, or here. Default: the job's [cluster] on, else here.",
            autocompletion=lambda: ["slurm", "ray", "here"],
            rich_help_panel=WHERE,
        ),
    ]
    outcome: Outcome
    logs: Logs
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt",
            help="Take over the folders that another job file of the same name, or another program, has used.",
            rich_help_panel=WHERE,
        ),
    ]
    parallel: Annotated[
        bool | None,
        typer.Option(
            "--parallel/--sequential",
            envvar="LAUNCHER_PARALLEL",
            help="One experiment a device, all devices at once; or one after another. "
            "Default: the job's, else sequential.",
            show_default=False,
            rich_help_panel=HOW,
        ),
    ]
    threads: Annotated[
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
    slots_per_device: Annotated[
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
    retries: Annotated[
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
    fail_fast: Annotated[
        bool | None,
        typer.Option(
            "--fail-fast/--no-fail-fast",
            envvar="LAUNCHER_FAIL_FAST",
            help="After the first failure start nothing more; what runs saves and ends. Default: the job's, else not.",
            show_default=False,
            rich_help_panel=HOW,
        ),
    ]
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", envvar="LAUNCHER_WAIT", help="Wait for a folder or device that is in use.", rich_help_panel=HOW
        ),
    ]
    detach: Annotated[
        bool,
        typer.Option(
            "--detach", envvar="LAUNCHER_DETACH", help="Go on when the terminal hangs up.", rich_help_panel=HOW
        ),
    ]
    leave: Annotated[
        bool,
        typer.Option(
            "--leave",
            help="On a cluster: end as soon as the cluster has everything. The same command again follows it.",
            rich_help_panel=HOW,
        ),
    ]
    ask: Annotated[
        bool,
        typer.Option(
            "--ask",
            help="In a plan for a cluster: ask it for its nodes and limits, and whether it would take such a job.",
            rich_help_panel=HOW,
        ),
    ]
    on_finish: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            envvar="LAUNCHER_ON_FINISH",
            help="Run this once a launch is over that had something to do, without a shell, for 60 s at most; "
            "the summary as JSON on its stdin.",
            rich_help_panel=HOW,
        ),
    ]
    start_method: Annotated[
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="As plan: say what would be done, and do nothing.", rich_help_panel=SAY)
    ]
    as_json: Json
    quiet: Annotated[
        bool,
        typer.Option(
            "-q",
            "--quiet",
            envvar="LAUNCHER_QUIET",
            help="Say only warnings, failures and the result.",
            rich_help_panel=SAY,
        ),
    ]
    verbose: Annotated[
        bool,
        typer.Option(
            "-v",
            "--verbose",
            envvar="LAUNCHER_VERBOSE",
            help="Say also each experiment's whole configuration and digest, and each slot's device.",
            rich_help_panel=SAY,
        ),
    ]
    color: Annotated[
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
