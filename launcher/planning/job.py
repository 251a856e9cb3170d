"""Reads a job file (TOML) into a `Sweep`. Checks names and the [sweep] table; the target's keys are `resolve`'s part.

All problems of a file are collected and raised together, each with the line it stands on.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from launcher.config import validation
from launcher.config.nested import dotted
from launcher.config.notation import NONE, misspelt, read
from launcher.errors import InputError
from launcher.planning.defaults import PRELOAD
from launcher.planning.source_lines import SourceLines
from launcher.store import files
from launcher.store.names import METRIC, NAME, NAME_RULE
from launcher.store.paths import as_path
from launcher.text import did_you_mean, inline

_LIMIT_BYTES = 64 << 20
TABLES = ("sweep", "config", "experiments")


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """The keys of the [sweep] table of a job file. `make docs` takes their meanings from here:

    target: the training function, `module:function`. The module is looked for beside the job file first.
    name: of the sweep; the file's name by default.
    outcome: folder of tables, plots and records; `outcome/NAME` by default. It is relative to the directory in which
        the command is typed, not to the job file; so is `logs`.
    logs: folder of logs; `logs/NAME` by default.
    metrics: the curves to draw. `on_nan` watches the first.
    maximize: those of which more is better.
    seed: `run.seed`, where your generators start.
    threads: CPU threads of a worker; by default the cores are shared out. On a CPU the same bits need the same number.
    elastic_threads: on CPU slots, the last experiments that run use the cores the others have left, at the cost of
        numbers that are the same bit for bit.
    grace_s: seconds between asking a worker to stop and killing it.
    checkpoint_s: seconds between checkpoints: how often `run.should_save` is true.
    retries: how often a failed experiment is tried again within a launch.
    on_nan: `"stop"` ends an experiment as `diverged` when the first of `metrics` is no longer finite.
    stall_after_s: seconds of silence after which you are told whether a worker looks slow or dead.
    kill_after_s: seconds of silence after which a worker's stacks are written into its log and it is killed; never by
        default.
    telemetry_s: seconds between looks at CPU, memory and GPU of the workers, at least 0.1; 0 for none.
    slots_per_device: how many experiments share a GPU in a parallel run. A CPU slot is not shared.
    gpu_memory_gb: GPU memory an experiment needs, in GiB as nvidia-smi counts; where it is not given, what was measured
        of earlier attempts counts. An experiment that does not fit waits.
    on_oom: what follows after out of memory. `"retry"`: once more later, alone on its device. `"halve_batch"`: so, and
        with half the `batch_size` and twice the `accumulation`, which the row of the table tells. `"fail"`: nothing.
    fail_fast: after the first failure nothing more is started; what runs saves and ends.
    parallel: one experiment a device, all devices at once, also without `--parallel`.
    preload: what the fork server imports before it forks workers; `[]` for a target without torch.
    """

    target: str
    name: str = ""
    outcome: str = ""
    logs: str = ""
    metrics: tuple[str, ...] = ("loss",)
    maximize: tuple[str, ...] = ()
    seed: int = 0
    threads: int | None = None
    elastic_threads: bool = False
    grace_s: float = 30.0
    checkpoint_s: float = 60.0
    retries: int = 0
    fail_fast: bool = False
    parallel: bool = False
    on_nan: Literal["stop", "continue"] = "continue"
    stall_after_s: float = 300.0
    kill_after_s: float | None = None
    telemetry_s: float = 2.0  # between samples; 0: none
    slots_per_device: int = 1
    gpu_memory_gb: float | None = None  # as nvidia-smi counts: 2**30 bytes
    on_oom: Literal["retry", "fail", "halve_batch"] = "retry"
    preload: tuple[str, ...] = PRELOAD

    def __post_init__(self) -> None:
        wrong = []
        if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", self.target):
            wrong.append(f'target is written "module:function", not "{inline(self.target)}"')
        if self.name and not NAME.fullmatch(self.name):
            wrong.append(f"name has {NAME_RULE}")
        wrong += [
            f'metrics and maximize hold names like "loss", not "{inline(metric)}"'
            for metric in (*self.metrics, *self.maximize)
            if not METRIC.fullmatch(metric)
        ]
        if not 0 <= self.seed < 2**63:
            wrong.append(f"seed is a whole number from 0 to 2**63 - 1, not {self.seed}")
        if self.threads is not None and not 1 <= self.threads <= 1024:
            wrong.append(f"threads is a whole number from 1 to 1024, not {self.threads}")
        for key in ("grace_s", "checkpoint_s", "stall_after_s", "kill_after_s", "telemetry_s"):
            if (value := getattr(self, key)) is not None and not 0 <= value < math.inf:
                wrong.append(f"{key} is a number of seconds from 0, not {value}")
        if 0 < self.telemetry_s < 0.1:  # the kernel counts CPU time in hundredths of a second
            wrong.append(f"telemetry_s is 0 (no telemetry) or a number of seconds from 0.1, not {self.telemetry_s}")
        if not 0 <= self.retries <= 1000:
            wrong.append(f"retries is a whole number from 0 to 1000, not {self.retries}")
        if not 1 <= self.slots_per_device <= 64:
            wrong.append(f"slots_per_device is a whole number from 1 to 64, not {self.slots_per_device}")
        if self.gpu_memory_gb is not None and not 0 < self.gpu_memory_gb < math.inf:
            wrong.append(f"gpu_memory_gb is a number above 0, not {self.gpu_memory_gb}")
        if self.on_nan == "stop" and not self.metrics:
            wrong.append('on_nan = "stop" needs metrics: the first of them is watched')
        if wrong:
            raise ValueError("; ".join(wrong))


_SETTINGS = f"{SweepSettings.__module__}.{SweepSettings.__qualname__}"  # as messages about a dataclass name it


@dataclass(frozen=True)
class Sweep:
    """What a job file says: the settings, the shared configuration, and each experiment's overrides in order."""

    job_file: Path
    settings: SweepSettings
    config: dict[str, Any]
    experiments: dict[str, dict[str, Any]]
    source_lines: SourceLines
    cli_overrides: dict[str, Any] = field(default_factory=dict)  # by -S: stands in `config` already
    only: frozenset[str] | None = None  # by --only and --skip; None: all experiments
    folders: dict[str, str] = field(default_factory=dict)  # by --outcome and --logs: stand in `settings` already
    adopts: bool = False  # by --adopt: the folders of another job file of the same name

    @property
    def name(self) -> str:
        """The sweep's name; by default the job file's."""
        return self.settings.name or self.job_file.stem

    @property
    def outcome(self) -> Path:
        """The folder of tables, plots and records, relative to the working directory."""
        return as_path(self.settings.outcome or f"outcome/{self.name}")

    @property
    def logs(self) -> Path:
        """The folder of the logs, relative to the working directory."""
        return as_path(self.settings.logs or f"logs/{self.name}")


def load(job_file: str | Path) -> Sweep:
    """Read a job file.

    Raises:
        InputError: it does not exist, is not TOML, or has wrong keys or names; every problem is listed.
    """
    file = Path(job_file)
    text = _read(file)
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{file}: this is not TOML: {error}.{_null_hint(text, str(error))}") from error
    lines = SourceLines(file, text)
    problems = [
        f"{lines.where(table)}{inline(table)} is not a table of a job file.{did_you_mean(table, TABLES)}\n"
        f"  Tables: {', '.join(TABLES)}"
        for table in tables
        if table not in TABLES
    ]
    sections: dict[str, dict[str, Any]] = {}
    for table in TABLES:
        section = tables.get(table, {})
        if not isinstance(section, dict):
            problems.append(f"{lines.where(table)}{table} is a table: write [{table}] on a line of its own.")
            section = {}
        sections[table] = section
    settings, faults = validation.check(SweepSettings, read(sections["sweep"]))
    for fault in faults:
        where = lines.where("sweep", fault.key or "")
        named = f"sweep.{inline(fault.key)} " if fault.key else "[sweep] "
        problems.append(f"{where}{named}{fault.message.replace(_SETTINGS, 'the [sweep] table')}")
    problems += _name_problems(sections["experiments"], lines)
    problems += [
        f"{lines.where(*path)}{dotted(path)} is {json.dumps(text)}: None is written {json.dumps(NONE)}."
        for path, text in misspelt(sections)
    ]
    if problems:
        raise InputError(problems)
    return Sweep(file, settings, read(sections["config"]), read(sections["experiments"]), lines)


def _null_hint(text: str, error: str) -> str:
    """Say how None is written, where a word of another language for it stands at the place of an error."""
    place = re.search(r"\(at line (\d+), column (\d+)\)", error)
    line = text.splitlines()[int(place[1]) - 1] if place and int(place[1]) <= len(text.splitlines()) else ""
    word = re.match(r"(none|null|nil|undefined)\b", line[int(place[2]) - 1 :], re.IGNORECASE) if place else None
    return f"\n  TOML has no {word[1]}. For no value write {json.dumps(NONE)}, with the quotes." if word else ""


def _read(file: Path) -> str:
    try:
        return _text(files.read(file.resolve(), _LIMIT_BYTES), file)
    except FileNotFoundError as error:
        nearby = sorted(str(path) for path in {*Path("jobs").glob("*.toml"), *file.parent.glob("*.toml")})
        listed = f"\n  Job files here: {', '.join(nearby)}" if nearby else ""
        message = f"there is no job file {inline(str(file))}.{did_you_mean(str(file), nearby)}{listed}"
        raise InputError(message) from error
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
        why = (isinstance(error, OSError) and error.strerror) or error
        raise InputError(f"cannot read the job file {inline(str(file))}: {why}.") from error


def _text(content: bytes, file: Path) -> str:
    """Return the text of a job file, without the mark that some editors set at its beginning."""
    is_utf_16 = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in content[:4]
    try:
        if not is_utf_16:
            return content.decode("utf-8-sig")
        what, encoding = "it looks like UTF-16", "UTF-16"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what, encoding = f"line {line} has the byte 0x{content[error.start]:02x}, which is no UTF-8", "LATIN1"
    name = inline(str(file))
    raise InputError(
        f"cannot read the job file {name}: {what}.\n  Save it as UTF-8 in your editor, or type: "
        f"iconv -f {encoding} -t UTF-8 {shlex.quote(name)} -o new.toml"
    )


def _name_problems(experiments: dict[str, Any], lines: SourceLines) -> list[str]:
    problems = []
    if not experiments:
        problems.append(f"{lines.where('experiments')}[experiments] names none. Write at least one: baseline = {{}}")
    seen: dict[str, str] = {}
    for name, overrides in experiments.items():
        where = lines.where("experiments", name)
        if not NAME.fullmatch(name):
            problems.append(f'{where}the experiment name "{inline(name, 100)}" is not allowed: it has {NAME_RULE}.')
        elif (other := seen.setdefault(name.casefold(), name)) is not name:
            problems.append(
                f'{where}the experiments "{other}" and "{name}" differ only in case: one file name for both.'
            )
        if not isinstance(overrides, dict):
            problems.append(f"{where}experiments.{inline(name, 100)} is a table of overrides, as in {{ lr = 1e-3 }}.")
    return problems
