"""`Adapter`: what all adapters share. It records what a library logs, and never lets training fail because of it."""

from __future__ import annotations

import re
import sys

from launcher.current_run.current import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_RESERVED = frozenset({"n", "attempt", "at_s", "kind", "step", "src"})
_NOT_IN_NAMES = re.compile(r"[\W\u0080-\u024f\u1e00-\u1eff]+")
_NO_LETTERS = re.compile(r"\W+")
_DEPTH = 4  # of tables inside one another


class Adapter:
    """Records the metrics of one library. The steps of a second training in the same script are counted on."""

    def __init__(self, library: str) -> None:
        """`library`: the name that a message names."""
        self.run = current()
        self._library = library
        self._is_told = False
        self._offset = 0
        self._last = 0  # the highest step recorded, with the offset

    @property
    def last_step_before(self) -> int | None:
        """The last step of earlier attempts, if this one goes on from a checkpoint: calls are counted on from it."""
        last: int | None = getattr(self.run, "last_step_before", None)
        return last

    def begin_training(self, step: int = 0) -> None:
        """Take in that a training begins after a step: 0, or that of the checkpoint it goes on from."""
        self._offset = 0 if step >= self._last else self._last - step

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Record the numbers among the metrics of a step. Texts, pictures, tables and the like are left out."""
        try:
            if found := numbers(metrics):
                step += self._offset
                self.run.log(step, **found)
                self._last = max(self._last, step)
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            self.tell(error)

    def total(self, steps: int) -> None:
        """Record how many steps to expect."""
        try:
            self.run.total(steps + self._offset)
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            self.tell(error)

    def info(self, facts: Mapping[str, Any]) -> None:
        """Record the numbers among some facts."""
        try:
            if found := numbers(facts):
                self.run.info(**found)
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            self.tell(error)

    def tell(self, error: Exception) -> None:
        """Say, the first time, that something cannot be recorded, and why."""
        if not self._is_told:
            self._is_told = True
            why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            print(f"launcher: not all that {self._library} logs is recorded. {why}", file=sys.stderr, flush=True)


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers among some values, each under a name that a record may have: `train/loss` is `train_loss`."""
    return dict(_numbers(metrics, "", _DEPTH))


def _numbers(metrics: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, float]]:
    for key, value in metrics.items():
        if hasattr(value, "items"):
            if depth > 1:
                yield from _numbers(value, f"{prefix}{key}_", depth - 1)
            continue
        number = _number(value)
        name = metric_name(f"{prefix}{key}")
        if number is not None and name:
            yield name, number


def metric_name(name: str) -> str:
    """Return the name under which a value is recorded, as for metrics that are found in files; empty if it has none."""
    bare = _NOT_IN_NAMES.sub("_", name).strip("_")
    known = (bare or _NO_LETTERS.sub("_", name).strip("_"))[:100]
    if known and not known[0].isalpha():
        known = f"x_{known}"[:100]
    return f"{known}_" if known in _RESERVED else known


def _number(value: Any) -> float | None:
    """Return a number, or that of an array or tensor that holds a single one; None for anything else."""
    if isinstance(value, (bool, str)):
        return None
    if isinstance(value, (int, float)):
        return value
    size = getattr(value, "numel", None) or getattr(value, "size", None)
    try:
        if (size() if callable(size) else size) != 1:
            return None
        single = value.item()
    except (AttributeError, TypeError, ValueError, RuntimeError):
        return None
    return single if isinstance(single, (int, float)) and not isinstance(single, bool) else None
