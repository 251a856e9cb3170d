"""The names under which metrics that were found in files are recorded."""

from __future__ import annotations

import re

from launcher.store.names import is_metric
from launcher.store.records import ENVELOPE

_NOT_IN_NAMES = re.compile(r"[\W\u0080-\u024f\u1e00-\u1eff]+")  # Latin letters with marks are none; other scripts stay
_NO_LETTERS = re.compile(r"\W+")
_LONGEST = 100  # characters


def reserved(name: str) -> bool:
    """Say whether a name is a field of every record, such as `n` or `attempt`."""
    return name in ENVELOPE


def metric_name(name: str) -> str:
    """Return the name under which a value is recorded: `train/loss` becomes `train_loss`, `n` becomes `n_`.

    Letters of other scripts stay, as in `損失`. Latin letters with marks do not, as in `Gr_e`, but where all are such.

    Empty if there is nothing of a name in it.
    """
    known = name
    if not (is_metric(name) and name.isascii() and name.isidentifier()):
        bare = _NOT_IN_NAMES.sub("_", name).strip("_")
        known = (bare or _NO_LETTERS.sub("_", name).strip("_"))[:_LONGEST]
    if known and not known[0].isalpha():
        known = f"x_{known}"[:_LONGEST]
    return f"{known}_" if known in ENVELOPE else known
