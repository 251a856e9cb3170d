"""`try-log`: what templates find in an output, and what is suggested for the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launcher.cli import app
from tests.launcher.sources.event_files import event, scalar, version

PRINTED = """number of parameters: 10.65M
step 0: train loss 4.1, val loss 4.2
iter 0: loss 4.25, time 31.42ms
iter 10: loss 4.0, time 31.42ms\r\n iter 20: loss 3.5, time 31.42ms
step 20: train loss 3.1, val loss 3.2
"""


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        app.main(["try-log", *arguments])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    return printed.out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        app.main(["try-log", *arguments])
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.log").write_text(PRINTED)
    return tmp_path


def test_an_output_alone_gets_templates_to_paste(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "train.log")
    assert text.startswith("train.log: 6 lines\n")
    assert "  line 3, and 2 more like it: iter 0: loss 4.25, time 31.42ms\n" in text
    assert "    finds 3: steps 0 to 20\n      loss  4.2500 at step 0, 3.5000 at step 20\n" in text
    val = "step {step}: train loss {train_loss}, val loss {val_loss}"
    assert text.endswith(f'log = [\n    "iter {{step}}: loss {{loss}}",\n    "{val}",\n]\n')


def job_with(log: str) -> str:
    return f'[sweep]\ncommand = ["{{python}}", "train.py"]\nlog = {log}\n[experiments]\na = {{}}\n'


def test_the_templates_of_a_job_are_tried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    templates = [
        "iter {step}: loss {loss}, time {}ms",
        "step {step}: train loss {}, valid loss {val_loss}",
        "acc {acc}",
    ]
    (folder / "job.toml").write_text(job_with(json.dumps(templates)))
    for arguments in (("job.toml", "train.log"), ("train.log", "job.toml")):
        text = shown(capsys, *arguments)
        assert '  "iter {step}: loss {loss}, time {}ms"\n    finds 3: steps 0 to 20\n' in text
        assert 'finds nothing. "train" stands in line 2: step 0: train loss 4.1, val loss 4.2\n' in text
        assert '  "acc {acc}"\n    finds nothing: "acc" stands in no line\n' in text
        assert "Lines that look like metrics and match no template:" in text
        assert '    "acc {acc}",\n    "step {step}: train loss {train_loss}, val loss {val_loss}",\n]\n' in text


def test_json_lines_are_recognised(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "train.log").write_text('start\n{"step": 1, "loss": 0.5}\n{"step": 2, "loss": NaN}\n')
    text = shown(capsys, "train.log")
    assert '  log = "json"\n    finds 2: steps 1 to 2\n      loss  0.5000 at step 1, nan at step 2\n' in text


def test_event_files_and_tables_are_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "events.out.tfevents.1").write_bytes(version() + event(3, [scalar("train/loss", 0.5)]))
    (folder / "metrics.csv").write_text("step,loss\n1,0.5\n2,0.25\n")
    assert "train_loss  0.5000 at step 3\n" in shown(capsys, "events.out.tfevents.1")
    assert "loss  0.5000 at step 1, 0.2500 at step 2\n" in shown(capsys, "metrics.csv")


def test_a_job_that_expects_json_is_told_that_there_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "job.toml").write_text(job_with('"json"'))
    assert "finds nothing: no line is a JSON object with a number" in shown(capsys, "job.toml", "train.log")


def test_a_template_that_is_of_no_use_is_told_as_for_a_launch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "job.toml").write_text(job_with('["loss {loss:.4f}", "step {step}"]'))
    message = refused(capsys, "job.toml", "train.log")
    assert "Did you mean {loss}?" in message
    assert "it has only a step" in message


def test_an_output_without_metrics_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "train.log").write_text("hello\n\x1b[31mred\x1b[0m\n\x00\n")
    assert "No line looks like metrics" in shown(capsys, "train.log")


def test_what_a_script_prints_does_nothing_to_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "train.log").write_bytes(b"step 1 \x07\x1bP loss: 0.5 \xff\n" * 2)
    text = shown(capsys, "train.log")
    assert "loss  0.5000" in text
    assert text.isascii() or "\x1b" not in text
    assert "\x07" not in text


def test_wrong_input_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "missing.log cannot be read: there is no such file" in refused(capsys, "missing.log")
    assert "it is not a file" in refused(capsys, ".")
    assert "missing.toml" in refused(capsys, "missing.toml", "train.log")
    assert "takes a job file and an output" in refused(capsys, "a", "b", "c")
    refused(capsys)
