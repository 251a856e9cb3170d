"""The line of a configuration in a comparison: the mean over its seeds, with what is drawn of the seeds themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from launcher.reports.analysis import ConfigurationResult
from launcher.reports.mean_curve import counted_seeds, mean_curve
from launcher.reports.plots.line import Line, is_drawable


def configuration_line(result: ConfigurationResult, lines: Mapping[str, Line]) -> Line | None:
    """Return the line of a configuration; None if no seed has logged the metric. `lines`: of the experiments.

    The mean is that of the seeds that count. One that does not, such as a diverged one, is drawn by itself.
    """
    configuration = result.configuration
    seeds = [lines[each.name] for each in configuration.experiments if each.name in lines]
    if not seeds:
        return None
    if len(configuration.experiments) == 1:
        return replace(seeds[0], name=result.name, index=configuration.index)
    counted = [lines[each.name] for each in counted_seeds(result) if each.name in lines]
    mean = mean_curve([(line.smooth_steps, line.smooth) for line in counted])
    suffix = "" if len(counted) == len(configuration.experiments) else f" ({len(counted)}/{result.num_seeds})"
    base = replace(
        next(iter(counted or filter(is_drawable, seeds)), seeds[0]),
        name=result.name,
        index=configuration.index,
        best=None if result.mean is None else result.mean.value,
        is_broken=False,
        may_win=not result.diverged,
        suffix=suffix,
    )
    if mean is None:
        return replace(base, smooth=np.full(len(base.smooth), np.nan), seeds=tuple(seeds))
    band = (mean.low, mean.high) if mean.low is not None and mean.high is not None else None
    alone = [line for line in seeds if not any(line is each for each in counted)] if band else seeds
    return replace(
        base, steps=mean.steps, logged=mean.mean, smooth_steps=mean.steps, smooth=mean.mean, band=band,
        seeds=tuple(alone), is_cut=mean.is_cut,
    )  # fmt: skip


def seed_notes(lines: Sequence[Line]) -> list[str]:
    """Return what is written under a comparison about the seeds of the lines that are named."""
    means = [line for line in lines if line.seeds or line.band is not None]
    if not means:
        return []
    banded = [line for line in means if line.band is not None]
    found = ["Thick: the mean over the seeds."]
    if banded:
        found[0] += " Band: its 95 % interval at each step."
    if len(banded) < len(means):
        found[0] += f" Thin: each seed{', where there are fewer than five' if banded else ''}."
    if suffixes := [line.suffix.strip() for line in means if line.suffix]:
        done, _, num = suffixes[0].strip("()").partition("/")
        found.append(
            f"{suffixes[0]}: a mean of {done} seeds of {num}; the others are not done. What diverged is no part of it."
        )
    if any(line.is_cut for line in means):
        found.append("A mean ends where the shortest of its curves ends.")
    return found
