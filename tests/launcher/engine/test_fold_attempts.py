"""What a launch leaves of attempts on a cluster that are over, also one that is killed on the way."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from launcher.engine.fold_attempts import fold_attempts, have_listed_anew
from launcher.store.attempt_files import AttemptEnding, AttemptFiles, AttemptsOnCluster
from launcher.store.batches import Batch, write_batch
from launcher.store.claims import Claim, claim
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.events import Ended, read_events
from launcher.store.paths import Paths
from launcher.store.records import RecordWriter
from launcher.supervisor.end_file import write_end


class Killed(BaseException):
    """The launcher is killed at a call."""


class Sweep:
    """An outcome folder with attempts on a cluster."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder / "outcome", folder / "logs")
        self.paths.create()
        self.folders = ClusterPaths(self.paths.outcome)
        self.frees_claims = True  # supervisors of earlier versions do not

    def order(self, *attempts: tuple[str, int], batch: str = "b1") -> None:
        write_batch(self.folders.batch(batch), [[each] for each in attempts], dict.fromkeys(attempts, b"order\n"))

    def train(self, name: str, attempt: int = 1, *, ends: bool = True) -> None:
        """Do what a supervisor and its worker do."""
        assert claim(self.folders.attempts(name), attempt, Claim.of_this_process())
        own = self.paths.of_attempt(attempt)
        writer = RecordWriter(own.records(name), attempt)
        writer.write({"kind": "start", "digest": "d", "device": "cpu", "threads": 1})
        writer.write({"loss": float(attempt)}, 1)
        own.telemetry(name).write_text(f"attempt {attempt}\n")
        own.checkpoints(name).mkdir(parents=True)
        (own.checkpoints(name) / "step-1.ckpt").write_text(f"attempt {attempt}")
        if ends:
            writer.write({"kind": "end", "ending": "done"})
            folder, ended = self.folders.attempts(name), AttemptEnding(node="n1", code=0, seconds=1.0)
            if self.frees_claims:
                write_end(folder, attempt, ended)
            else:
                ended.write(AttemptFiles(folder).path(attempt, "end"))
        writer.close()

    def fold(self) -> list[str]:
        return fold_attempts(self.paths, lambda _name, _files: False)

    def tree(self) -> dict[str, str]:
        outcome = self.paths.outcome
        files = (path for path in outcome.rglob("*") if path.is_file() and path != self.paths.events)
        return {str(path.relative_to(outcome)): path.read_text() for path in files}


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path)


def test_what_is_over_is_left_as_without_a_cluster(sweep: Sweep) -> None:
    sweep.order(("a", 1), ("b", 1))
    sweep.order(("a", 2), batch="b2")
    sweep.train("a", 1, ends=False)
    sweep.train("a", 2)
    assert sweep.fold() == ["a", "b"]
    assert sorted(sweep.tree()) == ["checkpoints/a/step-1.ckpt", "records/a.jsonl", "telemetry/a.jsonl"]
    assert sweep.tree()["telemetry/a.jsonl"] == "attempt 2\n"
    assert not AttemptsOnCluster(sweep.paths).names
    assert not list(sweep.folders.batches.iterdir())
    ended = {event.experiment: event for event in read_events(sweep.paths.events) if isinstance(event, Ended)}
    assert ended["a"].attempt == 2
    assert "b" not in ended, "nobody has written that it was started"


def test_what_waits_or_runs_is_left_alone(sweep: Sweep) -> None:
    sweep.order(("a", 1), ("b", 1), ("c", 1))
    sweep.train("a")
    sweep.train("b", ends=False)
    assert fold_attempts(sweep.paths, lambda _name, _files: True) == ["a"]
    assert AttemptsOnCluster(sweep.paths).open_attempts.keys() == {"b", "c"}
    assert Batch.read(sweep.folders.batch("b1")).groups == ((), (("b", 1),), (("c", 1),))


def test_an_attempt_that_began_after_the_look_is_left_alone(sweep: Sweep) -> None:
    sweep.train("a", 1)
    known = {"a": AttemptFiles.look(sweep.folders.attempts("a"))}
    sweep.train("a", 2, ends=False)
    fold_attempts(sweep.paths, lambda _name, _files: False, known)
    assert AttemptsOnCluster(sweep.paths).of("a").open_attempt == 2
    assert AttemptsOnCluster(sweep.paths).paths("a").own_attempt == 2


def test_a_claim_that_its_supervisor_could_not_remove_goes_with_the_folder(sweep: Sweep) -> None:
    sweep.frees_claims = False
    sweep.train("a")
    folder = sweep.folders.attempts("a")
    fold_attempts(sweep.paths, lambda _name, _files: False, {"a": AttemptFiles(folder, ends=frozenset({1}))})
    assert not folder.exists()
    assert not AttemptsOnCluster(sweep.paths).names


def test_a_folder_with_what_a_killed_process_has_left_is_removed_too(sweep: Sweep) -> None:
    sweep.train("a")
    (sweep.folders.attempts("a") / ".0123.tmp").write_text("{")
    sweep.fold()
    assert not sweep.folders.attempts("a").exists()


def test_files_that_an_earlier_version_has_half_folded_are_folded(sweep: Sweep) -> None:
    sweep.frees_claims = False
    sweep.train("a")
    (sweep.folders.attempts("a") / "1.order").write_text("{}")
    os.replace(sweep.paths.of_attempt(1).records("a"), sweep.paths.records("a"))
    (sweep.folders.attempts("a") / "1.claim").unlink()
    sweep.train("b")
    (sweep.folders.attempts("b") / "1.order").write_text("{}")
    assert sweep.fold() == ["a", "b"]
    assert not AttemptsOnCluster(sweep.paths).names
    assert {"records/a.jsonl", "records/b.jsonl"} <= sweep.tree().keys()


CALLS = ("open", "listdir", "rename", "replace", "unlink", "rmdir", "mkdir")


@pytest.mark.parametrize("frees_claims", [True, False])
def test_a_launch_that_is_killed_at_any_call_leaves_what_the_next_completes(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frees_claims: bool
) -> None:
    sweep.frees_claims = frees_claims
    sweep.order(("a", 1), ("b", 1))
    sweep.order(("a", 2), batch="b2")
    sweep.train("a", 1, ends=False)
    sweep.train("a", 2)
    before = tmp_path / "before"
    shutil.copytree(sweep.paths.outcome, before)
    sweep.fold()
    expected = sweep.tree()
    for number in itertools.count(1):
        shutil.rmtree(sweep.paths.outcome)
        shutil.copytree(before, sweep.paths.outcome)
        if not is_killed(sweep.fold, number, monkeypatch):
            break
        assert set(AttemptsOnCluster(sweep.paths).open_attempts) <= {"b"}, "what has ended does not look lost"
        assert AttemptsOnCluster(sweep.paths).paths("a").records("a").exists(), "its records can be read"
        sweep.fold()
        sweep.paths.remove_temporaries()
        assert {name: text for name, text in sweep.tree().items() if "/." not in name} == expected
        ended = [event.experiment for event in read_events(sweep.paths.events) if isinstance(event, Ended)]
        assert ended == ["a"], "its end is told once"
    assert number > 20, "each call was tried"


def is_killed(do: Callable[[], object], number: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether something made so many calls; it is killed before the last."""
    left = number

    def killing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, killing(getattr(os, name)))
        try:
            do()
        except Killed:
            return True
    return False


def test_a_folder_is_listed_anew_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert have_listed_anew(tmp_path) == {"a"}
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert have_listed_anew(tmp_path / "missing") == frozenset()
