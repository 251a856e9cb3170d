"""Selects the experiments of a launch by `--only` and `--skip`: names or shell patterns such as lr_*."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence

from launcher.errors import InputError
from launcher.text import did_you_mean, inline


def select(names: Sequence[str], only: Iterable[str], skip: Iterable[str]) -> frozenset[str] | None:
    """Return the names that `only` matches and `skip` does not. An empty `only` matches all. None if both are empty.

    Each of the two is a list of names and patterns, separated by commas where a text holds several.

    Raises:
        InputError: a name or pattern matches no experiment, or no experiment is left.
    """
    only, skip = list(only), list(skip)
    if not only and not skip:
        return None
    problems = [*_problems(names, only, "--only"), *_problems(names, skip, "--skip")]
    if problems:
        raise InputError(problems)
    selected = {name for pattern in _split(only) for name in _matching(names, pattern)} if only else set(names)
    selected -= {name for pattern in _split(skip) for name in _matching(names, pattern)}
    if not selected:
        raise InputError("--only and --skip leave no experiment to run." if only else "--skip leaves no experiment.")
    return frozenset(selected)


def matching(names: Sequence[str], texts: Sequence[str], option: str) -> set[str]:
    """Return the names that a list of names and patterns matches, for the option that was given.

    Raises:
        InputError: a name or pattern matches no experiment.
    """
    if problems := _problems(names, texts, option):
        raise InputError(problems)
    return {name for pattern in _split(texts) for name in _matching(names, pattern)}


def _problems(names: Sequence[str], given: Sequence[str], option: str) -> list[str]:
    """Return what is wrong with an option that names experiments."""
    # An option with an empty text is probably a variable of a script that is not set. It must not mean all experiments.
    if given and not _split(given):
        return [f"{option} names no experiment.\n  Experiments: {_listed(names)}"]
    return [
        f'{option} {inline(pattern, 100)}: there is no experiment "{inline(pattern, 100)}".'
        f"{did_you_mean(pattern, names)}\n  Experiments: {_listed(names)}"
        for pattern in _split(given)
        if not _matching(names, pattern)
    ]


def _split(texts: Iterable[str]) -> list[str]:
    return [pattern.strip() for text in texts for pattern in text.split(",") if pattern.strip()]


def _matching(names: Sequence[str], pattern: str) -> list[str]:
    """Return the experiment with exactly this name, otherwise those that the pattern matches; case counts."""
    return [pattern] if pattern in names else [name for name in names if fnmatch.fnmatchcase(name, pattern)]


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f", … and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
