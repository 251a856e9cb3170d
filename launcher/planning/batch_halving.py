"""A smaller batch with the same optimizer step, for an experiment that ran out of memory (`on_oom`). Pure.

`accumulation` is the number of batches whose gradients make one step. Half the `batch_size` with twice the
`accumulation` is the same training, up to rounding, in half the memory. The digest of the experiment stays that of the
configuration that was asked for; events, table and log name the changes. Checkpoints have a digest of their own, so an
attempt with the smaller batch does not read those of the larger batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

KEYS = ("batch_size", "accumulation")
Changes = Mapping[str, int]  # key of the configuration → value that replaces it


def halve_batch(config: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the changes that halve the batch of a configuration; None if its `batch_size` is odd.

    Example: batch_size 32 and accumulation 1 become batch_size 16 and accumulation 2.
    """
    batch_size, accumulation = (config[key] for key in KEYS)
    return None if batch_size % 2 else {"batch_size": batch_size // 2, "accumulation": accumulation * 2}


def key_problems(configs: Iterable[Mapping[str, Any]], target: str, where: str) -> list[str]:
    """Return a message for each key that a configuration lacks as a whole number above 0; `where` begins each."""
    lacking = {key: None for config in configs for key in KEYS if type(config.get(key)) is not int or config[key] < 1}
    return [
        f'{where}sweep.on_oom = "halve_batch": the configuration of {target} has no whole number {key}. It halves '
        'batch_size and doubles accumulation, the number of batches a step. Give it both, or write on_oom = "retry".'
        for key in lacking
    ]


def describe_changes(changes: Changes) -> str:
    """Return the changes for a person: `batch_size=16, accumulation=2`."""
    return ", ".join(f"{key}={value}" for key, value in changes.items())


def state_digest(digest: str, changes: Changes) -> str:
    """Return the identity of an experiment's checkpoints: that of its configuration with the changes in it."""
    return hashlib.sha256(f"{digest} {describe_changes(changes)}".encode()).hexdigest()[:16] if changes else digest
