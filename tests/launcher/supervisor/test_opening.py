"""Which attempt a supervisor makes its own, by what lies in the folder; and what a kill on the way leaves."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import Any

import pytest

from launcher.clusters.base import Job
from launcher.store.attempt_files import AttemptEnding, AttemptFiles, own_paths
from launcher.store.batches import withdraw
from launcher.store.claims import Claim, claim
from launcher.store.cluster_paths import ClusterPaths
from launcher.supervisor import opening
from launcher.supervisor.cluster_job import ClusterJob
from launcher.supervisor.opening import ANOTHERS, DONE, FAILED, Left
from tests.launcher.supervisor.sweep import ToySweep

MINE, ANOTHER = "17", "18"


def give(sweep: ToySweep, attempt: int, ticket: str, ended: AttemptEnding | None = None) -> None:
    """Have an attempt claimed, and perhaps ended."""
    folder = sweep.files().folder
    assert claim(folder, attempt, Claim.of_this_process(ticket))
    if ended is not None:
        ended.write(AttemptFiles(folder).path(attempt, "end"))


@pytest.mark.parametrize(
    ("found", "restarts", "expected"),
    [
        ({}, 0, 2),
        ({1: (ANOTHER, None)}, 0, 2),
        ({1: (ANOTHER, AttemptEnding(code=1))}, 0, 2),
        # the claim is another job's
        ({2: (ANOTHER, None)}, 0, None),
        ({2: (ANOTHER, None)}, 1, None),
        ({2: ("", None)}, 0, None),
        ({2: (MINE, None), 3: (ANOTHER, None)}, 1, None),
        # the cluster runs this job again
        ({2: (MINE, None)}, 1, 3),
        ({2: (MINE, None)}, 0, 3),
        ({2: (MINE, None), 3: (MINE, None)}, 2, 4),
        ({2: (MINE, AttemptEnding(asked="stop"))}, 1, 3),
        ({2: (MINE, AttemptEnding(asked="stop"))}, 0, None),
        ({2: (MINE, AttemptEnding(code=1))}, 1, None),
        # it goes on after the time limit
        ({2: (ANOTHER, AttemptEnding(asked="limit"))}, 0, 3),
        ({2: (ANOTHER, AttemptEnding(asked="limit", verdict="no checkpoint"))}, 0, None),
        ({2: (ANOTHER, AttemptEnding(asked="limit")), 3: (ANOTHER, AttemptEnding(asked="limit"))}, 0, 4),
        ({2: (ANOTHER, AttemptEnding(asked="limit")), 3: (ANOTHER, None)}, 0, None),
    ],
)
def test_the_folder_decides_the_number(
    sweep: ToySweep, found: dict[int, tuple[str, AttemptEnding | None]], restarts: int, expected: int | None
) -> None:
    sweep.order(sweep.spec(attempt=2))
    for attempt, (ticket, ended) in found.items():
        give(sweep, attempt, ticket, ended)
    opened = sweep.open(2, ClusterJob(MINE, restarts))
    if isinstance(opened, Left):
        assert expected is None
        assert opened.code == ANOTHERS
        assert sweep.files().claims == found.keys()
    else:
        assert opened.spec.attempt == expected
        assert opened.spec.paths.own_attempt == expected
        assert sweep.beats().keys() == {("a", expected)}
        assert sweep.files().newest_claim == expected


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        ("done", "attempt 1 has ended"),
        ("superseded", ""),
        ("newer", "attempt 3 is newer"),
        ("folded", "its order was withdrawn"),
    ],
)
def test_what_has_changed_since_the_first_look_counts(
    sweep: ToySweep, monkeypatch: pytest.MonkeyPatch, happens: str, reason: str
) -> None:
    """The cluster runs the job of attempt 1 again while that attempt lives on, and something happens just then."""
    sweep.order(sweep.spec())
    give(sweep, 1, MINE)
    files = sweep.files()

    def _claim(*words: Any) -> AttemptFiles | None:
        ended = AttemptEnding(code=0, asked="superseded" if happens == "superseded" else "")
        if happens in ("done", "superseded"):
            ended.write(files.path(1, "end"))
        elif happens == "newer":
            give(sweep, 3, ANOTHER)
        else:
            withdraw(ClusterPaths(sweep.paths.outcome).batches, ["a"])
            shutil.rmtree(files.folder)
        return claim(*words)

    monkeypatch.setattr(opening, "claim", _claim)
    opened = sweep.open(1, ClusterJob(MINE, 1))
    assert isinstance(opened, Left) == bool(reason)
    if isinstance(opened, Left):
        assert opened.why == reason
        assert 2 not in sweep.files().claims
        assert files.folder.exists() == (happens != "folded")


def test_a_number_that_was_refused_is_not_used_again(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(), code={"python": "2.7"})
    opened = sweep.open(1, ClusterJob(MINE, node="n1"))
    assert isinstance(opened, Left)
    assert opened.code == FAILED
    assert sweep.ended().node == "n1"
    sweep.order(sweep.spec())
    opened = sweep.open(1, ClusterJob(MINE))
    assert isinstance(opened, Left)
    assert opened.code == ANOTHERS


def test_what_is_done_is_not_run_again_in_the_same_configuration(sweep: ToySweep) -> None:
    sweep.paths.create()
    done = '{"n": 2, "attempt": 1, "at_s": 1.0, "kind": "end", "ending": "done"}\n'
    sweep.paths.records("a").write_text(
        '{"n": 1, "attempt": 1, "at_s": 0.0, "kind": "start", "digest": "digest of a"}\n' + done
    )
    opened = sweep.open(2, ClusterJob())
    assert isinstance(opened, Left)
    assert opened.code == DONE, "also where its order is gone"
    sweep.order(sweep.spec(attempt=2))
    opened = sweep.open(2, ClusterJob())
    assert isinstance(opened, Left)
    assert opened.code == DONE
    sweep.paths.records("a").write_text(sweep.paths.records("a").read_text().replace("digest of a", "another"))
    assert not isinstance(sweep.open(2, ClusterJob()), Left)


def test_an_order_of_another_experiment_is_refused(sweep: ToySweep) -> None:
    sweep.orders[Job("a", 1)] = sweep.order(sweep.spec("b"))
    opened = sweep.open(1, ClusterJob())
    assert isinstance(opened, Left)
    assert "another experiment" in opened.why


def test_an_order_that_an_earlier_version_has_written_is_taken(sweep: ToySweep) -> None:
    sweep.order(sweep.spec()).write(sweep.files().path(1, "order"))
    sweep.orders.clear()
    opened = sweep.open(1, ClusterJob())
    assert not isinstance(opened, Left)
    assert opened.order.spec == sweep.spec()


def test_records_that_cannot_be_taken_over_end_the_attempt_with_the_reason(sweep: ToySweep) -> None:
    sweep.order(sweep.spec())
    sweep.paths.create()
    sweep.paths.records("a").mkdir()
    opened = sweep.open(1, ClusterJob())
    assert isinstance(opened, Left)
    assert "cannot be taken over" in sweep.ended().refused


_KILLED = """
import os, signal, sys
left = int(sys.argv[2])
def killing(function):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call
from launcher.store.batches import Batch
from launcher.store.cluster_paths import ClusterPaths
from launcher.supervisor.cluster_job import ClusterJob
from launcher.supervisor.opening import Left, open_attempt
for name in ("open", "link", "rename", "replace", "unlink", "fsync", "listdir", "mkdir", "ftruncate", "pread"):
    setattr(os, name, killing(getattr(os, name)))
from pathlib import Path
outcome = Path(sys.argv[1])
batch = Batch.read(ClusterPaths(outcome).batch("b1"))
assert batch.groups
opened = open_attempt(batch, outcome, "a", 1, ClusterJob("17"))
assert not isinstance(opened, Left), opened
"""


@pytest.mark.slow  # a process for each call
def test_a_kill_at_any_call_leaves_an_attempt_that_can_be_taken_up(sweep: ToySweep) -> None:
    sweep.order(sweep.spec())
    sweep.batch(("a", 1))
    sweep.paths.create()
    sweep.paths.records("a").write_text('{"n": 1, "attempt": 1, "at_s": 0.0, "step": 1}\n{"n": 2')
    folder = sweep.paths.checkpoints("a")
    folder.mkdir(parents=True)
    (folder / "step-000000000001.ckpt").write_text("state")
    for number in range(1, 200):
        command = [sys.executable, "-c", _KILLED, str(sweep.paths.outcome), str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if done.returncode == 0:
            break
    assert number > 20, "each call was tried"
    newest = sweep.files().newest_claim
    paths = own_paths(sweep.paths, "a")
    assert paths.own_attempt == newest > 5
    assert paths.records("a").read_text() == '{"n": 1, "attempt": 1, "at_s": 0.0, "step": 1}\n'
    assert (paths.checkpoints("a") / "step-000000000001.ckpt").read_text() == "state"
    left = [path for path in sweep.paths.outcome.rglob(".*.tmp") if path.parent != sweep.files().folder]
    assert not left, "a later attempt removes what those that were killed had begun"
    for path in sweep.files().folder.glob(".*.tmp"):
        path.unlink()
