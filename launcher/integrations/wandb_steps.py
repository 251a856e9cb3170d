"""`WandbSteps`: the steps under which what a script gives to wandb is recorded. It imports no wandb.

By wandb's rules calls are counted from 0, and a call without `commit` shares the step of the next. We count too, since
wandb would have to ask another process. Our count differs in two cases, as an experiment has one count for all it does:

    first run   0 1 2 3 4    it is finished, as in each fold of a cross-validation
    second run            5 6 7 8 9

    attempt 1   0 1 2 3 4    it is stopped, and the script goes on from its checkpoint
    attempt 2             5 6 7 8 9    but a call that names its step is recorded by that
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class WandbSteps:
    """Counts the calls of all wandb runs of a script."""

    def __init__(self, last_step_before: int | None) -> None:
        """Begin. `last_step_before`: of the attempt that this one goes on from; None: there is none."""
        self._next = 0 if last_step_before is None else last_step_before + 1
        self._newest: Any = None  # the run that has begun last
        self.is_logging = False  # wandb itself is at work

    @property
    def last(self) -> int:
        """The highest step so far, to which a summary belongs; 0 before the first."""
        return max(0, self._next - 1)

    def step(self, run: Any, step: int | None, commit: bool | None, main_run: Any) -> int:
        """Return the step of a call of `run.log`. `main_run`: `wandb.run` at that moment."""
        kept = vars(run)  # a Run refuses other attributes
        if "_launcher_step" not in kept:
            self._begin(run, kept, has_step=step is not None, main_run=main_run)
        kept["_launcher_is_main"] = run is main_run
        if step is not None and kept["_launcher_goes_on"]:
            kept["_launcher_goes_on"], kept["_launcher_base"] = False, 0
            kept["_launcher_step"] = max(step, self._next - 1)
        current: int = max(kept["_launcher_step"], step or 0)
        is_committed = commit if commit is not None else step is None
        kept["_launcher_step"] = current + 1 if is_committed else current
        found: int = kept["_launcher_base"] + current
        self._next = max(self._next, found + 1)
        return found

    def _begin(self, run: Any, kept: dict[str, Any], *, has_step: bool, main_run: Any) -> None:
        """Begin to count the calls of a run."""
        first = kept.get("_starting_step") or 0  # not 0 if wandb itself goes on with an earlier run
        is_first, before = self._newest is None, self._newest
        self._newest = run
        goes_on = is_first and not has_step and not first
        if is_first and not goes_on:
            self._next = 0
        is_counted_on = goes_on or (not is_first and _is_over(before, main_run))
        kept["_launcher_step"] = first
        kept["_launcher_base"] = self._next - first if is_counted_on else 0
        kept["_launcher_goes_on"] = goes_on and self._next > 0


def _is_over(run: Any, main_run: Any) -> bool:
    """Say whether a run is finished, or another one has taken its place as the run of the script."""
    kept = vars(run)
    return bool(kept.get("_is_finished") or (kept["_launcher_is_main"] and run is not main_run))
