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
