"""Whether an experiment may start on a GPU now: a pure decision from what the card measured and what was promised.

    available = free memory the driver measures - what was promised to workers that have not allocated it yet

What does not fit waits, with the reason. An idle card takes anything: waiting could not make more room there. Who asks
the driver, and what an experiment needs, is the affair of `cards`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GIB = 2**30
# What may be in use of a card on which nobody computes: the driver's own share, and a desktop's.
IDLE_SHARE = 0.05
DESKTOP_BYTES = 1 * GIB


@dataclass(frozen=True)
class Holder:
    """A process on a card that is none of ours."""

    pid: int
    uid: int | None = None  # None: it is in another container, say, where its owner cannot be seen
    used_bytes: int | None = None  # None: the driver does not tell

    def __str__(self) -> str:
        return f"pid {self.pid}" if self.uid is None else f"pid {self.pid}, uid {self.uid}"


@dataclass(frozen=True)
class Tenant:
    """A worker of ours on a card."""

    experiment: str
    need_bytes: int | None = None  # None: nobody knows
    used_bytes: int | None = None  # as the driver measures; None: it does not tell
    has_stepped: bool = False  # it took a step: it holds all it needs
    is_alone: bool = False  # it was promised the card for itself

    @property
    def promised_bytes(self) -> int:
        """What it will take yet, as far as anybody knows."""
        if self.has_stepped or self.need_bytes is None:
            return 0
        return max(0, self.need_bytes - (self.used_bytes or 0))


@dataclass(frozen=True)
class Reading:
    """What the driver says about a card at one moment."""

    total_bytes: int
    free_bytes: int
    holders: Sequence[Holder] = ()


def refusal(
    reading: Reading | None,
    tenants: Sequence[Tenant],
    need_bytes: int | None,
    *,
    is_alone: bool = False,
    largest_bytes: int = 0,
) -> str:
    """Return why an experiment may not start on a card now, as the end of a sentence; nothing if it may.

    `reading` is None for a device that nobody can measure, `tenants` are our workers there, `is_alone` says that the
    experiment must have the card for itself, `largest_bytes` is the memory of the largest card of the sweep.
    """
    others = " and ".join(tenant.experiment for tenant in tenants)
    if is_alone and tenants:
        return f"it is to run alone there, and {others} still {'runs' if len(tenants) == 1 else 'run'}"
    if any(tenant.is_alone for tenant in tenants):
        return f"{others} runs alone there, after it ran out of memory"
    if reading is None:
        return ""
    total = reading.total_bytes
    used = total - reading.free_bytes
    if need_bytes is not None and total < need_bytes <= largest_bytes:
        return f"it needs {_gb(need_bytes)} GB and the card has {_gb(total)}; a larger one takes it"
    if not tenants and not reading.holders and used <= max(IDLE_SHARE * total, DESKTOP_BYTES):
        return ""
    held = f"{_gb(used)} of {_gb(total)} GB held"
    if reading.holders:
        shown = sorted(reading.holders, key=lambda one: -(one.used_bytes or 0))[:3]
        more = len(reading.holders) - len(shown)
        held += f" by {'; '.join(map(str, shown))}" + (f"; {more} more" if more else "")
    elif tenants:
        held += f" by {others}"
    if need_bytes is None:
        return _unknown(tenants, held)
    promised = sum(tenant.promised_bytes for tenant in tenants)
    if need_bytes <= reading.free_bytes - promised:
        return ""
    return f"{held}{f', {_gb(promised)} GB promised' if promised else ''}, {_gb(need_bytes)} GB needed"


def _unknown(tenants: Sequence[Tenant], held: str) -> str:
    """One experiment at a time whose need nobody knows, on a card that is ours, until it has shown what it takes."""
    if not tenants:
        return f"{held}; what it needs is not known (gpu_memory_gb in the job file says it)"
    starting = [one.experiment for one in tenants if one.need_bytes is None and not one.has_stepped]
    if starting:
        return f"{starting[0]} starts there, and what it needs shows at its first step"
    return ""


def _gb(count: int) -> str:
    return f"{count / GIB:.1f}"
