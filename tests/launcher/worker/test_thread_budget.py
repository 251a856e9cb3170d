"""The number of threads that launcher and workers share through a descriptor."""

from __future__ import annotations

import os
import sys
import types

import pytest

from launcher.worker.thread_budget import ThreadBudget


def test_a_worker_applies_a_number_once_for_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[int] = []
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(set_num_threads=applied.append))
    launcher = ThreadBudget.create(4)
    worker = ThreadBudget(os.dup(launcher.fd))
    assert worker.apply() is None, "it began with this number"
    launcher.set(7)
    assert (worker.threads, worker.apply(), worker.apply()) == (7, 7, None)
    assert applied == [7]
    launcher.close()
    worker.close()


def test_without_torch_the_number_is_reported_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    budget = ThreadBudget.create(1)
    budget.set(2)
    assert budget.apply() == 2
    budget.close()
