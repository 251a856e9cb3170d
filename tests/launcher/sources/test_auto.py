"""`log = "auto"`: takes what looks like metrics, says the template, and stops to look."""

from __future__ import annotations

from pathlib import Path

from launcher.sources.auto import MOST_LINES, AutoParser
from launcher.sources.follow import Sources
from launcher.sources.source import SourceSpec
from launcher.sources.template_parser import TemplateParser

LINES = [
    b"number of parameters: 10.65M",
    b"step 0: train loss 4.1, val loss 4.2",
    b"iter 0: loss 4.2, time 31.42ms",
    b"Test set: Average loss: 0.05",
    b"iter 1: loss nan, time 31.42ms",
    b"iter 2: loss 4e-05, time 1.42ms, mfu 3.2%",
    b'{"step": 3, "loss": 0.5}',
    b"   {'loss': 0.5, 'epoch': 0.1}",
    b"Epoch 1/3",
    b"iter 3: loss 1.5, time 31.42ms",
]


def test_metrics_are_taken_and_told_once_as_the_template_to_write() -> None:
    parser = AutoParser()
    found = [(line, each) for line in LINES if (each := parser.parse(line)) is not None]
    assert [line for line, _ in found] == [line for line in LINES if b"Test set" not in line and line[:1] not in b"nE"]
    assert found[0][1] == ({"train_loss": 4.1, "val_loss": 4.2}, 0)
    assert found[-1][1] == ({"loss": 1.5}, 3)
    assert [note.partition("log = ")[2] for note in parser.notes] == [
        '["step {step}: train loss {train_loss}, val loss {val_loss}"]',
        '["iter {step}: loss {loss}"]',
        '["iter {step}: loss {loss}, time {}ms, mfu {mfu}"]',
        '"json"',
        "[\"'loss': {loss}, 'epoch': {epoch}\"]",
    ]


def test_the_templates_that_are_told_find_the_same() -> None:
    parser = AutoParser()
    lines = [line for line in LINES if not line.startswith(b"{")]
    found = [str(parser.parse(line)) for line in lines]
    pasted = TemplateParser(list(parser.templates))
    assert [str(pasted.parse(line)) for line in lines] == found


def test_without_metrics_it_stops_after_so_many_lines_and_says_it() -> None:
    parser = AutoParser()
    for _ in range(MOST_LINES):
        assert parser.parse(b"epoch of silence") is None
    assert "try-log" in parser.notes[0]
    assert parser.parse(LINES[1]) is None


def test_what_was_found_is_still_taken_after_a_long_silence() -> None:
    parser = AutoParser()
    assert parser.parse(LINES[2]) is not None
    for _ in range(MOST_LINES):
        parser.parse(b"nothing")
    assert parser.parse(b"iter 7: loss 1.0, time 3.5ms") == ({"loss": 1.0}, 7)
    assert parser.parse(LINES[1]) is None, "no new template is made"
    assert len(parser.notes) == 1


def test_reading_again_gives_the_same(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    sources = Sources([SourceSpec(kind="auto", path=str(log))])
    found = []
    for line in [*LINES, *[b"nothing"] * (MOST_LINES + 5), *LINES]:
        with log.open("ab") as file:
            file.write(line + b"\r\n")
        found += sources.poll()
    assert str(found) == str(Sources([SourceSpec(kind="auto", path=str(log))]).poll(is_final=True))
    assert len(sources.take_notes()) == 6, "five templates, and a step that went back"


def test_a_bar_of_any_length_is_the_same_template() -> None:
    parser = AutoParser()
    for step in range(20):
        bar = "━" * step + "─" * (20 - step)
        line = f"{step}/20 {bar} 0s 3ms/step - loss: 0.{step}"
        assert parser.parse(line.encode()) == ({"loss": float(f"0.{step}")}, step + 1)
    assert len(parser.templates) == 1


def test_lines_of_two_kinds_with_the_same_metric_never_write_over_each_other() -> None:
    """As Keras prints: each update of its bar, and at the end of an epoch a line with more metrics."""
    lines = []
    for epoch in (3, 2, 1):
        lines += [f"{batch}/2 0s 3ms/step - acc: 0.5 - loss: {epoch}.{batch}" for batch in (2, 1)]
        lines += [f"2/2 1s 3ms/step - acc: 0.5 - loss: {epoch}.0 - val_acc: 0.5 - val_loss: {epoch}.5"]
    expected = [3.2, 3.1, 3.0, 2.2, 2.1, 2.0, 1.2, 1.1, 1.0]
    parser = AutoParser(after_step=4)
    assert [found[1] for line in lines if (found := parser.parse(line.encode()))] == list(range(5, 14))
    for using in (AutoParser(), TemplateParser(list(parser.templates)), TemplateParser(list(parser.templates)[::-1])):
        losses = {found[1]: found[0]["loss"] for line in lines if (found := using.parse(line.encode()))}
        assert losses == dict(enumerate(expected, start=1))


def test_the_name_of_a_metric_does_not_depend_on_other_lines() -> None:
    """An attempt that goes on may print another line first, and its metrics are to be those of the attempt before."""
    lines = [b"step 3 loss: 3.0", b"Epoch 1 average loss: 2.5"]
    for order in (lines, lines[::-1]):
        parser = AutoParser()
        assert [set(found[0]) - {"epoch"} for line in order if (found := parser.parse(line))] == [{"loss"}, {"loss"}]


def test_lines_that_have_no_metric_in_common_are_counted_for_themselves() -> None:
    lines = [b"epoch 1 train_loss: 3 time: 9", b"epoch 1 val_loss: 4 time: 8", b"epoch 2 train_loss: 2 time: 9"]
    parser = AutoParser()
    assert [found[1] for line in lines if (found := parser.parse(line))] == [1, 1, 2]


def test_a_line_without_a_step_comes_after_the_steps_that_its_metric_has() -> None:
    lines = [b"step 10 loss: 3.0", b"step 20 loss: 2.0", b"end of epoch loss: 1.0", b"step 30 loss: 0.5"]
    for parser in (AutoParser(), TemplateParser(["epoch loss: {loss}", "step {step} loss: {loss}"])):
        assert [found[1] for line in lines if (found := parser.parse(line))] == [10, 20, 21, 30]
