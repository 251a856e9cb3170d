"""What must be told of experiments beside their numbers."""

from __future__ import annotations

import math
from pathlib import Path

from launcher.reports.remarks import remarks
from tests.launcher.reports.analysis.states import made, seeded


def log(name: str) -> Path:
    return Path("logs") / f"{name}.log"


def test_equal_failures_are_told_once_and_first() -> None:
    nan = made("nan", [1.0, math.nan])
    failed = [
        made(
            f"lr_{place}",
            [1.0],
            "failed",
            why=f"ValueError: loss {place} for lr_{place} (train.py:12), after step {place}",
        )
        for place in range(17)
    ]
    other = made("wide", [], "out_of_memory", why="CUDA out of memory, in set-up")
    found = [remark.text(log) for remark in remarks([nan, *failed, other, made("good", [1.0])], ["loss"])]
    assert found == [
        "17 failed alike: ValueError: loss 0 for lr_0 (train.py:12), after step 0\n"
        "  lr_0, lr_1, lr_2 and 14 more. Log of the first: logs/lr_0.log",
        "wide out of memory: CUDA out of memory, in set-up. Its log: logs/wide.log",
        "nan done: loss is nan from step 2 on",
    ]


def test_what_is_done_may_have_something_to_tell() -> None:
    tried = made("a", [1.0], earlier=("attempt 1: killed, SIGKILL",), changed={"batch_size": 8, "accumulation": 2})
    (remark,) = remarks([tried], ["loss"])
    assert remark.text(log).startswith("a done: trained with ")
    assert remark.text(log).endswith("for want of memory; attempt 1: killed, SIGKILL")


def test_text_from_outside_is_inert_and_short() -> None:
    (remark,) = remarks([made("a", [], "failed", why="bad\x1b\nvalue" + "x" * 1000)], [])
    assert remark.text().startswith("a failed: bad\\x1b\\nvalue")
    assert len(remark.text()) < 600


def test_seeds_that_change_nothing_are_told_once() -> None:
    experiments = [*seeded("base", [2.0] * 3), *seeded("low", [1.0] * 3), *seeded("fine", [1.0, 1.1])]
    (remark,) = remarks(experiments, ["loss"])
    assert remark.text(log) == (
        "2 done alike: all seeds gave exactly the same loss at each step, "
        "so the training does not use its seed (run.seed)\n"
        "  base, low"
    )
