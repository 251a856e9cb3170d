"""Finds out how an attempt ended, from the worker's last record and the exit of its process, and reports failures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from launcher.executors.base import ProcessExit
from launcher.store.ending import EndingKind
from launcher.store.record_facts import RecordFacts
from launcher.store.records import Record
from launcher.worker.bell import UNWRITTEN_EXIT_CODE
from launcher.worker.last_lines import last_lines

RECORDS_REMOVED = "its record file was removed while it ran"
_PEAKS = {"peak_memory_bytes": "memory", "peak_gpu_memory_bytes": "GPU memory"}  # fields of a worker's last record


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, and why, as far as it is known."""

    kind: EndingKind
    why: str = ""
    is_raised: bool = False  # its code raised an error, and the worker lived to tell it

    def __str__(self) -> str:
        joint = ", but " if self.kind == EndingKind.DONE else ": "
        return f"{self.kind}{joint}{self.why}" if self.why else str(self.kind)


@dataclass(frozen=True)
class Circumstances:
    """What the launcher knows about the end of an attempt and its worker does not."""

    was_asked: bool = False  # the launcher asked it to stop, before its last record
    was_forced: bool = False  # the launcher killed it
    hung_s: float | None = None  # the launcher killed it, because it had recorded nothing for so long
    was_memory_short: bool = False  # meanwhile the kernel killed a process for want of memory
    last_word: Record | None = None  # came through the bell, because the records could not be written
    why: str = ""  # how it ended, where neither exit nor records say it
    is_lost: bool = False  # the node of the worker was lost


def classify(exit: ProcessExit, history: RecordFacts, around: Circumstances) -> Ending:
    """Return how an attempt ended, from its exit, its records, and the circumstances.

    A worker that could write its last record has said how the attempt ended; otherwise the exit has to tell.
    """
    if history.obstacle:
        return Ending(EndingKind.FAILED, history.obstacle)
    last_word = history.end or around.last_word
    if last_word is not None:
        kind = EndingKind(last_word["ending"])
        if around.was_asked and _was_broken_off(history, last_word):
            return Ending(EndingKind.INTERRUPTED)
        was_killed = kind == EndingKind.KILLED and str(last_word.get("error")).endswith("SIGKILL")
        if was_killed and around.was_memory_short:  # of a script, or of one of several processes
            return Ending(EndingKind.OUT_OF_MEMORY, f"killed by the kernel for want of memory, {history.phase}")
        if kind.is_failure:
            return Ending(kind, f"{last_word.get('error', 'an error')}, {history.phase}", is_raised=True)
        if (exit.signal and not around.was_forced) or exit.code:
            return Ending(EndingKind.FAILED, f"{exit}, {history.phase}")
        if kind == EndingKind.DONE and "unwritten" in last_word:
            num, why = last_word["unwritten"], str(last_word.get("unwritten_why"))[:200]
            return Ending(kind, f"{num} of its records could not be written ({why})")
        return Ending(kind)
    if around.why:
        kind = EndingKind.KILLED if around.is_lost else EndingKind.FAILED
        return Ending(EndingKind.INTERRUPTED if around.was_asked else kind, around.why)
    if around.hung_s is not None:
        why = f"no record for {around.hung_s:.0f} s, {history.phase}; its stacks are in its log"
        return Ending(EndingKind.HUNG, why)
    if around.was_asked:
        return Ending(EndingKind.INTERRUPTED, "killed after the grace time" if around.was_forced else "")
    if exit.signal == "SIGKILL" and around.was_memory_short:
        return Ending(EndingKind.OUT_OF_MEMORY, f"killed by the kernel for want of memory, {history.phase}")
    if exit.code == UNWRITTEN_EXIT_CODE:  # its last word through the bell got lost
        why = f"its records could not be written, it seems ({exit} and no word), {history.phase}"
        return Ending(EndingKind.FAILED, why)
    if exit.signal:
        return Ending(EndingKind.KILLED, f"{exit.signal}, {history.phase}")
    return Ending(EndingKind.FAILED, f"it ended with {exit} and no word, {history.phase}")


def _was_broken_off(history: RecordFacts, last_word: Record) -> bool:
    """Return whether a worker that was asked to stop has stopped early, though its last word says something else.

    A target may handle the signal itself and return, or exit, without asking `run.should_stop`. In most cases the
    worker notices. It does not if the target has also replaced the wakeup descriptor, as asyncio does, or blocks the
    signal. A target that has reached all the steps it announced is done. Where it announced no steps, it is safer to
    train on.
    """
    if last_word.get("heard"):  # the worker took the signal: only should_stop could tell the target
        return False
    if last_word["ending"] == EndingKind.DONE:
        return not history.has_all_steps
    return last_word["ending"] == EndingKind.FAILED and bool(last_word.get("left"))


def failure_report(
    name: str,
    device: str,
    ending: Ending,
    history: RecordFacts,
    log: Path,
    num_others: int,
    peak_gpu_bytes: int | None = None,
) -> str:
    """Return the message for a failed attempt: what, where, the likely cause, the end of its log, what goes on.

    `peak_gpu_bytes`: as the driver counted it; what torch says of itself goes before it.
    """
    of_total = f" of {history.total}" if history.total else ""
    at = f"at step {history.last_step}{of_total}" if history.num_steps else "before its first step"
    lines = [f"{name} {ending.kind.verb} on {device} {at}: {ending.why}."]
    if ending.why.startswith("SIGKILL"):
        lines.append("  Someone sent kill -9; the kernel did not report a want of memory.")
    if ending.kind == EndingKind.OUT_OF_MEMORY:
        end = {"peak_gpu_memory_bytes": peak_gpu_bytes} | (history.end or {})
        peaks = {what: end.get(key) for key, what in _PEAKS.items()}
        told = " and ".join(f"{peak / 2**30:.1f} GiB of {what}" for what, peak in peaks.items() if peak)
        remedy = "Try a smaller batch, or fewer experiments at once."
        lines.append(f"  It held up to {told}. {remedy}" if told else f"  {remedy}")
    if history.is_resumed_script and history.first_step is None:
        lines.append(
            "  It failed before its first step, going on from what an earlier attempt left: that may be damaged. "
            f"Options --fresh --only {name} begin it anew."
        )
    lines += [f"  | {line}" for line in last_lines(log)]
    lines.append(f"  Its log: {log}")
    if num_others:
        lines.append("  The other one goes on." if num_others == 1 else f"  The other {num_others} go on.")
    return "\n".join(lines)
