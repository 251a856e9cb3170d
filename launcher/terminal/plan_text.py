"""A plan in words: what `plan` and `--dry-run` print, and `run --verbose` before it starts.

    summary      how many of the sweep's experiments run, and what that will take
    experiments  action, what differs from [config], why, and the time and memory expected
    order        the waves: who starts at once, who takes over a slot from whom
    devices      name, UUID, free memory, and who is on them
    files        what will be written, grouped

All comes from `launcher.planning.preview`. Lines are broken to the width that is asked for.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from launcher.config import redact
from launcher.config.nested import assignments
from launcher.devices.slots import Slot
from launcher.planning.decision import Decision
from launcher.planning.forecast import Forecast
from launcher.planning.plan import Plan
from launcher.planning.preview import Preview, written_files
from launcher.planning.wording import notices, repeated_training
from launcher.text import duration, inline, plural, printable

MOST_WAVES = 8  # in words; JSON has them all
_INDENT = "  "


def text(preview: Preview, width: int = 80, *, is_verbose: bool = False) -> str:
    """Return the plan for reading; with `is_verbose` each experiment with its whole configuration."""
    expected = preview.forecast
    parts = [
        _summary(preview, expected),
        _experiments(preview.plan, expected, is_verbose=is_verbose),
        _order(preview, expected) if expected.starts else [],
        _devices(preview),
        _files(preview.plan, width),
    ]
    return "\n\n".join("\n".join(_fit(line, width) for line in part) for part in parts if part)


def details(plan: Plan, slots: Sequence[Slot]) -> str:
    """Return what `run --verbose` adds: each experiment's whole configuration, and each slot with its device."""
    lines = ["configurations:"]
    for one in plan.to_run:
        lines += [f"{_INDENT}{one.experiment.name}, digest {one.experiment.digest}", *_config(one)]
    lines.append("slots:")
    for slot in slots:
        memory = f", {gib(slot.device.memory_bytes)}" if slot.device.memory_bytes else ""
        name = f" {slot.device.name} {slot.device.uuid}".rstrip()
        lines.append(f"{_INDENT}{slot.index}: {slot.device}{name}{memory}, threads {slot.threads}")
    return "\n".join(lines)


def gib(size: float) -> str:
    """Return a size of memory for reading."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**29 else f"{size / 2**20:.0f} MiB"


def _summary(preview: Preview, expected: Forecast) -> list[str]:
    plan, sweep = preview.plan, preview.plan.sweep
    lines = [f"sweep {sweep.name} of {inline(str(sweep.job_file))}, {len(plan.to_run)} of {len(plan.decisions)} to run"]
    if sweep.cli_overrides:
        lines.append(f"-S for all: {inline(_assignments(redact.table(sweep.cli_overrides)), 1000)}")
    lines += [*notices(plan), *repeated_training(plan)]
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


def _experiments(plan: Plan, expected: Forecast, *, is_verbose: bool) -> list[str]:
    names = max(len(one.experiment.name) for one in plan.decisions)
    lines = ["experiments:"]
    for one in plan.decisions:
        lines.append(f"{_INDENT}{one.action:<6} {one.experiment.name:<{min(names, 30)}}  {inline(one.why, 1000)}")
        told = [inline(_assignments(one.experiment.shown.overrides), 1000)] if one.experiment.overrides else []
        took = expected.estimates.get(one.experiment.name)
        if took is not None:
            about = "" if took.is_measured else "≈ "
            told += [f"{about}{duration(took.seconds)}"] if took.seconds is not None else []
            told += [f"{about}{gib(took.memory_bytes)}"] if took.memory_bytes is not None else []
            told += [f"{about}{gib(took.gpu_memory_bytes)} GPU"] if took.gpu_memory_bytes is not None else []
        if told:
            lines.append(f"{_INDENT}       {' · '.join(told)}")
        if is_verbose:
            lines += [f"{_INDENT}       digest {one.experiment.digest}", *_config(one)]
    if any(not took.is_measured and took.seconds is not None for took in expected.estimates.values()):
        lines.append(f"{_INDENT}≈ reckoned from other runs, not from this configuration")
    return lines


def _config(one: Decision) -> list[str]:
    return [
        f"{_INDENT}         {inline(f'{key} = {value!r}', 500)}" for key, value in one.experiment.shown.config.items()
    ]


def _order(preview: Preview, expected: Forecast) -> list[str]:
    waves = expected.waves
    has_times = expected.seconds is not None
    if not preview.is_parallel:
        lines = ["order: one after another, in the order of the job file"]
        waves = [[turn] for turn in expected.starts]
    else:
        lines = ["order: the longest first; each starts as soon as the one before it has ended"]
    for wave in waves[:MOST_WAVES]:
        told = []
        for turn in wave:
            where = f"{turn.experiment} on {preview.slots[turn.slot]}"
            at = f" at {duration(turn.starts_s)}" if has_times and turn.after else ""
            told.append(f"{where}{f' (after {turn.after}{at})' if turn.after and preview.is_parallel else at}")
        lines.append(f"{_INDENT}{'at once' if wave[0].wave == 1 else 'then':<8} {', '.join(told)}")
    if len(waves) > MOST_WAVES:
        left = sum(len(wave) for wave in waves[MOST_WAVES:])
        lines.append(f"{_INDENT}… and {left} more, in {len(waves) - MOST_WAVES} more waves; --json names them all")
    return lines


def _devices(preview: Preview) -> list[str]:
    used = {slot.device.uuid for slot in preview.slots if slot.device.uuid}
    lines = ["devices:"] + ([f"{_INDENT}*** {preview.notice} ***"] if preview.notice else [])
    for one in preview.gpus:
        gpu = one.gpu
        free = f"{gib(gpu.memory_bytes - gpu.used_bytes)} of {gib(gpu.memory_bytes)} free"
        lines.append(f"{_INDENT}{'use' if gpu.uuid in used else 'no':<4} GPU {gpu.id}  {gpu.name}, {free}")
        lines.append(f"{_INDENT}     {gpu.uuid}")
        lines += [f"{_INDENT}     {line}" for line in one.occupancy.lines()]
    cpus = [slot for slot in preview.slots if slot.device.kind == "cpu"]
    if cpus:
        free = f", {gib(preview.free_memory_bytes)} of memory free" if preview.free_memory_bytes else ""
        ids = cpus[0].device.id if len(cpus) == 1 else f"{cpus[0].device.id} to {cpus[-1].device.id}"
        lines.append(f"{_INDENT}use  {ids}: {plural(len(cpus), 'slot')}{free}")
    if preview.slots:
        lines.append(f"{_INDENT}each worker has {plural(preview.slots[0].threads, 'CPU thread')}")
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
    """Break a line to the width, what follows indented below its text; a word wider than a line stays whole."""
    if len(line) <= width:
        return line
    indent = len(line) - len(line.lstrip())
    pieces = textwrap.wrap(
        line.lstrip(), width - indent, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(" " * indent + piece for piece in pieces)
