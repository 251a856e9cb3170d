"""`PrintRun`: the run of a script that no launcher has started. It prints; it keeps no checkpoint and never stops."""

from __future__ import annotations

import os
import sys

from launcher.current_run.rank import is_first_rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any


class PrintRun:
    """A run that prints its records. Of several ranks, the first prints."""

    seed = 0
    attempt = 1
    should_save = False
    should_stop = False
    was_stopped = False

    @property
    def name(self) -> str:
        """The name of the script, without its ending."""
        return os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0] or "alone"

    @property
    def device(self) -> str:
        """Either "cuda", where torch is imported and finds a GPU, or "cpu"."""
        torch = sys.modules.get("torch")
        return "cuda" if torch is not None and torch.cuda.is_available() else "cpu"

    @property
    def outcome(self) -> Path:
        """The working directory."""
        from pathlib import Path

        return Path()

    @property
    def dir(self) -> Path:
        """The working directory."""
        return self.outcome

    def log(self, /, step: int, **metrics: Any) -> None:
        """Print a line about the step."""
        self._print(f"step {step}  {_words(metrics)}")

    def total(self, steps: int) -> None:
        """Print the number of steps."""
        self._print(f"{self.name}: {steps} steps")

    def info(self, **facts: Any) -> None:
        """Print the facts."""
        self._print(f"{self.name}: {_words(facts)}")

    def save(self, state: Mapping[str, Any], step: int) -> None:
        """Keep nothing."""

    def load(self) -> dict[str, Any] | None:
        """Return None: there is no earlier attempt."""
        return None

    @staticmethod
    def _print(line: str) -> None:
        if is_first_rank():
            print(line, flush=True)


def _words(values: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    if not isinstance(value, (str, int, float)) and hasattr(value, "item"):
        value = value.item()
    return f"{value:.5g}" if isinstance(value, float) else str(value)
