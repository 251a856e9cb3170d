"""A smaller batch with the same step, for an experiment that ran out of memory and a job that asks for it. Pure.

Half the `batch_size` and twice the `accumulation` (batches whose gradients make one step) is the same training up to
rounding in half the memory. The experiment's digest stays that of what was asked; what changed is beside it in events,
table and log, and checkpoints of the one are not read by the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

KEYS = ("batch_size", "accumulation")
Changes = Mapping[str, int]


def halved(config: Mapping[str, Any]) -> dict[str, int] | None:
    """Return what replaces the keys of a configuration for half the batch; None where it cannot be halved."""
    batch_size, accumulation = (config[key] for key in KEYS)
    return None if batch_size % 2 else {"batch_size": batch_size // 2, "accumulation": accumulation * 2}


def unfit(configs: Iterable[Mapping[str, Any]], target: str, where: str) -> list[str]:
    """Return what is wrong with asking for this: the keys that a configuration lacks as a whole number above 0."""
    lacking = {key: None for config in configs for key in KEYS if type(config.get(key)) is not int or config[key] < 1}
    return [
        f'{where}sweep.on_oom = "halve_batch": the configuration of {target} has no whole number {key}. It halves '
        'batch_size and doubles accumulation, the number of batches a step. Give it both, or write on_oom = "retry".'
        for key in lacking
    ]


def describe(changes: Changes) -> str:
    """Return the changes for a person."""
    return ", ".join(f"{key}={value}" for key, value in changes.items())


def state_digest(digest: str, changes: Changes) -> str:
    """Return the identity of an experiment's checkpoints: that of its configuration as it was trained."""
    return hashlib.sha256(f"{digest} {describe(changes)}".encode()).hexdigest()[:16] if changes else digest
