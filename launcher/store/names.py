"""Which names experiments and metrics may have. They become file names, so one rule holds wherever they come from.

Job files, `sweep.json` and paths are checked by this rule: an experiment's name with a slash would lead out of the
folder. A metric may be named `train/loss`, `F1 (macro)` or `損失`, as training code names them; `store.paths` makes a
part of a file name of it.
"""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}")
NAME_RULE = "1 to 100 of the characters A-Z a-z 0-9 . _ = + - and starts with a letter or digit"
METRIC = re.compile(r"[^\W_][\w./@+=:%()\[\]# -]{0,99}(?<! )")
METRIC_RULE = (
    "1 to 100 of the characters A-Z a-z 0-9, letters of other scripts, blank and _ . / @ + = - : % ( ) [ ] #, "
    "and starts with a letter or digit"
)


def is_name(value: object) -> bool:
    """Return whether an experiment may have this name."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def is_metric(value: object) -> bool:
    """Return whether a metric may have this name."""
    return isinstance(value, str) and METRIC.fullmatch(value) is not None
