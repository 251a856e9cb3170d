"""Checks that the logs of an experiment's other processes have names that no experiment's log has."""

from __future__ import annotations

import re
from collections.abc import Collection

from launcher.planning.source_lines import SourceLines

_OF_RANK = re.compile(r"(.+)\.rank([1-9]\d*)")


def rank_log_problems(experiments: Collection[str], num_ranks: int, lines: SourceLines) -> list[str]:
    """Return which experiments have the name of a rank's log, such as `a.rank1` beside `a`."""
    problems = []
    for name in experiments:
        found = _OF_RANK.fullmatch(name)
        if found and found[1] in experiments and int(found[2]) < num_ranks:
            problems.append(
                f'{lines.where("experiments", name)}the log of the experiment "{name}" would be that of process '
                f'{found[2]} of "{found[1]}", as gpus is {num_ranks}. Give it another name.'
            )
    return problems
