"""Decides whether an experiment may start on a device now, from what the driver measures and what is promised. Pure.

    available = free memory, as the driver measures it - memory promised to our workers that have not allocated it yet

An experiment that needs more than is available waits, and the refusal says why. On an idle card anything may start:
waiting could not make more room there. `executors.device_guard` asks the driver and estimates what an experiment needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GIB = 2**30
# Memory that may be in use on a card that nobody computes on: the driver's own share, and a desktop's.
IDLE_SHARE = 0.05
DESKTOP_BYTES = 1 * GIB
_NUM_SHOWN = 3  # processes of others that a refusal names


@dataclass(frozen=True)
class ForeignProcess:
    """A process on a card that is not one of our workers."""

    pid: int
    uid: int | None = None  # None: the owner cannot be seen from here, as of a process in another container
    used_bytes: int | None = None  # None: the driver does not tell

    def __str__(self) -> str:
        return f"pid {self.pid}" if self.uid is None else f"pid {self.pid}, uid {self.uid}"


@dataclass(frozen=True)
class OwnWorker:
    """A worker of this launch that runs on a card."""

    experiment: str
    need_bytes: int | None = None  # memory it is expected to take; None: not known
    used_bytes: int | None = None  # memory it takes now, as the driver measures; None: the driver does not tell
    has_stepped: bool = False  # it has taken a step, so it has allocated all it needs
    is_alone: bool = False  # it was promised the card for itself

    @property
    def promised_bytes(self) -> int:
        """Memory it is expected to allocate yet; 0 where its need is not known."""
        if self.has_stepped or self.need_bytes is None:
            return 0
        return max(0, self.need_bytes - (self.used_bytes or 0))


@dataclass(frozen=True)
class DeviceUsage:
    """Memory and processes of a card at one moment, as the driver tells."""

    total_bytes: int
    free_bytes: int
    foreign: Sequence[ForeignProcess] = ()

    @property
    def used_bytes(self) -> int:
        """Memory in use, by anybody."""
        return self.total_bytes - self.free_bytes


@dataclass(frozen=True)
class Refusal:
    """An experiment may not start on a device now."""

    reason: str  # the end of a sentence that begins with the device, as in "GPU 1: {reason}"

    def __str__(self) -> str:
        return self.reason


def refusal(
    usage: DeviceUsage | None,
    workers: Sequence[OwnWorker],
    need_bytes: int | None,
    *,
    is_alone: bool = False,
    largest_bytes: int = 0,
) -> Refusal | None:
    """Return why an experiment may not start on a device now; None if it may.

    `usage`: None for a device that cannot be measured: there, only `is_alone` can refuse. `workers`: ours on the
    device. `need_bytes`: None where the need is not known. `is_alone`: the experiment must have the device for itself.
    `largest_bytes`: memory of the largest card that the experiment may wait for; 0: it cannot run elsewhere.
    """
    others = " and ".join(worker.experiment for worker in workers)
    if is_alone and workers:
        return Refusal(f"it is to run alone there, and {others} still {'runs' if len(workers) == 1 else 'run'}")
    if any(worker.is_alone for worker in workers):
        return Refusal(f"{others} runs alone there, after it ran out of memory")
    if usage is None:
        return None
    if need_bytes is not None and usage.total_bytes < need_bytes <= largest_bytes:
        needed, has = _gb(need_bytes), _gb(usage.total_bytes)
        return Refusal(f"it needs {needed} GB and the card has {has}; a larger one takes it")
    if _is_idle(usage, workers):
        return None
    if need_bytes is None:
        return _refusal_of_unknown_need(usage, workers)
    promised = sum(worker.promised_bytes for worker in workers)
    if need_bytes <= usage.free_bytes - promised:
        return None
    promises = f", {_gb(promised)} GB promised" if promised else ""
    return Refusal(f"{_holders(usage, workers)}{promises}, {_gb(need_bytes)} GB needed")


def _is_idle(usage: DeviceUsage, workers: Sequence[OwnWorker]) -> bool:
    return not workers and not usage.foreign and usage.used_bytes <= max(IDLE_SHARE * usage.total_bytes, DESKTOP_BYTES)


def _refusal_of_unknown_need(usage: DeviceUsage, workers: Sequence[OwnWorker]) -> Refusal | None:
    """Let experiments of unknown need start one at a time: the next waits until the last has taken its first step.

    None starts beside processes of others alone, where its need can be compared with nothing.
    """
    if not workers:
        held = _holders(usage, workers)
        return Refusal(f"{held}; what it needs is not known (gpu_memory_gb in the job file says it)")
    starting = [worker.experiment for worker in workers if worker.need_bytes is None and not worker.has_stepped]
    if starting:
        return Refusal(f"{starting[0]} starts there, and what it needs shows at its first step")
    return None


def _holders(usage: DeviceUsage, workers: Sequence[OwnWorker]) -> str:
    """Return how much memory is held and by whom: `22.0 of 48.0 GB held by pid 812, uid 1001`."""
    held = f"{_gb(usage.used_bytes)} of {_gb(usage.total_bytes)} GB held"
    if usage.foreign:
        shown = sorted(usage.foreign, key=lambda process: -(process.used_bytes or 0))[:_NUM_SHOWN]
        more = len(usage.foreign) - len(shown)
        return f"{held} by {'; '.join(map(str, shown))}" + (f"; {more} more" if more else "")
    return f"{held} by {' and '.join(worker.experiment for worker in workers)}" if workers else held


def _gb(num_bytes: int) -> str:
    return f"{num_bytes / GIB:.1f}"
