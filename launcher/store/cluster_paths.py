"""The files in an outcome folder that a sweep on a cluster has besides `Paths`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from launcher.errors import InputError
from launcher.store.names import NAME_RULE, is_name
from launcher.text import inline


@dataclass(frozen=True)
class ClusterPaths:
    """The files of attempts on a cluster. `store.attempt_files` and `store.beats` read and write them.

    A method raises InputError if a name is not allowed for an experiment or a batch.
    """

    outcome: Path

    @property
    def attempts_folder(self) -> Path:
        """The folder of orders, claims and ends of attempts on a cluster. Without a cluster there is none."""
        return self.outcome / "attempts"

    def attempts(self, experiment: str) -> Path:
        """Return the folder of an experiment's orders, claims and ends."""
        return self.attempts_folder / _name(experiment)

    @property
    def batches(self) -> Path:
        """The folder of batches, with the orders of their attempts."""
        return self.attempts_folder / "_batches"

    def batch(self, batch: str) -> Path:
        """Return the file that says which attempts were handed to the cluster together."""
        return self.batches / f"{_name(batch)}.json"

    @property
    def output(self) -> Path:
        """The folder of what supervisors print, before their workers have logs."""
        return self.attempts_folder / "_out"

    @property
    def note(self) -> Path:
        """The file that says on which cluster the attempts are."""
        return self.attempts_folder / "_cluster.json"

    @property
    def code(self) -> Path:
        """The folder of copies of the code, where the job file has `code = "copy"`."""
        return self.attempts_folder / "_code"

    @property
    def beats(self) -> Path:
        """The folder of the beats of supervisors: files without content, whose names say how their attempts stand."""
        return self.outcome / "beats"


def _name(name: str) -> str:
    if not is_name(name):
        raise InputError(f'"{inline(name, 100)}" is no name of an experiment: such a name has {NAME_RULE}.')
    return name
