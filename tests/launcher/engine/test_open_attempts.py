"""What `stop` does with attempts on a cluster where no launcher runs. The cluster is in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from launcher.clusters import make
from launcher.clusters.base import Place
from launcher.engine.open_attempts import ClusterNote, stop_on_cluster, write_cluster_note
from launcher.store.attempt_files import AttemptEnding, AttemptFiles
from launcher.store.batches import write_batch
from launcher.store.claims import Claim, claim
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.paths import Paths
from launcher.supervisor.end_file import write_end


class Cluster:
    """A cluster on which the attempt of `a` runs. `ends`: it ends by itself while the cluster is told to kill it."""

    name = "memory"

    def __init__(self, folder: Path, *, ends: bool) -> None:
        self._folder = folder
        self._ends = ends

    def adopt(self) -> Mapping[str, Place]:
        return {"17": Place("b1", 0)}

    def stop(self, tickets: Sequence[str], *, force: bool) -> None:
        assert (list(tickets), force) == (["17"], True)
        if self._ends:
            write_end(self._folder, 1, AttemptEnding(code=0))

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("ends", "answer", "left"),
    [(True, "it has ended", {1}), (False, "ended by the cluster", {1, 2})],
)
def test_a_forced_stop_makes_no_interrupted_attempt_of_what_has_just_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool, answer: str, left: set[int]
) -> None:
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    folders = ClusterPaths(paths.outcome)
    write_cluster_note(folders.note, ClusterNote("memory"))
    write_batch(folders.batch("b1"), [[("a", 1)]], {("a", 1): b"order\n"})
    folder = folders.attempts("a")
    assert claim(folder, 1, Claim.of_this_process("17"))
    monkeypatch.setattr(make, "make_cluster", lambda *_, **__: Cluster(folder, ends=ends))
    assert stop_on_cluster(paths, [], force=True) == {"a": answer}
    assert AttemptFiles.look(folder).claims == left
