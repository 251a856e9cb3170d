"""A number that two templates find belongs to the one that says more of the line."""

from __future__ import annotations

from typing import Any

import pytest

from launcher.sources.template_parser import TemplateParser

LOSS, TEST = "loss: {loss}", "test loss: {test_loss}"


@pytest.mark.parametrize(
    ("templates", "line", "fields", "step"),
    [
        ([LOSS, TEST], "loss: 2.5", {"loss": 2.5}, 1),
        ([LOSS, TEST], "test loss: 2.5", {"test_loss": 2.5}, 1),
        ([LOSS, TEST], "test loss: 2.5, loss: 1.5", {"test_loss": 2.5, "loss": 1.5}, 1),
        ([LOSS, TEST], "train loss: 3.5, test loss: 2.5", {"test_loss": 2.5, "loss": 3.5}, 1),
        ([LOSS, "step {step} epoch loss: {epoch_loss}"], "step 7 epoch loss: 2.5", {"epoch_loss": 2.5}, 7),
        ([LOSS, "step {step} loss: {} acc {acc}"], "step 7 loss: 2.5 acc 1", {"loss": 2.5, "acc": 1}, 7),
        ([LOSS, "lr {lr} loss: {loss}"], "lr 0.5 loss: 2.5", {"lr": 0.5, "loss": 2.5}, 1),
        ([LOSS, "loss: {same}"], "loss: 2.5", {"loss": 2.5, "same": 2.5}, 1),
        (["at {at}", "loss {loss} at {step}"], "loss 2.5 at 7", {"at": 7, "loss": 2.5}, 7),
        (
            ["loss {loss}, acc {acc}", "val loss {val_loss}, lr {lr}"],
            "val loss 1.5, lr 2.5",
            {"val_loss": 1.5, "lr": 2.5},
            1,
        ),
        (["at {a} b {b}", "b {c} x"], "at 1 b 2 x", {"a": 1, "b": 2, "c": 2}, 1),
        (["loss: {loss}", "Avg. loss: {avg_loss}"], "Acc 7, Avg. loss: 2.5", {"avg_loss": 2.5}, 1),
        # what stands before another placeholder says nothing of the number
        (["loss {loss}", "step {step} loss {train_loss}"], "step 7 loss 2", {"loss": 2, "train_loss": 2}, 7),
        (["loss {loss}", "took {s}s loss {other}"], "took 7s loss 2", {"loss": 2, "s": 7, "other": 2}, 1),
        (["loss {loss}", "{} loss {other}"], "a loss 2", {"loss": 2, "other": 2}, 1),
        (["acc {acc}", "acc {top1} ({mean})"], "acc 1 (2)", {"acc": 1, "top1": 1, "mean": 2}, 1),
        (["loss {loss}", "loss {a} loss {b}"], "loss 1 loss 2 loss 3", {"loss": 1, "a": 1, "b": 2}, 1),
        (["loss {loss}", "test loss {a} loss {b}"], "test loss 1 loss 2", {"loss": 2, "a": 1, "b": 2}, 1),
    ],
)
def test_a_number_belongs_to_the_template_that_says_more(
    templates: list[str], line: str, fields: dict[str, Any], step: int
) -> None:
    for order in (templates, templates[::-1]):
        found = TemplateParser(order).parse(line.encode())
        assert found is not None
        assert found == (fields, step)


def test_templates_of_other_parsers_take_their_numbers_too() -> None:
    assert TemplateParser([LOSS], beside=[LOSS, TEST]).parse(b"test loss: 2.5") is None
    assert TemplateParser([LOSS], beside=[LOSS, TEST]).parse(b"loss: 2.5") == ({"loss": 2.5}, 1)


def test_what_does_not_count_takes_no_step() -> None:
    parser = TemplateParser([LOSS, TEST])
    lines = [b"loss: 3", b"test loss: 9", b"loss: 2", b"loss: 1", b"test loss: 8"]
    assert [parser.parse(line) for line in lines] == [
        ({"loss": 3}, 1),
        ({"test_loss": 9}, 1),
        ({"loss": 2}, 2),
        ({"loss": 1}, 3),
        ({"test_loss": 8}, 2),
    ]
