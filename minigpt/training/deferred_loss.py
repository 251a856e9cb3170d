"""Reads the losses of a GPU without making it wait: a loss is copied when its step ends and read one step later.

Every step is still recorded, in order. On a CPU nothing has to wait, so nothing is deferred.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Metrics = dict[str, Any]


@dataclass(frozen=True)
class _Step:
    number: int
    loss: Tensor | None  # in host memory; valid when `copied` has happened
    copied: torch.cuda.Event | None
    metrics: Metrics


class DeferredLoss:
    """A queue of steps. Each is passed on as `write(step, loss, metrics)`, `delay` steps after it was put in."""

    def __init__(self, write: Callable[[int, float | None, Metrics], None], *, delay: int) -> None:
        """Make an empty queue. With a `delay` of 1, a GPU computes step n + 1 while the loss of step n is read."""
        self._write = write
        self._delay = delay
        self._pending: deque[_Step] = deque()

    def put(self, step: int, loss: Tensor | None, metrics: Metrics) -> None:
        """Add a step and its loss: a scalar on any device, or None for a step without a loss."""
        copied = None
        if loss is not None and loss.is_cuda:
            host = torch.empty((), dtype=loss.dtype, pin_memory=True)  # only to pinned memory is a copy asynchronous
            loss = host.copy_(loss, non_blocking=True)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            copied.record()
        self._pending.append(_Step(step, loss, copied, metrics))
        self._write_all_but(self._delay)

    def flush(self) -> None:
        """Pass on all steps that are left: at the end, and before a checkpoint, which must not be ahead of records."""
        self._write_all_but(0)

    def _write_all_but(self, count: int) -> None:
        while len(self._pending) > count:
            step = self._pending.popleft()
            if step.copied is not None:
                step.copied.synchronize()
            self._write(step.number, None if step.loss is None else step.loss.item(), step.metrics)
