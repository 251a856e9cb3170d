"""A plan in words: what `plan` and `--dry-run` print, and `run --verbose` before it starts.

    summary      how many experiments run, how long that will take, and how much memory
    grid         the axes with their values, and the seeds with what they can show
    experiments  each with its action, the reason, its overrides, and the time and memory it is expected to take
    order        which experiments start at once, and which start when another has ended
    devices      each with its name, UUID, free memory, and the processes on it
    cluster      in the place of order and devices: what a cluster would be asked
    files        the files that will be written, grouped

All facts come from `launcher.planning.preview`. Lines are broken to a given width.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from launcher.config import redact
from launcher.config.nested import assignments
from launcher.devices.slot_set import SlotSet
from launcher.devices.slots import Slot
from launcher.planning.decision import Decision
from launcher.planning.forecast import Forecast, ResourceEstimate
from launcher.planning.grid_text import grid_lines, grid_size
from launcher.planning.plan import Plan
from launcher.planning.preview import Preview, written_files
from launcher.planning.wording import MOST_LINES, grouped, notices, repeated_training
from launcher.text import duration, inline, plural, printable

if TYPE_CHECKING:
    from launcher.planning.cluster_plan import ClusterPlan

MOST_WAVES = 8  # in words; JSON has them all
_LONGEST_NAME = 30  # up to which names make a column of one width
_INDENT = "  "


def text(preview: Preview, width: int = 80, *, is_verbose: bool = False) -> str:
    """Return the plan for reading. With `is_verbose`, each experiment has its whole configuration."""
    expected = preview.forecast
    parts = [
        _summary(preview, expected),
        _grid(preview.plan),
        _experiments(preview.plan, expected, is_verbose=is_verbose),
        *(
            [_cluster(preview.cluster)]
            if preview.cluster is not None
            else [_order(preview, expected) if expected.starts else [], _devices(preview)]
        ),
        _files(preview.plan, width),
    ]
    return "\n\n".join("\n".join(_fit(line, width) for line in part) for part in parts if part)


def details(plan: Plan, slots: Sequence[Slot]) -> str:
    """Return what `run --verbose` adds: each experiment's whole configuration, and each slot with its device."""
    lines = ["configurations:"]
    for decision in plan.to_run:
        experiment = decision.experiment
        lines += [f"{_INDENT}{experiment.name}, digest {experiment.digest}", *_config(decision)]
    lines.append("slots:")
    for slot in slots:
        memory = f", {gib(slot.device.memory_bytes)}" if slot.device.memory_bytes else ""
        name = f" {slot.device.name} {slot.device.uuid}".rstrip()
        lines.append(f"{_INDENT}{slot.index}: {slot.device}{name}{memory}, threads {slot.threads}")
    return "\n".join(lines)


def gib(size: float) -> str:
    """Return an amount of memory for reading: `812 MiB`, `21.3 GiB`, as nvidia-smi counts."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**29 else f"{size / 2**20:.0f} MiB"


def _summary(preview: Preview, expected: Forecast) -> list[str]:
    plan, sweep = preview.plan, preview.plan.sweep
    lines = [f"sweep {sweep.name} of {inline(str(sweep.job_file))}, {len(plan.to_run)} of {len(plan.decisions)} to run"]
    if sweep.cli_overrides:
        lines.append(f"-S for all: {inline(_assignments(redact.table(sweep.cli_overrides)), 1000)}")
    lines += [*notices(plan, is_parallel=preview.is_parallel), *repeated_training(plan)]
    if not plan.to_run:
        lines.append("nothing to do. --fresh trains what is done again.")
        return lines
    how = "in parallel" if preview.is_parallel else "one after another"
    lines[0] += f", {how}"
    if expected.seconds is not None and expected.work_seconds is not None:
        lines.append(f"time: about {duration(expected.seconds)} ({duration(expected.work_seconds)} of training)")
    else:
        lines.append("time: not known yet; nothing that tells it was measured")
    if expected.memory_bytes is not None:
        free = preview.free_memory_bytes
        of = f" of {gib(free)} free" if free else ""
        warn = "  *** more than is free ***" if free and expected.memory_bytes > free else ""
        lines.append(f"memory: about {gib(expected.memory_bytes)}{of}, all workers together{warn}")
    if expected.gpu_memory_bytes is not None:
        lines.append(f"GPU memory: about {gib(expected.gpu_memory_bytes)} for the largest experiment")
    return lines


def _grid(plan: Plan) -> list[str]:
    """Return the axes of a grid, and the seeds; nothing for a sweep that has neither."""
    size = grid_size(plan.sweep)
    return [f"grid: {size}", *(f"{_INDENT}{line}" for line in grid_lines(plan))] if size else []


def _experiments(plan: Plan, expected: Forecast, *, is_verbose: bool) -> list[str]:
    if len(plan.decisions) > MOST_LINES and not is_verbose:
        return ["experiments: (--verbose names them all)", *grouped(plan)]
    name_width = min(_LONGEST_NAME, max(len(decision.experiment.name) for decision in plan.decisions))
    lines = ["experiments:"]
    for decision in plan.decisions:
        experiment = decision.experiment
        why = inline(decision.why, 1000)
        lines.append(f"{_INDENT}{decision.action:<6} {experiment.name:<{name_width}}  {why}")
        parts = [inline(_assignments(experiment.shown.overrides), 1000)] if experiment.overrides else []
        if (estimate := expected.estimates.get(experiment.name)) is not None:
            parts += _estimate(estimate)
        if parts:
            lines.append(f"{_INDENT}       {' · '.join(parts)}")
        if is_verbose:
            lines += [f"{_INDENT}       digest {experiment.digest}", *_config(decision)]
    if any(not estimate.is_measured and estimate.seconds is not None for estimate in expected.estimates.values()):
        lines.append(f"{_INDENT}≈ reckoned from other runs, not from this configuration")
    return lines


def _estimate(estimate: ResourceEstimate) -> list[str]:
    """Return the time and memory that an experiment is expected to take, as far as they are known."""
    about = "" if estimate.is_measured else "≈ "
    parts = [f"{about}{duration(estimate.seconds)}"] if estimate.seconds is not None else []
    parts += [f"{about}{gib(estimate.memory_bytes)}"] if estimate.memory_bytes is not None else []
    parts += [f"{about}{gib(estimate.gpu_memory_bytes)} GPU"] if estimate.gpu_memory_bytes is not None else []
    return parts


def _config(decision: Decision) -> list[str]:
    shown = decision.experiment.shown.config
    return [f"{_INDENT}         {inline(f'{key} = {value!r}', 500)}" for key, value in shown.items()]


def _cluster(cluster: ClusterPlan) -> list[str]:
    """Return what would be handed to a cluster."""
    followed = f"; {cluster.num_followed} wait or run there already and are followed" if cluster.num_followed else ""
    head = f"cluster: {cluster.num_handed_over} handed to {cluster.name} at once, the longest first{followed}"
    return [head, *(f"{_INDENT}{inline(line, 2000)}" for line in cluster.lines)]


def _order(preview: Preview, expected: Forecast) -> list[str]:
    waves = expected.waves
    has_times = expected.seconds is not None
    if not preview.is_parallel:
        lines = ["order: one after another, in the order of the job file"]
        waves = [[start] for start in expected.starts]
    else:
        seeds = "seed by seed, " if len({decision.experiment.seed for decision in preview.plan.to_run}) > 1 else ""
        lines = [f"order: {seeds}the longest first; each starts as soon as the one before it has ended"]
    for wave in waves[:MOST_WAVES]:
        parts = []
        for start in wave:
            where = f"{start.experiment} on {SlotSet.of(preview.slots, start.slots)}"
            at = f" at {duration(start.starts_s)}" if has_times and start.after else ""
            parts.append(f"{where}{f' (after {start.after}{at})' if start.after and preview.is_parallel else at}")
        lines.append(f"{_INDENT}{'at once' if wave[0].wave == 1 else 'then':<8} {', '.join(parts)}")
    if len(waves) > MOST_WAVES:
        left = sum(len(wave) for wave in waves[MOST_WAVES:])
        lines.append(f"{_INDENT}… and {left} more, in {len(waves) - MOST_WAVES} more waves; --json names them all")
    return lines


def _devices(preview: Preview) -> list[str]:
    used = {slot.device.uuid for slot in preview.slots if slot.device.uuid}
    lines = ["devices:"] + ([f"{_INDENT}*** {preview.notice} ***"] if preview.notice else [])
    for status in preview.gpus:
        gpu = status.gpu
        free = f"{gib(gpu.memory_bytes - gpu.used_bytes)} of {gib(gpu.memory_bytes)} free"
        lines.append(f"{_INDENT}{'use' if gpu.uuid in used else 'no':<4} GPU {gpu.id}  {gpu.name}, {free}")
        lines.append(f"{_INDENT}     {gpu.uuid}")
        lines += [f"{_INDENT}     {line}" for line in status.occupancy.lines()]
    cpus = [slot for slot in preview.slots if slot.device.kind == "cpu"]
    if cpus:
        free = f", {gib(preview.free_memory_bytes)} of memory free" if preview.free_memory_bytes else ""
        ids = cpus[0].device.id if len(cpus) == 1 else f"{cpus[0].device.id} to {cpus[-1].device.id}"
        lines.append(f"{_INDENT}use  {ids}: {plural(len(cpus), 'slot')}{free}")
    if preview.slots:
        num_each, threads = preview.plan.sweep.settings.gpus, plural(preview.slots[0].threads, "CPU thread")
        each = "each worker" if num_each == 1 else f"each experiment has {num_each} processes, and each process"
        lines.append(f"{_INDENT}{each} has {threads}")
    return lines


def _files(plan: Plan, width: int) -> list[str]:
    found = written_files(plan)
    if not found:
        return []
    widest = min(max(len(files.path) for files in found), width // 2 + 8)
    return ["files:"] + [
        f"{_INDENT}{files.count or '':>4} {printable(files.path):<{widest}}  {files.what}".rstrip() for files in found
    ]


def _assignments(values: dict[str, Any]) -> str:
    return ", ".join(assignments(values))


def _fit(line: str, width: int) -> str:
    """Break a line to the width. The lines that follow are indented; a word that is wider than a line stays whole."""
    if len(line) <= width:
        return line
    indent = len(line) - len(line.lstrip())
    pieces = textwrap.wrap(
        line.lstrip(), width - indent, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(" " * indent + piece for piece in pieces)
