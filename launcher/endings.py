"""How an attempt ended: from the worker's last word and the exit of its process to one ending, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from launcher.errors import printable
from launcher.process import Exit
from launcher.records import History, Record

Kind = Literal["done", "failed", "killed", "interrupted"]
_TAIL_BYTES = 4096
_TAIL_LINES = 5


@dataclass(frozen=True)
class Ending:
    """How an attempt stopped, and why as far as it is known."""

    kind: Kind
    why: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.why}" if self.why else self.kind


def classify(exit: Exit, last_word: Record | None, *, was_asked: bool, was_forced: bool) -> Ending:
    """Decide how an attempt ended.

    `was_asked`: the launcher told it to stop. `was_forced`: the launcher killed it.
    """
    if last_word is not None:
        kind: Kind = last_word["ending"]
        if kind == "failed":
            return Ending(
                "failed", f"{last_word.get('error', 'an error')}, {last_word.get('phase', 'at an unknown place')}"
            )
        if exit.signal and not was_forced:
            return Ending("failed", f"{exit}, in teardown")
        if exit.code:
            return Ending("failed", f"{exit}, in teardown")
        return Ending(kind)
    if was_asked:
        return Ending("interrupted", "killed after the grace time" if was_forced else "")
    if exit.signal:
        return Ending("killed", exit.signal)
    return Ending("failed", f"it ended with {exit} and no word")


def failure_report(name: str, device: str, ending: Ending, history: History, log: Path, num_others: int) -> str:
    """Return the message for a failed attempt: what, where, likely cause, last lines, and that the others go on."""
    of_total = f" of {history.total}" if history.total else ""
    at = f"at step {history.last_step}{of_total}" if history.steps else "before its first step"
    verb = "was killed" if ending.kind == "killed" else "failed"
    lines = [f"{name} {verb} on {device} {at}: {ending.why}."]
    if ending.why == "SIGKILL":
        lines.append("  The kernel kills like this when memory runs out: see dmesg. So does kill -9.")
    lines += [f"  | {line}" for line in last_lines(log)]
    lines.append(f"  Its log: {log}")
    if num_others:
        lines.append(f"  The other {num_others} go{'es' if num_others == 1 else ''} on.")
    return "\n".join(lines)


def last_lines(log: Path) -> list[str]:
    """Return the last lines of a log, inert on a terminal; none if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("===")]
    return [printable(line, 200) for line in lines[-_TAIL_LINES:]]
