"""What follows from `on_oom` when an experiment ran out of memory, and how much GPU memory experiments need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launcher.devices.admission import GIB
from launcher.devices.slot_set import SlotSet
from launcher.engine.oom_policy import CONTEXT_BYTES, OomPolicy
from launcher.executors.base import Demand
from launcher.store.history import History
from tests.launcher.engine.parts import CPU, GPU, decision, plan

A = decision("a", batch_size=8, accumulation=1)


class Told:
    def __init__(self, folder: Path, **settings: Any) -> None:
        self.messages: list[str] = []
        self.policy = OomPolicy(plan(folder, [A, decision("b", 1)], **settings), self.messages.append)

    def is_retried(self, *, had_company: bool, slots: SlotSet = GPU) -> bool | None:
        return self.policy.is_retried(A, slots, had_company=had_company)


@pytest.mark.parametrize("had_company", [True, False])
def test_retry_tries_once_more_alone_and_then_as_retries_says(tmp_path: Path, had_company: bool) -> None:
    told = Told(tmp_path, on_oom="retry")
    assert not told.policy.demand("a").is_alone
    assert told.is_retried(had_company=had_company) is True
    assert told.policy.demand("a").is_alone
    assert not told.policy.demand("b").is_alone
    assert told.is_retried(had_company=False) is None
    assert told.messages == ["a: out of memory, so once more later, alone on its card (on_oom)."]


def test_on_a_cpu_it_runs_alone_on_the_machine(tmp_path: Path) -> None:
    told = Told(tmp_path, on_oom="retry")
    told.is_retried(had_company=True, slots=CPU)
    assert told.messages == ["a: out of memory, so once more later, alone on its machine (on_oom)."]


def test_fail_does_not_try_again_whatever_retries_says(tmp_path: Path) -> None:
    told = Told(tmp_path, on_oom="fail", retries=3)
    assert told.is_retried(had_company=True) is False
    assert told.messages == []
    assert not told.policy.demand("a").is_alone


def test_in_company_the_first_retry_is_with_the_whole_batch(tmp_path: Path) -> None:
    told = Told(tmp_path, on_oom="halve_batch")
    assert told.is_retried(had_company=True) is True
    assert told.policy.next_attempt(A).changes == {}
    assert told.is_retried(had_company=False) is True
    assert told.policy.next_attempt(A).changes == {"batch_size": 4, "accumulation": 2}


def test_a_batch_that_was_too_large_alone_is_halved_until_it_is_odd(tmp_path: Path) -> None:
    told = Told(tmp_path, on_oom="halve_batch")
    for batch_size, accumulation in ((4, 2), (2, 4), (1, 8)):
        assert told.is_retried(had_company=False) is True
        again = told.policy.next_attempt(A)
        assert again.changes == {"batch_size": batch_size, "accumulation": accumulation}
        assert (again.attempt, again.is_resumed) == (2, True)
    assert told.is_retried(had_company=False) is None, "now as `retries` says"
    assert told.messages[0].endswith("alone on its card, with batch_size=4, accumulation=2 (on_oom).")
    assert told.messages[-1] == "a: out of memory, and its batch cannot be halved again."


def test_a_further_attempt_keeps_the_changes_of_an_earlier_launch(tmp_path: Path) -> None:
    halved = A.after_attempt({"batch_size": 4, "accumulation": 2})
    told = Told(tmp_path, on_oom="halve_batch")
    assert told.policy.next_attempt(halved).changes == halved.changes
    assert told.policy.is_retried(halved, GPU, had_company=False) is True
    assert told.policy.next_attempt(halved).changes == {"batch_size": 2, "accumulation": 4}


def finished(peak_bytes: int) -> History:
    history = History()
    history.add({"attempt": 1, "at_s": 1.0, "kind": "end", "ending": "done", "peak_gpu_memory_bytes": peak_bytes})
    return history


def test_what_is_needed_is_what_was_measured_and_before_that_the_most_that_another_took(tmp_path: Path) -> None:
    told = Told(tmp_path)
    assert told.policy.demand("a") == Demand(None, is_alone=False)
    told.policy.finished("a", finished(2 * GIB))
    assert told.policy.demand("a").gpu_bytes == 2 * GIB + CONTEXT_BYTES
    assert told.policy.demand("b").gpu_bytes == 2 * GIB + CONTEXT_BYTES, "as nothing is known of b itself"
    told.policy.finished("b", finished(1 * GIB))
    assert told.policy.demand("b").gpu_bytes == 1 * GIB + CONTEXT_BYTES
    told.policy.finished("a", History())
    assert told.policy.demand("a").gpu_bytes == 2 * GIB + CONTEXT_BYTES, "an end without a measurement changes nothing"


def test_what_the_driver_counted_is_expected_as_it_is_and_never_asks_for_a_larger_card(tmp_path: Path) -> None:
    told, done = Told(tmp_path), History()
    done.add({"attempt": 1, "at_s": 1.0, "kind": "end", "ending": "done"})
    told.policy.finished("a", done, 60 * GIB)
    assert told.policy.demand("b") == Demand(60 * GIB, is_counted=True)
    failed = History()
    failed.add({"attempt": 1, "at_s": 1.0, "kind": "end", "ending": "failed"})
    told.policy.finished("a", failed, 70 * GIB)
    assert told.policy.demand("a").gpu_bytes == 60 * GIB, "it may have ended before it needed most"
    told.policy.finished("b", finished(2 * GIB), 60 * GIB)
    assert told.policy.demand("b") == Demand(2 * GIB + CONTEXT_BYTES), "what torch tells goes before"


def test_what_the_job_file_gives_goes_before_what_was_measured(tmp_path: Path) -> None:
    told = Told(tmp_path, gpu_memory_gb=1.5)
    told.policy.finished("a", finished(6 * GIB))
    assert told.policy.demand("a").gpu_bytes == int(1.5 * GIB)
