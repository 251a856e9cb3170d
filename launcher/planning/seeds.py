"""The seeds of a sweep: `seed` and `seeds` of the [sweep] table. Pure."""

from __future__ import annotations

from launcher.config.notation import write
from launcher.text import inline

MOST_SEEDS = 1000
_END = 2**63


def all_seeds(seed: int, seeds: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the seeds on which each configuration is trained: `seed` alone, and those after it, or a list."""
    if isinstance(seeds, tuple):
        return seeds
    return tuple(range(seed, seed + (1 if seeds is None else seeds)))


def kind_problem(seeds: object) -> str:
    """Return that `seeds`, as it stands in a job file, is neither a whole number nor a list of them; else nothing."""
    listed = seeds if isinstance(seeds, list | tuple) else [seeds]
    if seeds is None or all(type(each) is int for each in listed):
        return ""
    wanted = "a number of seeds, as in 5, or a list of them, as in [0, 7, 13]"
    return f"seeds is {wanted}, not {inline(write(seeds), 100)}"


def seed_problems(seed: int, seeds: int | tuple[int, ...] | None) -> list[str]:
    """Return what is wrong with `seeds`."""
    num = len(seeds) if isinstance(seeds, tuple) else seeds
    if num is None:
        return []
    if not 1 <= num <= MOST_SEEDS:
        given = "an empty list" if seeds == () else str(num)
        return [f"seeds is a number of seeds from 1 to {MOST_SEEDS}, or a list of them, not {given}"]
    listed = all_seeds(seed, seeds)
    if wrong := [each for each in listed if not 0 <= each < _END]:
        return [f"seeds are whole numbers from 0 to 2**63 - 1, not {wrong[0]}"]
    if repeated := [each for place, each in enumerate(listed) if each in listed[:place]]:
        return [f"seeds has {repeated[0]} twice: {inline(str(list(listed)), 100)}"]
    return []
