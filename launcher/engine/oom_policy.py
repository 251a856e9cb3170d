"""How much GPU memory an experiment needs, and what follows when it has run out of memory: the job's `on_oom`.

retry         it is tried once more later, alone on its card; after that `retries` decides
halve_batch   as retry; if it was alone, it starts over with half the batch size and twice the accumulation
fail          it has failed
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from launcher.devices.admission import GIB
from launcher.devices.slot_set import SlotSet
from launcher.executors.base import Demand
from launcher.planning.batch_halving import describe_changes, halve_batch
from launcher.planning.decision import Decision
from launcher.planning.plan import Plan
from launcher.store.checkpoints import Checkpoints
from launcher.store.record_facts import RecordFacts, gpu_need

# torch counts the memory of its allocator. The CUDA context and the loaded kernels come on top. `make gpu` found
# 600 MiB on an H100 with torch 2.11; smaller cards take 300 to 500.
CONTEXT_BYTES = 768 * 2**20


class OomPolicy:
    """Knows how much memory experiments were measured to take, and which of them must run alone."""

    def __init__(self, plan: Plan, message: Callable[[str], None]) -> None:
        settings = plan.sweep.settings
        self._given_bytes = None if settings.gpu_memory_gb is None else int(settings.gpu_memory_gb * GIB)
        self._on_oom = settings.on_oom
        self._paths = plan.paths
        self._message = message
        self._needs = {
            decision.experiment.name: need
            for decision in plan.decisions
            if (need := decision.evidence.gpu_need) is not None
        }
        self._alone: set[str] = set()  # experiments that ran out of memory
        self._changes: dict[str, dict[str, int]] = {}  # by experiment: what halving has changed in its configuration

    def demand(self, experiment: str) -> Demand:
        """Return what an experiment needs: the memory it took before, or the most that another experiment took."""
        is_alone = experiment in self._alone
        if self._given_bytes is not None:
            return Demand(self._given_bytes, is_alone)
        need = self._needs.get(experiment) or max(self._needs.values(), default=None)
        if need is None:
            return Demand(None, is_alone)
        return Demand(need.num_bytes + (0 if need.is_counted else CONTEXT_BYTES), is_alone, need.is_counted)

    def next_attempt(self, decision: Decision) -> Decision:
        """Return the decision for another attempt in this launch, which resumes, perhaps with a smaller batch."""
        return decision.after_attempt(self._changes.get(decision.experiment.name, decision.changes))

    def finished(self, experiment: str, history: RecordFacts, counted_bytes: int | None = None) -> None:
        """Take in how much memory an experiment, which is done, has taken. `counted_bytes`: see `gpu_need`."""
        if (need := gpu_need(history, counted_bytes)) is not None:
            self._needs[experiment] = need

    def is_retried(self, decision: Decision, slots: SlotSet, *, had_company: bool) -> bool | None:
        """Return whether an experiment that ran out of memory is tried again. None: follow `retries`.

        `had_company`: another worker of this launch was on a card of its.
        """
        name = decision.experiment.name
        if self._on_oom == "fail":
            return False
        where = f"alone on its {_what(slots)}"
        if self._on_oom == "halve_batch" and (name in self._alone or not had_company):
            return self._halve(decision, where)
        if name in self._alone:
            return None
        self._alone.add(name)
        self._message(f"{name}: out of memory, so once more later, {where} (on_oom).")
        return True

    def _halve(self, decision: Decision, where: str) -> bool | None:
        """Let the next attempt start over with half the batch. Return None if the batch cannot be halved."""
        experiment = decision.experiment
        self._alone.add(experiment.name)
        smaller = halve_batch(experiment.config | self._changes.get(experiment.name, decision.changes))
        if smaller is None:
            self._message(f"{experiment.name}: out of memory, and its batch cannot be halved again.")
            return None
        self._changes[experiment.name] = smaller
        with contextlib.suppress(OSError):  # a worker does not read checkpoints of the larger batch in any case
            Checkpoints(self._paths.checkpoints(experiment.name), experiment.name, experiment.digest).clear()
        text = f"out of memory, so once more later, {where}, with {describe_changes(smaller)} (on_oom)"
        self._message(f"{experiment.name}: {text}.")
        return True


def _what(slots: SlotSet) -> str:
    if slots.kind != "cuda":
        return "machine"
    return "card" if len(slots) == 1 else "cards"
