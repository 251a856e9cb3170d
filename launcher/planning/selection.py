"""Which experiments a launch is about: `--only` and `--skip`, names or shell patterns like lr_*."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence

from launcher.errors import InputError
from launcher.text import did_you_mean, inline


def select(names: Sequence[str], only: Iterable[str], skip: Iterable[str]) -> frozenset[str] | None:
    """Return the names that `only` matches (all, if it is empty) and `skip` does not; None where neither is given.

    Each is a list of names and patterns; one may hold several, separated by commas.

    Raises:
        InputError: one matches no experiment, or nothing is left.
    """
    only, skip = list(only), list(skip)
    if not only and not skip:
        return None
    wanted, unwanted = _split(only), _split(skip)
    problems = [  # an empty one is a variable of a script that is not set: it must not mean all
        f"{option} names no experiment.\n  Experiments: {_listed(names)}"
        for option, given, found in (("--only", only, wanted), ("--skip", skip, unwanted))
        if given and not found
    ] + [
        f'{option} {inline(one, 100)}: there is no experiment "{inline(one, 100)}".{did_you_mean(one, names)}\n'
        f"  Experiments: {_listed(names)}"
        for option, patterns in (("--only", wanted), ("--skip", unwanted))
        for one in patterns
        if not _matching(names, one)
    ]
    if problems:
        raise InputError(problems)
    chosen = {name for one in wanted for name in _matching(names, one)} if wanted else set(names)
    left = chosen - {name for one in unwanted for name in _matching(names, one)}
    if not left:
        raise InputError("--only and --skip leave no experiment to run." if wanted else "--skip leaves no experiment.")
    return frozenset(left)


def _split(patterns: Iterable[str]) -> list[str]:
    return [one.strip() for pattern in patterns for one in pattern.split(",") if one.strip()]


def _matching(names: Sequence[str], pattern: str) -> list[str]:
    """Return the experiment of this name, or those that the pattern fits; case counts."""
    return [pattern] if pattern in names else [name for name in names if fnmatch.fnmatchcase(name, pattern)]


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f", … and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
