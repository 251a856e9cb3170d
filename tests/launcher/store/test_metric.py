"""A metric as it is shown, and as `sweep.json` has it."""

from __future__ import annotations

import pytest

from launcher.store.metric import Metric


def test_the_label_has_the_unit() -> None:
    assert Metric("loss").label == "loss"
    assert Metric("loss", "nats per token").label == "loss (nats per token)"


def test_details_are_read_as_they_were_written() -> None:
    metric = Metric("train/loss", "nats per token", "log", is_maximized=True)
    assert Metric.of_details("train/loss", metric.details, is_maximized=True) == metric
    assert Metric("loss").details == {}


@pytest.mark.parametrize("details", [None, [], "log", {"unit": 3, "scale": []}, {"unit": "m" * 61, "scale": "cubic"}])
def test_what_is_not_of_the_right_type_is_passed_over(details: object) -> None:
    assert Metric.of_details("loss", details) == Metric("loss")


def test_a_unit_from_a_file_does_nothing_to_a_terminal() -> None:
    assert Metric.of_details("loss", {"unit": "\x1b[31m\n"}).unit == "\\x1b[31m"
