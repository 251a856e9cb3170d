"""Reads the loss of a step without making the GPU wait: copied to pinned memory at once, looked at one step later.

Called by `minigpt.train`. Every step is still recorded, in order. On a CPU there is nothing to wait for, and nothing is
delayed.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Metrics = dict[str, Any]


@dataclass(frozen=True)
class _Pending:
    step: int
    value: Tensor | None  # on the host, there once `copied` has happened
    copied: torch.cuda.Event | None
    metrics: Metrics


class Readback:
    """Hands `(step, loss, metrics)` on to `write`, `delay` steps after they were put in."""

    def __init__(self, write: Callable[[int, float | None, Metrics], None], *, delay: int) -> None:
        """Write nothing yet; `delay` is 1 on a GPU, so that step n is read while step n + 1 computes."""
        self._write = write
        self._delay = delay
        self._pending: deque[_Pending] = deque()

    def put(self, step: int, value: Tensor | None, metrics: Metrics) -> None:
        """Take in a step and its loss, a scalar on any device; None if there was none."""
        copied = None
        if value is not None and value.is_cuda:
            host = torch.empty((), dtype=value.dtype, pin_memory=True)
            value = host.copy_(value, non_blocking=True)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            copied.record()
        self._pending.append(_Pending(step, value, copied, metrics))
        self._write_all_but(self._delay)

    def flush(self) -> None:
        """Write what is left: before a checkpoint, which must not be ahead of the records, and at the end."""
        self._write_all_but(0)

    def _write_all_but(self, count: int) -> None:
        while len(self._pending) > count:
            one = self._pending.popleft()
            if one.copied is not None:
                one.copied.synchronize()
            self._write(one.step, None if one.value is None else one.value.item(), one.metrics)
