"""From a worker's exit, its last word and the circumstances to an ending, and the report of a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.engine.classify_ending import Circumstances, Ending, classify, failure_report
from launcher.executors.base import ProcessExit
from launcher.store.ending import EndingKind
from launcher.store.history import History
from launcher.store.records import Record
from launcher.worker.bell import UNWRITTEN_EXIT_CODE

DONE, FAILED, KILLED, INTERRUPTED = EndingKind.DONE, EndingKind.FAILED, EndingKind.KILLED, EndingKind.INTERRUPTED
NOTHING = Circumstances()
ASKED = Circumstances(was_asked=True)


def history(*, steps: int = 2, total: int | None = None, end: Record | None = None, obstacle: str = "") -> History:
    """Return the history of a first attempt with some steps."""
    made = History(obstacle=obstacle)
    if total is not None:
        made.add({"attempt": 1, "at_s": 0.0, "kind": "total", "steps": total})
    for step in range(1, steps + 1):
        made.add({"attempt": 1, "at_s": float(step), "step": step, "loss": 0.5})
    if end is not None:
        made.add({"attempt": 1, "at_s": 9.0, "kind": "end", **end})
    return made


@pytest.mark.parametrize(
    ("exit", "end", "around", "expected"),
    [
        # It has said how it ended.
        (ProcessExit(0), {"ending": "done"}, NOTHING, Ending(EndingKind.DONE)),
        (ProcessExit(0), {"ending": "interrupted"}, ASKED, Ending(EndingKind.INTERRUPTED)),
        (ProcessExit(0), {"ending": "diverged", "error": "loss is nan"}, NOTHING,
         Ending(EndingKind.DIVERGED, "loss is nan, after step 2", is_raised=True)),
        (ProcessExit(1), {"ending": "failed", "error": "ValueError: no"}, NOTHING,
         Ending(EndingKind.FAILED, "ValueError: no, after step 2", is_raised=True)),
        (ProcessExit(1), {"ending": "out_of_memory"}, NOTHING,
         Ending(EndingKind.OUT_OF_MEMORY, "an error, after step 2", is_raised=True)),
        # It has said "done", and then its process did not end well: what ran at its exit has failed.
        (ProcessExit(signal="SIGSEGV"), {"ending": "done"}, NOTHING,
         Ending(EndingKind.FAILED, "killed by SIGSEGV, after step 2")),
        (ProcessExit(3), {"ending": "done"}, NOTHING, Ending(EndingKind.FAILED, "exit code 3, after step 2")),
        # … unless the launcher killed it, as its exit took too long.
        (ProcessExit(signal="SIGKILL"), {"ending": "done"}, Circumstances(was_forced=True), Ending(EndingKind.DONE)),
        (ProcessExit(0), {"ending": "done", "unwritten": 3, "unwritten_why": "the disk was full"}, NOTHING,
         Ending(EndingKind.DONE, "3 of its records could not be written (the disk was full)")),
        # It has said nothing.
        (ProcessExit(signal="SIGKILL"), None, NOTHING, Ending(EndingKind.KILLED, "SIGKILL, after step 2")),
        (ProcessExit(signal="SIGKILL"), None, Circumstances(was_memory_short=True),
         Ending(EndingKind.OUT_OF_MEMORY, "killed by the kernel for want of memory, after step 2")),
        (ProcessExit(signal="SIGSEGV"), None, Circumstances(was_memory_short=True),
         Ending(EndingKind.KILLED, "SIGSEGV, after step 2")),
        (ProcessExit(0), None, NOTHING,
         Ending(EndingKind.FAILED, "it ended with exit code 0 and no word, after step 2")),
        (ProcessExit(), None, NOTHING,
         Ending(EndingKind.FAILED, "it ended with an unknown exit status and no word, after step 2")),
        (ProcessExit(UNWRITTEN_EXIT_CODE), None, NOTHING,
         Ending(EndingKind.FAILED,
                "its records could not be written, it seems (exit code 74 and no word), after step 2")),
        # The launcher ended it.
        (ProcessExit(signal="SIGKILL"), None, Circumstances(was_forced=True, hung_s=31.0),
         Ending(EndingKind.HUNG, "no record for 31 s, after step 2; its stacks are in its log")),
        (ProcessExit(signal="SIGKILL"), None, Circumstances(was_asked=True, was_forced=True),
         Ending(EndingKind.INTERRUPTED, "killed after the grace time")),
        (ProcessExit(signal="SIGTERM"), None, ASKED, Ending(EndingKind.INTERRUPTED)),
        # Its records could not take its last word, which came through the pipe.
        (ProcessExit(74), None, Circumstances(last_word={"ending": "failed", "error": "the disk is full"}),
         Ending(EndingKind.FAILED, "the disk is full, after step 2", is_raised=True)),
    ],
)  # fmt: skip
def test_an_ending_follows_from_exit_last_word_and_circumstances(
    exit: ProcessExit, end: Record | None, around: Circumstances, expected: Ending
) -> None:
    assert classify(exit, history(end=end), around) == expected


def test_records_that_cannot_be_read_are_a_failure_whatever_else_is_known() -> None:
    made = history(obstacle="a.jsonl cannot be read: Is a directory")
    ending = classify(ProcessExit(0), made, Circumstances(last_word={"ending": "done"}))
    assert ending == Ending(EndingKind.FAILED, "a.jsonl cannot be read: Is a directory")


@pytest.mark.parametrize(
    ("steps", "total", "end", "kind"),
    [
        (2, 4, {"ending": "done"}, EndingKind.INTERRUPTED),  # it returned on the signal, before its last step
        (2, None, {"ending": "done"}, EndingKind.INTERRUPTED),  # no steps were announced: it is safer to train on
        (4, 4, {"ending": "done"}, EndingKind.DONE),  # the signal came too late to change anything
        (2, 4, {"ending": "done", "heard": True}, EndingKind.DONE),  # the target never learnt of the signal
        (2, 4, {"ending": "failed", "error": "KeyboardInterrupt"}, EndingKind.FAILED),
        (2, 4, {"ending": "failed", "error": "exit code 1", "left": True}, EndingKind.INTERRUPTED),  # sys.exit(1)
    ],
)
def test_a_worker_that_was_asked_to_stop_may_say_that_it_is_done(
    steps: int, total: int | None, end: Record, kind: EndingKind
) -> None:
    assert classify(ProcessExit(0), history(steps=steps, total=total, end=end), ASKED).kind == kind


def test_an_ending_reads_as_words() -> None:
    assert str(Ending(EndingKind.DONE)) == "done"
    assert str(Ending(EndingKind.DONE, "loss was nan at step 3")) == "done, but loss was nan at step 3"
    assert str(Ending(EndingKind.KILLED, "SIGKILL")) == "killed: SIGKILL"


def test_the_report_of_a_failure_says_what_where_why_and_that_others_go_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("one line\nanother line\n")
    ending = Ending(EndingKind.KILLED, "SIGKILL, after step 2")
    assert failure_report("a", "GPU 1", ending, history(total=4), log, 2).splitlines() == [
        "a was killed on GPU 1 at step 2 of 4: SIGKILL, after step 2.",
        "  Someone sent kill -9; the kernel did not report a want of memory.",
        "  | one line",
        "  | another line",
        f"  Its log: {log}",
        "  The other 2 go on.",
    ]


def test_the_report_of_a_want_of_memory_has_its_peak_and_a_remedy(tmp_path: Path) -> None:
    ending = Ending(EndingKind.OUT_OF_MEMORY, "CUDA out of memory, in set-up", is_raised=True)
    made = history(steps=0, end={"ending": "out_of_memory", "peak_memory_bytes": 3 * 2**30})
    report = failure_report("a", "GPU 1", ending, made, tmp_path / "a.log", 1)
    assert report.startswith("a ran out of memory on GPU 1 before its first step: CUDA out of memory")
    assert "\n  It held up to 3.0 GiB of memory. Try a smaller batch, or fewer experiments at once.\n" in report
    assert report.endswith("\n  The other one goes on.")


@pytest.mark.parametrize(
    ("exit", "word", "asked", "forced", "ending"),
    [
        (ProcessExit(0), {"ending": "done"}, False, False, Ending(DONE)),
        (ProcessExit(0), {"ending": "done", "heard": True}, True, False, Ending(DONE)),
        (
            ProcessExit(0),
            {"ending": "done"},
            True,
            False,
            Ending(INTERRUPTED),
        ),  # its framework took the signal
        (ProcessExit(0), {"ending": "interrupted"}, True, False, Ending(INTERRUPTED)),
        (
            ProcessExit(1),
            {"ending": "failed", "error": "E"},
            False,
            False,
            Ending(FAILED, "E, somewhere", is_raised=True),
        ),
        (
            ProcessExit(signal="SIGSEGV"),
            {"ending": "done"},
            False,
            False,
            Ending(FAILED, "killed by SIGSEGV, somewhere"),
        ),
        (ProcessExit(code=3), {"ending": "done"}, False, False, Ending(FAILED, "exit code 3, somewhere")),
        (ProcessExit(signal="SIGKILL"), {"ending": "done"}, False, True, Ending(DONE)),
        (ProcessExit(), {"ending": "done"}, False, False, Ending(DONE)),
        (ProcessExit(signal="SIGKILL"), None, False, False, Ending(KILLED, "SIGKILL, somewhere")),
        (
            ProcessExit(signal="SIGKILL"),
            None,
            True,
            True,
            Ending(INTERRUPTED, "killed after the grace time"),
        ),
        (ProcessExit(signal="SIGTERM"), None, True, False, Ending(INTERRUPTED)),
        (
            ProcessExit(code=0),
            None,
            False,
            False,
            Ending(FAILED, "it ended with exit code 0 and no word, somewhere"),
        ),
        (
            ProcessExit(),
            None,
            False,
            False,
            Ending(FAILED, "it ended with an unknown exit status and no word, somewhere"),
        ),
    ],
)
def test_the_last_record_the_exit_and_what_was_asked_together_tell_the_ending(
    exit: ProcessExit, word: dict[str, str | bool] | None, asked: bool, forced: bool, ending: Ending
) -> None:
    assert classify(exit, History(end=word, phase="somewhere"), Circumstances(asked, forced)) == ending
