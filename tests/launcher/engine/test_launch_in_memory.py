"""Launches on an executor in memory: what loop, dispatcher and runner make of ends, signals, requests and errors.

The only process is the one in which the configurations of the target are checked; no worker is started.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from launcher.devices.device import Device
from launcher.devices.slots import Slot
from launcher.engine.console import MessageKind
from launcher.engine.summary import Summary
from launcher.errors import LauncherError
from launcher.executors.base import NotReady, ProcessExit, SlotsGone
from launcher.search.searcher import Proposal, Result
from launcher.store.requests import make_request, send
from tests.launcher.engine.fakes import FakeExecutor, Listening, run, two_steps

KILLED = ProcessExit(signal="SIGKILL")


def write_job(folder: Path, *names: str, **settings: Any) -> None:
    rows = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    experiments = [f"{name} = {{}}" for name in names]
    head = ["[sweep]", 'target = "toy:train"', "preload = []", *rows]
    (folder / "job.toml").write_text("\n".join([*head, "[config]", "lr = 0.2", "[experiments]", *experiments, ""]))


def endings(summary: Summary) -> dict[str, str]:
    return {name: str(ending.kind) for name, ending in summary.endings.items()}


def names(executor: FakeExecutor) -> list[str]:
    return [name for name, _ in executor.started]


def events(folder: Path, *kinds: str) -> list[tuple[str, str]]:
    lines = (folder / "outcome" / "job" / "events.jsonl").read_text().splitlines()
    return [(one["event"], one["experiment"]) for one in map(json.loads, lines) if one["event"] in kinds]


class Reacting(Listening):
    """A console that calls functions: each once, when a message has certain words, one after another."""

    def __init__(self, words: str, react: Callable[[], None]) -> None:
        super().__init__()
        self._reactions = [(words, react)]

    def and_then(self, words: str, react: Callable[[], None]) -> None:
        self._reactions.append((words, react))

    def message(self, text: str, kind: MessageKind = "news", /) -> None:
        super().message(text, kind)
        if self._reactions and self._reactions[0][0] in text:
            self._reactions.pop(0)[1]()


def gpus(*numbers: int) -> list[Slot]:
    return [Slot(index, Device("cuda", str(n), f"GPU-{n}", "A card"), 1) for index, n in enumerate(numbers)]


def test_what_fails_is_tried_again_as_often_as_the_job_says(folder: Path) -> None:
    write_job(folder, "a", "b", retries=2)
    executor, console = FakeExecutor(1), Listening()
    executor.exits["a"] = [KILLED, KILLED]
    executor.exits["b"] = [KILLED] * 3
    summary = run(folder, executor, console)
    assert endings(summary) == {"a": "done", "b": "killed"}
    assert names(executor) == ["a", "b", "a", "b", "a", "b"]
    assert summary.exit_code == 1
    assert "a: tried again, attempt 3." in console.messages
    assert events(folder, "requeued") == [("requeued", name) for name in "abab"]


def test_with_fail_fast_the_first_failure_stops_what_runs(folder: Path) -> None:
    write_job(folder, "a", "endless", "c", fail_fast=True)
    executor, console = FakeExecutor(2, two_steps, endless=["endless"]), Listening()
    executor.exits["a"] = [KILLED]
    summary = run(folder, executor, console)
    assert executor.stopped == [("endless", False)]
    assert endings(summary) == {"a": "failed", "endless": "interrupted"}
    assert summary.not_started == ["c"]
    assert "a failed: nothing more is started, what runs saves and ends." in console.messages


def test_two_quick_failures_on_one_device_set_it_aside_and_both_run_elsewhere(folder: Path) -> None:
    write_job(folder, "a", "b", "c")
    executor, console = FakeExecutor(2), Listening()
    executor.slots = gpus(0, 1)
    executor.exits["a"] = [KILLED]
    executor.exits["c"] = [KILLED]
    summary = run(folder, executor, console)
    assert endings(summary) == {"a": "done", "b": "done", "c": "done"}
    assert executor.started == [("a", 0), ("b", 1), ("c", 0), ("a", 1), ("c", 1)]
    assert executor.set_aside_slots == [0]
    assert events(folder, "set_aside", "requeued") == [("set_aside", ""), ("requeued", "c")]
    assert any(message.startswith("GPU 0 is set aside: a and c both failed on it") for message in console.messages)


def test_a_device_that_is_lost_gives_what_ran_there_to_another(folder: Path) -> None:
    write_job(folder, "a", "b")
    executor, console = FakeExecutor(2), Listening()
    executor.slots = gpus(0, 1)
    executor.exits["a"] = [KILLED]
    executor.gone["SIGKILL, in set-up"] = SlotsGone((0,), "GPU 0", "GPU-0", "SIGKILL, in set-up")
    summary = run(folder, executor, console)
    assert endings(summary) == {"a": "done", "b": "done"}
    assert executor.started == [("a", 0), ("b", 1), ("a", 1)]
    why = "a failed with: SIGKILL, in set-up"
    assert f"GPU 0 is lost and set aside: {why}. What is left goes elsewhere." in console.messages


def test_the_last_device_gone_before_anything_ran_ends_the_launch(folder: Path) -> None:
    write_job(folder, "a", "b")
    executor = FakeExecutor(1)
    executor.slots = gpus(0)
    executor.lost_at_start = SlotsGone((0,), "GPU 0", "GPU-0", "the driver says: GPU is lost")
    summary = run(folder, executor)
    assert (summary.not_started, summary.exit_code) == (["a", "b"], 4)


def test_a_worker_that_is_not_made_in_this_moment_is_made_in_the_next(folder: Path) -> None:
    write_job(folder, "a")
    executor = FakeExecutor(1)
    executor.start_errors["a"] = [NotReady(), NotReady()]
    assert run(folder, executor).is_done
    assert events(folder, "started") == [("started", "a")]


def test_without_room_for_a_process_an_attempt_fails_and_is_tried_again(folder: Path) -> None:
    write_job(folder, "a", retries=1)
    executor, console = FakeExecutor(1), Listening()
    executor.start_errors["a"] = [OSError(11, "Resource temporarily unavailable")]
    assert run(folder, executor, console).is_done
    assert events(folder, "started", "ended") == [("started", "a"), ("ended", "a")] * 2
    assert any("its worker could not be started: " in message for message in console.messages)


def test_an_executor_that_makes_no_workers_any_more_ends_the_launch_when_what_runs_has_ended(
    folder: Path,
) -> None:
    write_job(folder, "a", "b", "c")
    executor, console = FakeExecutor(2), Listening()
    executor.start_errors["b"] = [LauncherError("the fork server was killed five times")]
    summary = run(folder, executor, console)
    assert endings(summary) == {"a": "done"}
    assert (summary.not_started, summary.exit_code) == (["b", "c"], 1), "there are devices, so the code is not 4"
    assert console.messages.count("the fork server was killed five times") == 1


def test_an_interrupt_lets_what_runs_save_and_starts_nothing_more(folder: Path) -> None:
    write_job(folder, "endless", "b", grace_s=7)
    executor = FakeExecutor(1, two_steps, endless=["endless"])
    console = Reacting("endless: started", lambda: os.kill(os.getpid(), signal.SIGINT))
    summary = run(folder, executor, console)
    assert executor.stopped == [("endless", False)]
    assert (endings(summary), summary.not_started) == ({"endless": "interrupted"}, ["b"])
    assert (summary.signal, summary.exit_code) == (signal.SIGINT, 130)
    told = "SIGINT: nothing more is started; 1 experiment asked to save and end, killed after 7 s. Once more kills"
    assert any(message.startswith(told) for message in console.messages)


def test_the_second_interrupt_kills_what_does_not_end(folder: Path) -> None:
    write_job(folder, "endless")
    executor = FakeExecutor(1, two_steps, endless=["endless"])
    executor.stubborn = lambda: os.kill(os.getpid(), signal.SIGTERM)
    console = Reacting("endless: started", lambda: os.kill(os.getpid(), signal.SIGINT))
    summary = run(folder, executor, console)
    assert executor.stopped == [("endless", False), ("endless", True)]
    assert str(summary.endings["endless"]) == "interrupted: killed after the grace time"
    assert summary.signal == signal.SIGINT, "the first says why the launch ended"
    assert "SIGTERM again: killing what runs." in console.messages


def test_after_the_grace_time_what_does_not_end_is_killed(folder: Path) -> None:
    write_job(folder, "endless", grace_s=0)
    executor = FakeExecutor(1, two_steps, endless=["endless"])
    executor.stubborn = lambda: None
    run(folder, executor, Reacting("endless: started", lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert executor.stopped == [("endless", False), ("endless", True)]


def test_a_folder_that_is_renamed_ends_the_launch_and_has_what_was_recorded(folder: Path) -> None:
    write_job(folder, "endless", "b")
    outcome, moved = folder / "outcome" / "job", folder / "moved"
    executor = FakeExecutor(1, two_steps, endless=["endless"])
    summary = run(folder, executor, Reacting("endless: started", lambda: outcome.rename(moved) and None))
    assert executor.stopped == [("endless", False)]
    assert (summary.has_lost_folder, summary.exit_code) == (True, 5)
    assert summary.not_started == ["b"]
    assert '"ending":"interrupted"' in (moved / "events.jsonl").read_text().replace(": ", ":")
    assert not (outcome / "records").exists(), "nothing is written in its place"


def test_a_request_takes_an_experiment_out_of_the_queue_and_stops_another(folder: Path) -> None:
    write_job(folder, "endless", "b")
    requests = folder / "outcome" / "job" / "requests"
    executor = FakeExecutor(1, two_steps, endless=["endless"])
    console = Reacting("endless: started", lambda: send(requests, make_request("stop", ("b", "endless", "c"))) and None)
    summary = run(folder, executor, console)
    assert (endings(summary), summary.not_started) == ({"endless": "interrupted"}, ["b"])
    asked = f"stop (asked by pid {os.getpid()}): "
    assert [message.removeprefix(asked) for message in console.messages if message.startswith(asked)] == [
        "b: taken out of the queue.",
        "endless: asked to save and end, killed after its grace time.",
        "c: not run by this launch, which keeps it or does not know it.",
    ]
    assert events(folder, "withdrawn", "request") == [("withdrawn", "b"), ("request", "")]


def test_a_request_to_retry_runs_what_has_failed_once_more(folder: Path) -> None:
    write_job(folder, "endless", "b")
    requests = folder / "outcome" / "job" / "requests"
    executor = FakeExecutor(2, two_steps, endless=["endless"])
    executor.exits["b"] = [ProcessExit(1)]
    console = Reacting("b failed on", lambda: send(requests, make_request("retry", ())) and None)
    console.and_then("b: done", lambda: send(requests, make_request("stop", ())) and None)
    summary = run(folder, executor, console)
    assert endings(summary) == {"endless": "interrupted", "b": "done"}
    assert names(executor) == ["endless", "b", "b"]
    assert summary.signal == signal.SIGINT, "stop without a name does what Ctrl-C does"


class OneMore:
    """Proposes a; and b when it has heard that a has failed."""

    def __init__(self) -> None:
        self.told: list[Result] = []
        self._next = [Proposal("a", {})]

    def ask(self) -> list[Proposal]:
        left, self._next = self._next, []
        return left

    def tell(self, result: Result) -> None:
        self.told.append(result)
        if result.ending.is_failure:
            self._next = [Proposal("b", {"lr": 0.1})]


def test_a_searcher_hears_of_a_failure_and_what_it_proposes_still_runs(folder: Path) -> None:
    write_job(folder, "unused")
    searcher, executor = OneMore(), FakeExecutor(1)
    executor.exits["a"] = [KILLED]
    summary = run(folder, executor, make_searcher=lambda _: searcher)
    assert endings(summary) == {"a": "killed", "b": "done"}
    assert [result.name for result in searcher.told] == ["a", "b"]


def test_a_proposal_that_cannot_be_added_is_told_and_the_launch_goes_on(folder: Path) -> None:
    write_job(folder, "unused")
    searcher, executor, console = OneMore(), FakeExecutor(1), Listening()
    executor.exits["a"] = [KILLED]
    executor.problems["b"] = "b: there is no data"
    summary = run(folder, executor, console, make_searcher=lambda _: searcher)
    assert endings(summary) == {"a": "killed"}
    assert "b cannot be added: b: there is no data" in console.messages
