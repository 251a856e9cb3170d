"""A trial of templates: what each finds, and what is suggested for other lines."""

from __future__ import annotations

from launcher.sources.lines import Lines
from launcher.sources.trial import MOST_SUGGESTED, Trial


def tried(text: str, *templates: str) -> Trial:
    trial, lines = Trial(templates), Lines()
    trial.feed([*lines.split(text.encode()), *lines.finish()])
    return trial


def test_each_template_is_counted_for_itself() -> None:
    trial = tried("at 1 loss 3 acc 0.5\nat 2 loss 2\n", "at {step} loss {loss}", "acc {acc}", "lr {lr}")
    first, second, third = trial.tallies.values()
    assert (first.num, first.first_step, first.last_step) == (2, 1, 2)
    assert (first.firsts, first.lasts) == ({"loss": (1, 3)}, {"loss": (2, 2)})
    assert (second.num, second.firsts) == (1, {"acc": (1, 0.5)})
    assert third.num == 0
    assert trial.suggested() == []


def test_lines_that_match_no_template_are_grouped_by_what_is_suggested() -> None:
    text = (
        "".join(f"step {step} loss: {step}.5\n" for step in range(5))
        + "epoch 1 acc: 0.5\nlr: 0.1\nreward: 3\nreward: 4\n"
    )
    assert [(each.template, each.num, each.line_number) for each in tried(text).suggested()] == [
        ("step {step} loss: {loss}", 5, 1),
        ("reward: {reward}", 2, 8),
        ("epoch {epoch} acc: {acc}", 1, 6),
    ]


def test_suggestions_are_bounded() -> None:
    text = "".join(f"step 1 {'x' * number}: {number}.5\n" for number in range(1, 60))
    assert len(tried(text).suggested()) == MOST_SUGGESTED


def test_json_objects_are_counted() -> None:
    trial = tried('{"step": 1, "loss": 3}\n{"step": 2}\n')
    assert (trial.json.num, trial.suggested()) == (1, [])


def test_what_is_suggested_takes_each_number_once() -> None:
    """As the quickstart of PyTorch prints, and pytorch/examples: numbers of tests are no part of a training curve."""
    text = "".join(
        f"{''.join(f'loss: {epoch}.{batch}  [{batch}/9]' + chr(10) for batch in range(5))}"
        f"Test Error: \n Accuracy: 60.0%, Avg loss: {epoch}.9 \ntest loss: 0.{epoch}\n"
        for epoch in range(3)
    )
    suggested = tried(text).suggested()
    assert [each.template for each in suggested] == [
        "loss: {loss}",
        "Accuracy: {accuracy}%, Avg loss: {avg_loss}",
        "test loss: {test_loss}",
    ]
    for order in (suggested, suggested[::-1]):
        tallies = tried(text, *(each.template for each in order)).tallies
        assert {text: tally.num for text, tally in tallies.items()} == {each.template: each.num for each in order}


def test_a_result_counts_even_if_it_stands_alone() -> None:
    text = "Test set results: loss 0.1 accuracy 0.9\nlr: 0.1\n"
    assert [each.template for each in tried(text).suggested()] == [
        "Test set results: loss {test_loss} accuracy {test_accuracy}"
    ]


def test_lines_of_a_json_object_do_not_join_the_metrics_of_others() -> None:
    text = "loss: 1.0\n" * 3 + '  "loss": 0.5,\n  "top1": 50.5\n' * 2
    assert [each.template for each in tried(text).suggested()] == ["loss: {loss}", '"top1": {top1}']
