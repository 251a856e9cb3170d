"""The log of an experiment that a person tails."""

from __future__ import annotations

from launcher.sinks.text_log import step_line


def test_a_step_is_a_line() -> None:
    record = {"n": 1, "attempt": 1, "at_s": 0.1, "step": 12, "loss": 9.123, "perplexity": 9163.2}
    assert step_line(record, 218) == "step 12/218 loss 9.1230 ppl 9163.2"
    assert step_line(record, None).startswith("step 12 ")
