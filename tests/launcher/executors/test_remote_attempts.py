"""Attempts on a cluster, followed with a cluster and a clock of the test's own: no process, no waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.clusters.base import (
    NO_TICKET,
    Gone,
    Group,
    Job,
    NotHeard,
    Over,
    Place,
    Refused,
    Running,
    State,
    Ticket,
    Waiting,
)
from launcher.clusters.order import Order
from launcher.command.script import Script
from launcher.errors import InputError
from launcher.executors import hand_over
from launcher.executors.base import ExecutorEvent, RecordsWritten, WorkerExited
from launcher.executors.remote_attempts import LOST_AFTER_S, RemoteAttempts
from launcher.executors.remote_handle import RemoteHandle
from launcher.store.attempt_files import AttemptEnding, AttemptFiles, AttemptsOnCluster
from launcher.store.batches import Batch
from launcher.store.beats import BeatFile
from launcher.store.claims import Claim, claim, is_newest
from launcher.store.cluster_paths import ClusterPaths
from launcher.store.launch_lease import LaunchLease
from launcher.store.paths import Paths
from launcher.worker.spec import Spec

BEAT_S = 5.0


class MemoryCluster:
    """A cluster that keeps what it is asked, and says what a test wants."""

    name = "memory"

    def __init__(self) -> None:
        self.states: dict[Ticket, State] = {}
        self.places: dict[Ticket, Place] = {}
        self.batches: list[int] = []  # the number of groups of each submit
        self.stopped: list[tuple[list[Ticket], bool]] = []
        self.num_polls = 0
        self.avoided: list[str] = []
        self.most = 10**6
        self.error: Exception | None = None  # raised by every question
        self.takes_silently = False  # a submit is taken, and its answer is lost

    def preview(self, num_groups: int) -> list[str]:
        return []

    def answers(self) -> list[str]:
        return []

    def check(self) -> None:
        pass

    def submit(self, batch: str, groups: Sequence[Group]) -> list[Ticket | Refused]:
        if self.error is not None and not self.takes_silently:
            raise self.error
        self.batches.append(len(groups))
        answers: list[Ticket | Refused] = []
        for number in range(len(groups)):
            if len(self.places) >= self.most:
                answers.append(Refused("QOSMaxSubmitJobPerUserLimit"))
                continue
            ticket = f"{batch}:{number}"
            self.places[ticket], self.states[ticket] = Place(batch, number), Waiting("Priority")
            answers.append(ticket)
        if self.takes_silently:
            raise NotHeard("the answer is lost")
        return answers

    def poll(self) -> Mapping[Ticket, State]:
        if self.error is not None:
            raise self.error
        self.num_polls += 1
        return self.states

    def stop(self, tickets: Sequence[Ticket], *, force: bool) -> None:
        if self.error is not None:
            raise self.error
        self.stopped.append((list(tickets), force))

    def avoid(self, node: str) -> None:
        self.avoided.append(node)

    def adopt(self) -> dict[Ticket, Place]:
        if self.error is not None:
            raise self.error
        return dict(self.places)

    def close(self) -> None:
        pass


class Owner:
    def begin(self, handle: RemoteHandle) -> None:
        pass

    def stop(self, handle: RemoteHandle, *, force: bool) -> None:
        pass


class Followed:
    """The attempts of a launch, a cluster, and what a node would write."""

    def __init__(self, folder: Path, adopted: Mapping[Job, Ticket] | None = None, per_job: int = 1) -> None:
        self.paths = Paths(folder / "outcome", folder / "logs")
        self.folders = ClusterPaths(self.paths.outcome)
        self.cluster = MemoryCluster()
        self.messages: list[str] = []
        self.now_s = 1000.0
        self.ended: dict[str, AttemptFiles] = {}
        self.attempts = RemoteAttempts(
            self.cluster,
            self.folders,
            adopted or {},
            self.ended,
            LaunchLease(self.folders.beats),
            self.messages.append,
            beat_s=BEAT_S,
            per_job=per_job,
        )
        self.beats: dict[str, BeatFile] = {}

    def add(self, name: str, attempt: int = 1, script: Script | None = None) -> RemoteHandle:
        spec = Spec(
            experiment=name, attempt=attempt, target="train:run", folder=self.paths.outcome.parent, config={}, given={},
            digest="", state_digest="", seed=0, device_type="cpu", environment={}, threads=1,
            paths=self.paths.of_attempt(attempt), checkpoint_s=1.0, script=script,
        )  # fmt: skip
        handle = RemoteHandle(spec, "memory", Owner())
        self.attempts.add(handle, Order(spec=spec))
        return handle

    def turn(self, after_s: float = 31.0) -> list[ExecutorEvent]:
        """Make a turn after everything is due."""
        self.now_s += after_s
        return self.attempts.turn(self.now_s)

    def begins(self, name: str, attempt: int = 1) -> None:
        assert claim(self.folders.attempts(name), attempt, Claim.of_this_process())
        self.beats[name] = BeatFile(self.folders.beats, name, attempt)
        self.beats[name].move_on(0, 0, "starts")

    def ends(self, name: str, attempt: int = 1, ending: AttemptEnding | None = None) -> None:
        files = AttemptFiles(self.folders.attempts(name))
        (ending or AttemptEnding(node="n1", code=0)).write(files.path(attempt, "end"))
        self.beats[name].remove()

    def ticket(self, name: str) -> Ticket:
        for ticket, place in self.cluster.places.items():
            if name in dict(Batch.read(self.folders.batch(place.batch)).groups[place.number]):
                return ticket
        raise AssertionError(f"{name} was not handed over")


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Followed:
    found = Followed(tmp_path)
    monkeypatch.setattr(hand_over.time, "monotonic", lambda: found.now_s)
    return found


def exits(events: list[ExecutorEvent]) -> list[WorkerExited]:
    return [event for event in events if isinstance(event, WorkerExited)]


def test_what_comes_together_is_handed_over_together_and_waits(followed: Followed) -> None:
    handles = [followed.add(name) for name in "abc"]
    assert followed.attempts.num_handed_over == 0
    followed.turn()
    assert (followed.cluster.batches, followed.attempts.num_handed_over) == ([3], 3)
    followed.turn()
    assert {handle.waits for handle in handles} == {"waits: Priority"}
    assert AttemptsOnCluster(followed.paths).of("a").orders == {1}
    assert AttemptsOnCluster(followed.paths).names == {"a", "b", "c"}


def test_records_are_told_when_a_beat_has_more_bytes_and_the_end_when_it_is_written(followed: Followed) -> None:
    handle = followed.add("a")
    followed.turn()
    followed.begins("a")
    assert followed.turn() == []
    assert handle.waits == ""
    followed.beats["a"].move_on(120, 3, "trains")
    assert followed.turn() == [RecordsWritten("a")]
    followed.beats["a"].move_on(120, 3, "trains")
    assert followed.turn() == []
    followed.beats["a"].move_on(240, 6, "ends")
    assert followed.turn() == [], "its end comes in a moment, and its records are read with it"
    followed.ends("a")
    (exited,) = exits([*followed.turn(1.0), *followed.turn(1.0)])
    assert exited.ended is not None
    assert (exited.exit.code, exited.goes_on) == (0, False)


def test_the_end_of_a_first_attempt_is_believed_without_a_listing(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        followed.add(name)
    followed.turn()
    for name in "ab":
        followed.begins(name)
        followed.beats[name].move_on(120, 3, "ends")
    followed.turn()
    listed: list[str] = []
    look = AttemptFiles.look

    def counted(folder: Path) -> AttemptFiles:
        listed.append(folder.name)
        return look(folder)

    monkeypatch.setattr(AttemptFiles, "look", counted)
    followed.ends("a")
    assert claim(followed.folders.attempts("b"), 2, Claim.of_this_process())
    followed.ends("b", ending=AttemptEnding(node="n1", code=0, asked="superseded"))
    found = {event.experiment: event.goes_on for event in exits([*followed.turn(1.0), *followed.turn(1.0)])}
    assert found == {"a": False, "b": True}
    assert set(listed) == {"b"}
    assert followed.ended["a"].ends == followed.ended["a"].claims == {1}


def test_an_end_that_is_listed_and_cannot_be_read_yet_is_waited_for(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.turn()
    end = AttemptFiles(followed.folders.attempts("a")).path(1, "end")
    end.mkdir()
    followed.beats["a"].remove()
    followed.cluster.states[followed.ticket("a")] = Over(0)
    assert not exits(followed.turn())
    end.rmdir()
    AttemptEnding(node="n1", code=0).write(end)
    (exited,) = exits(followed.turn(1.0))
    assert exited.ended is not None


def test_an_attempt_that_began_and_ended_between_two_looks_is_found_by_the_cluster(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.ends("a")
    followed.cluster.states[followed.ticket("a")] = Over(0)
    assert [event.experiment for event in exits(followed.turn())] == ["a"]


@pytest.mark.parametrize(("num", "wait_s"), [(2, 5), (400, 8), (2000, 30)])
def test_of_many_attempts_the_cluster_is_asked_less_often(followed: Followed, num: int, wait_s: int) -> None:
    for number in range(num):
        followed.add(f"a{number}")
    followed.turn()
    followed.turn()
    followed.cluster.states[followed.ticket("a0")] = Running("n1")
    followed.turn()
    assert followed.cluster.num_polls == 3
    followed.turn(wait_s - 1.0)
    assert followed.cluster.num_polls == 3
    followed.turn(1.0)
    assert followed.cluster.num_polls == 4


def test_a_cluster_that_does_not_answer_changes_nothing(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.turn()
    followed.cluster.error = NotHeard("timed out")
    for _ in range(5):
        assert not exits(followed.turn())
    assert [text for text in followed.messages if "does not answer" in text] == ["memory does not answer: timed out."]


def test_orders_without_an_answer_are_asked_for_and_handed_over_once(followed: Followed) -> None:
    followed.cluster.takes_silently = True
    followed.add("a")
    followed.add("b")
    followed.turn()
    assert followed.attempts.num_handed_over == 0
    followed.cluster.takes_silently = False
    followed.turn()
    assert (followed.cluster.batches, followed.attempts.num_handed_over) == ([2], 2)
    assert followed.ticket("b")


def test_an_error_that_nobody_expected_loses_no_order(followed: Followed) -> None:
    followed.add("a")
    followed.cluster.error = RuntimeError("a fault of ours")
    with pytest.raises(RuntimeError):
        followed.turn()
    followed.cluster.error = None
    followed.turn()
    followed.turn()
    assert (followed.attempts.num_handed_over, followed.cluster.batches) == (1, [1])


def test_an_error_that_nobody_expected_loses_no_event(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.add("late")
    followed.attempts.stop("late", force=False)
    followed.cluster.error = RuntimeError("a fault of ours")
    with pytest.raises(RuntimeError):
        followed.turn()
    followed.cluster.error = None
    assert [event.experiment for event in exits(followed.turn())] == ["late"]


def test_what_a_cluster_refuses_for_now_is_handed_over_later(followed: Followed) -> None:
    followed.cluster.most = 2
    for name in "abc":
        followed.add(name)
    followed.turn()
    assert followed.attempts.num_handed_over == 2
    assert "1 experiment" in followed.messages[0]
    followed.cluster.most = 3
    followed.turn()
    assert (followed.attempts.num_handed_over, followed.cluster.batches) == (3, [3, 1])


def test_what_a_cluster_never_takes_fails_with_its_words(followed: Followed) -> None:
    followed.cluster.error = InputError("sbatch: invalid partition specified: gpuu. See cluster.partition")
    followed.add("a")
    (exited,) = exits(followed.turn())
    assert "invalid partition" in exited.why
    assert not exited.goes_on


def test_a_lost_attempt_is_over_once_cluster_and_beat_say_so(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.turn(1.0)
    followed.cluster.states[followed.ticket("a")] = Over(None, "SIGKILL", "NODE_FAIL")
    assert not exits(followed.turn(BEAT_S)), "its beat may move on"
    (exited,) = exits(followed.turn(4 * BEAT_S)) or exits(followed.turn(BEAT_S))
    assert exited.is_lost
    assert "NODE_FAIL" in exited.why


def test_a_job_that_the_cluster_has_forgotten_before_it_began_is_over(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.cluster.states = {}
    (exited,) = exits(followed.turn())
    assert "before it began" in exited.why


def test_a_job_that_failed_by_itself_before_it_began_is_no_lost_node(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.cluster.states[followed.ticket("a")] = Over(127, None, "FAILED")
    (exited,) = exits(followed.turn())
    assert not exited.is_lost, "else it is tried again whatever `retries` says"
    assert "setup of [cluster]" in exited.why


def test_a_job_that_somebody_cancels_is_interrupted_and_no_lost_node(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.turn(1.0)
    followed.cluster.states[followed.ticket("a")] = Over(None, "SIGKILL", "CANCELLED", was_cancelled=True)
    (exited,) = exits(followed.turn(BEAT_S)) or exits(followed.turn(4 * BEAT_S)) or exits(followed.turn(BEAT_S))
    assert (exited.is_lost, exited.was_stopped) == (False, True)
    assert exited.why == "its job was cancelled (memory: CANCELLED)"


def test_a_newer_claim_ends_the_attempt_that_is_followed_and_the_next_is_taken_up(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.turn()
    followed.begins("a", 2)
    (exited,) = exits(followed.turn()) or exits(followed.turn())
    assert (exited.goes_on, followed.attempts.open_attempt("a")) == (True, 2)
    followed.add("a", 2)
    followed.turn()
    assert followed.cluster.batches == [1], "the cluster has it already"
    assert followed.attempts.open_attempt("a") == 0


def test_after_the_time_limit_the_job_that_goes_on_is_followed(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.cluster.states[followed.ticket("a")] = Running("n1")
    followed.turn()
    followed.ends("a", ending=AttemptEnding(node="n1", code=0, asked="limit", successor="18"))
    (exited,) = exits([*followed.turn(1.0), *followed.turn(1.0)])
    assert (exited.goes_on, followed.attempts.open_attempt("a")) == (True, 2)


def test_an_attempt_that_was_asked_elsewhere_goes_on_only_if_the_cluster_starts_it_again(followed: Followed) -> None:
    for name in "ab":
        followed.add(name)
    followed.turn()
    for name in "ab":
        followed.begins(name)
        followed.cluster.states[followed.ticket(name)] = Running("n1")
    followed.turn()
    for name in "ab":
        followed.ends(name, ending=AttemptEnding(node="n1", code=0, asked="stop"))
    assert not exits(followed.turn(1.0))
    followed.cluster.states[followed.ticket("a")] = Waiting("BeginTime")
    followed.cluster.states[followed.ticket("b")] = Over()
    found = {event.experiment: event.goes_on for _ in range(3) for event in exits(followed.turn())}
    assert found == {"a": True, "b": False}


EVICTED = (
    ("stop", Over(None, "SIGTERM", "PREEMPTED", was_evicted=True), True),
    ("stop", Over(None, "SIGTERM", "TIMEOUT (TimeLimit)", was_evicted=True), True),
    ("limit", Over(1, None, "FAILED"), True),
    ("stop", Over(1, None, "FAILED"), False),
    ("stop", Over(None, "SIGTERM", "CANCELLED", was_cancelled=True), False),
    ("limit", Over(None, "SIGTERM", "CANCELLED", was_cancelled=True), False),
    ("", Over(None, "SIGTERM", "PREEMPTED", was_evicted=True), False),
)


@pytest.mark.parametrize(("asked", "state", "goes_on"), EVICTED)
def test_what_the_cluster_has_ended_for_reasons_of_its_own_goes_on(
    asked: str, state: Over, goes_on: bool, followed: Followed
) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.cluster.states[followed.ticket("a")] = Running("n1")
    followed.turn()
    followed.ends("a", ending=AttemptEnding(node="n1", code=0, asked=asked))
    followed.cluster.states[followed.ticket("a")] = state
    (exited,) = [exited for _ in range(3) for exited in exits(followed.turn())]
    assert (exited.is_lost, exited.goes_on) == (goes_on, False), "the launcher starts it again, not the cluster"
    assert (state.why in exited.why) == goes_on


def test_what_cannot_go_on_is_not_begun_anew_at_each_time_limit(followed: Followed) -> None:
    script = Script(argv=(), shown="", folder=Path("/"), dir=Path("/"), environment={})
    followed.add("a", script=script)
    followed.turn()
    followed.begins("a")
    followed.turn()
    followed.ends("a", ending=AttemptEnding(node="n1", code=0, asked="stop"))
    followed.cluster.states[followed.ticket("a")] = Over(None, "SIGTERM", "TIMEOUT (TimeLimit)", was_evicted=True)
    (exited,) = [exited for _ in range(3) for exited in exits(followed.turn())]
    assert not exited.is_lost
    assert "TIMEOUT" in exited.why


def test_jobs_that_do_not_start_by_themselves_are_told_once_together(followed: Followed) -> None:
    for name in "abc":
        followed.add(name)
    followed.turn()
    for name in "ab":
        followed.cluster.states[followed.ticket(name)] = Waiting("PartitionTimeLimit", is_stuck=True)
    followed.cluster.states[followed.ticket("c")] = Waiting("Resources")
    for _ in range(3):
        followed.turn()
    assert followed.messages == ["a, b: their jobs do not start by themselves, says memory: PartitionTimeLimit."]


def test_an_attempt_without_a_job_is_followed_by_its_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Followed(tmp_path, {Job("a", 1): NO_TICKET})
    monkeypatch.setattr(hand_over.time, "monotonic", lambda: followed.now_s)
    followed.begins("a")
    followed.add("a")
    for number in range(5):
        followed.beats["a"].move_on(number, number, "trains")
        assert not exits(followed.turn(2 * BEAT_S)), "the cluster does not have it, and it lives"
    (exited,) = [exited for _ in range(4) for exited in exits(followed.turn(2 * BEAT_S))]
    assert exited.is_lost
    assert followed.cluster.batches == []


def test_an_attempt_without_a_job_is_ended_by_a_newer_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Followed(tmp_path, {Job("a", 1): NO_TICKET})
    monkeypatch.setattr(hand_over.time, "monotonic", lambda: followed.now_s)
    followed.begins("a")
    followed.add("a")
    followed.turn(1.0)
    followed.attempts.stop("a", force=True)
    (exited,) = [exited for _ in range(3) for exited in exits(followed.turn(1.0))]
    assert (exited.was_stopped, exited.goes_on) == (True, False)
    assert is_newest(followed.folders.attempts("a"), 1) is False, "its supervisor sees that, and ends the worker"


def failed_on(node: str) -> Over:
    return Over(1, None, "FAILED", node=node)


def test_a_node_on_which_nothing_begins_is_left_out_once_others_have_begun(followed: Followed) -> None:
    for name in "abc":
        followed.add(name)
    followed.turn()
    followed.cluster.states[followed.ticket("a")] = Running("n1")
    for name in "bc":
        followed.cluster.states[followed.ticket(name)] = failed_on("n2")
    assert not exits(followed.turn()), "it is not known yet whether any attempt begins"
    followed.begins("a")
    assert not exits(followed.turn()), "nor here"
    followed.beats["a"].move_on(100, 1, "trains")
    found = [exited for _ in range(3) for exited in exits(followed.turn())]
    assert [(exited.experiment, exited.is_lost) for exited in found] == [("b", True), ("c", True)]
    assert "failed on n2 before it began" in found[0].why
    assert followed.cluster.avoided == ["n2"]
    assert len(followed.messages) == 1


@pytest.mark.parametrize(("phase", "is_lost"), [("trains", True), ("starts", False)])
def test_a_node_whose_gpu_is_gone_is_left_out(phase: str, is_lost: bool, followed: Followed) -> None:
    for name in "ab":
        followed.add(name)
    followed.turn()
    for name, node in (("a", "n1"), ("b", "n2")):
        followed.begins(name)
        followed.cluster.states[followed.ticket(name)] = Running(node)
    followed.turn()
    followed.beats["a"].move_on(100, 1, phase)
    without = AttemptEnding(node="n2", refused="n2 shows 0 GPUs to this job", lacks_gpus=True)
    followed.ends("b", ending=without)
    found = [exited for _ in range(2) for exited in exits(followed.turn(1.0))]
    if not is_lost:
        assert not found, "more is known once the other has begun"
        followed.ends("a", ending=replace(without, node="n1"))
        found = [exited for _ in range(3) for exited in exits(followed.turn(1.0))]
    assert {exited.is_lost for exited in found} == {is_lost}
    assert len(found) == 2 - is_lost
    assert followed.cluster.avoided == ["n2"] * is_lost


def test_jobs_that_begin_nowhere_fail_and_no_node_is_left_out(followed: Followed) -> None:
    for name in "ab":
        followed.add(name)
    followed.turn()
    followed.cluster.states[followed.ticket("a")] = failed_on("n1")
    followed.cluster.states[followed.ticket("b")] = Running("n2")
    assert not exits(followed.turn())
    followed.cluster.states[followed.ticket("b")] = failed_on("n2")
    found = [exited for _ in range(3) for exited in exits(followed.turn())]
    assert [(exited.experiment, exited.is_lost) for exited in found] == [("a", False), ("b", False)]
    assert followed.cluster.avoided == []


def test_the_only_node_is_never_left_out(followed: Followed) -> None:
    for name in "ab":
        followed.add(name)
    followed.turn()
    followed.begins("a")
    followed.beats["a"].move_on(100, 1, "trains")
    followed.cluster.states[followed.ticket("a")] = Running("n1")
    followed.turn()
    followed.cluster.states[followed.ticket("b")] = failed_on("n1")
    (exited,) = [exited for _ in range(3) for exited in exits(followed.turn())]
    assert not exited.is_lost
    assert followed.cluster.avoided == []


def test_stops_go_to_the_cluster_together_and_not_to_what_was_not_handed_over(followed: Followed) -> None:
    for name in "ab":
        followed.add(name)
    followed.turn()
    followed.add("late")
    for name in ("a", "b", "late"):
        followed.attempts.stop(name, force=False)
    (exited,) = exits(followed.attempts.turn(followed.now_s))
    assert (exited.experiment, exited.was_stopped) == ("late", True)
    assert followed.cluster.stopped == [([followed.ticket("a"), followed.ticket("b")], False)]
    followed.attempts.stop("a", force=True)
    followed.turn()
    assert followed.cluster.stopped[1:] == [([followed.ticket("a")], True)]


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Followed:
    """Two attempts that share a job, of which the first has begun."""
    found = Followed(tmp_path, per_job=2)
    monkeypatch.setattr(hand_over.time, "monotonic", lambda: found.now_s)
    for name in "ab":
        found.add(name)
    found.turn()
    found.begins("a")
    found.turn()
    return found


def test_a_stop_of_one_of_a_group_ends_no_other(pair: Followed) -> None:
    pair.attempts.stop("a", force=False)
    pair.turn()
    assert pair.cluster.stopped == [([], False)], "a signal would end both"
    assert AttemptFiles.look(pair.folders.attempts("a")).stops == {1}
    pair.attempts.stop("a", force=True)
    (exited,) = [exited for _ in range(3) for exited in exits(pair.turn())]
    assert (exited.experiment, exited.was_stopped, exited.goes_on) == ("a", True, False)
    assert is_newest(pair.folders.attempts("a"), 1) is False, "its supervisor sees that, and ends the worker"


def test_one_of_a_group_that_has_not_begun_never_does(pair: Followed) -> None:
    pair.attempts.stop("b", force=False)
    (exited,) = [exited for _ in range(3) for exited in exits(pair.turn())]
    assert exited.experiment == "b"
    assert exited.ended is not None
    assert claim(pair.folders.attempts("b"), 1, Claim.of_this_process()) is None


def test_a_stop_of_a_whole_group_goes_to_the_cluster(pair: Followed) -> None:
    for name in "ab":
        pair.attempts.stop(name, force=False)
    pair.turn()
    assert pair.cluster.stopped == [([pair.ticket("a"), pair.ticket("b")], False)]


def test_a_stop_that_the_cluster_did_not_hear_is_asked_again(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.cluster.error = NotHeard("timed out")
    followed.attempts.stop("a", force=False)
    followed.turn()
    followed.cluster.error = None
    followed.turn()
    assert followed.cluster.stopped == [([followed.ticket("a")], False)]


def test_several_experiments_share_a_ticket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Followed(tmp_path, per_job=2)
    monkeypatch.setattr(hand_over.time, "monotonic", lambda: followed.now_s)
    handles = [followed.add(name) for name in "abc"]
    followed.turn()
    assert followed.cluster.batches == [2]
    assert handles[0].ticket == handles[1].ticket != handles[2].ticket


def test_adopted_attempts_are_followed_and_never_handed_over(tmp_path: Path) -> None:
    followed = Followed(tmp_path, {Job("a", 3): "b0:7"})
    assert followed.attempts.open_attempt("a") == 3
    handle = followed.add("a", 3)
    followed.cluster.states["b0:7"] = Waiting()
    followed.turn()
    assert (followed.cluster.batches, handle.ticket, handle.waits) == ([], "b0:7", "waits")
    followed.cluster.states = {"b0:7": Gone()}
    assert exits(followed.turn()), "it never began, and is gone"


def test_long_silence_of_what_the_cluster_says_runs_is_told_once_and_ends_nothing(followed: Followed) -> None:
    followed.add("a")
    followed.turn()
    followed.begins("a")
    followed.cluster.states[followed.ticket("a")] = Running("n1")
    followed.turn()
    for _ in range(3):
        assert not exits(followed.turn(LOST_AFTER_S + 1))
    assert [text for text in followed.messages if "no sign of life from n1" in text] == followed.messages
    assert len(followed.messages) == 1
