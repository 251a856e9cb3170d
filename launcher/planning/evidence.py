"""What an earlier launch left of one experiment: everything that a decision about it is made from.

`earlier_attempts` gathers it where an earlier launch has left anything. The modules that read it are imported then.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from launcher.planning.estimate import DurationEstimate

if TYPE_CHECKING:
    from launcher.store.ending import EndingKind
    from launcher.store.experiment_state import ExperimentState
    from launcher.store.manifest import ManifestExperiment
    from launcher.store.paths import Paths
    from launcher.store.record_facts import GpuNeed


@dataclass(frozen=True)
class LostEnding:
    """How an attempt ended whose launcher died first, as its records tell it. Its fields are those of the event."""

    attempt: int
    ending: EndingKind
    seconds: float


@dataclass(frozen=True)
class Evidence:
    """What an earlier launch left of one experiment. The defaults are those of an experiment that has never run."""

    planned: ManifestExperiment | None = None  # its entry in `sweep.json`
    attempt: int = 0  # the number of its newest attempt in the records
    highest_attempt: int = 0  # the highest number that any attempt has had, in records or events
    changes: dict[str, int] = field(default_factory=dict)  # what `on_oom` replaced in the newest attempt
    ending: EndingKind | None = None  # how the newest attempt ended; None: no worker has begun
    lost_ending: LostEnding | None = None
    code: str = ""  # the digest of the script's source that was run; empty for a target
    digest: str = ""  # of the configuration that was trained; empty: no worker has begun
    num_steps: int = 0
    seconds: float = 0.0  # of training, the attempts that belong together summed
    has_checkpoint: bool = False  # of the configuration as it is now
    duration: DurationEstimate = field(default_factory=DurationEstimate)  # of the configuration as it is now
    peak_memory_bytes: int | None = None  # of the newest attempt, if its worker could say
    peak_gpu_memory_bytes: int | None = None
    gpu_need: GpuNeed | None = None  # of an attempt that got all the memory it asked for
    state: ExperimentState | None = None  # how it stands, if it is done or diverged
    obstacle: str = ""  # why its records cannot be read; empty where they can
    open_attempt: int = 0  # the number of the attempt that runs or waits on a cluster
    is_claimed: bool = False  # the open attempt has begun on a node
    is_told: bool = False  # the events tell of the open attempt

    @property
    def is_kept(self) -> bool:
        """It ended in a way after which the same configuration is not trained again."""
        return self.ending is not None and self.ending.is_kept


def names_with_files(paths: Paths) -> set[str] | None:
    """Return the experiments that have left records or checkpoints; None if the folders cannot be listed.

    To list two folders takes less time than to look for the files of a thousand experiments that have not run.
    """
    found: set[str] = set()
    for folder, suffix in ((paths.records_folder, ".jsonl"), (paths.checkpoints_folder, "")):
        try:
            found |= {entry.removesuffix(suffix).partition("@")[0] for entry in os.listdir(folder)}
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return found


@cache
def nothing_left(work: float | None) -> Evidence:
    """Return the evidence of an experiment of which there are neither events nor files. `work`: the experiment's."""
    return Evidence(duration=DurationEstimate(work, is_earlier=True))
