"""`init`: a first job file for a script."""

from __future__ import annotations

import tomllib

from tests.launcher.conftest import Workplace

SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--out-dir", default="runs")
args = parser.parse_args()
open("trained", "w").close()
"""


def test_init_writes_a_job_file_from_what_the_parser_says(place: Workplace) -> None:
    (place.folder / "train.py").write_text(SCRIPT)
    (place.folder / "old.log").write_text("step 1: loss 0.5\nstep 2: loss 0.25\n")
    done = place.launch("init", "train.py", "--log", "old.log")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "jobs/train.toml is written: 2 options of train.py.\nWhat would run: python -m launcher plan jobs/train.toml\n"
    )
    made = tomllib.loads((place.folder / "jobs" / "train.toml").read_text())
    assert made["sweep"] == {
        "command": ["{python}", "train.py", "{args}"],
        "log": ["step {step}: loss {loss}"],
        "metrics": ["loss"],
    }
    assert made["config"] == {"out-dir": "{dir}"}
    assert place.launch("plan", "jobs/train.toml").code == 0, "it is right as it is"
    assert not (place.folder / "trained").exists()


def test_init_gives_a_script_without_a_parser_values_for_its_settings(place: Workplace) -> None:
    (place.folder / "plain.py").write_text("lr = 0.1\nopen('trained', 'w').write(str(lr))\n")
    assert place.launch("init", "plain.py", "--out", "plain.toml").code == 0
    job = place.folder / "plain.toml"
    assert place.launch("plan", "plain.toml").code == 0
    job.write_text(job.read_text().replace("baseline = {}", "baseline = { lr = 0.5 }"))
    assert place.launch("plain.toml", "--devices", "cpu").code == 0
    assert (place.folder / "trained").read_text() == "0.5"


def test_init_replaces_no_file(place: Workplace) -> None:
    (place.folder / "train.py").write_text(SCRIPT)
    (place.folder / "mine.toml").write_text("mine")
    done = place.launch("init", "train.py", "--out", "mine.toml")
    assert done.code == 2
    assert "mine.toml is there already, and is not replaced" in done.err
    assert (place.folder / "mine.toml").read_text() == "mine"


def test_init_tells_what_is_wrong_with_a_script(place: Workplace) -> None:
    (place.folder / "train.py").write_text(SCRIPT)
    done = place.launch("init", "trian.py")
    assert done.code == 2
    assert "there is no script trian.py in" in done.err
    assert 'Did you mean "train.py"?' in done.err
    done = place.launch("init", "train.py", "--", "--lr", "high")
    assert done.code == 2
    assert "train.py refuses its arguments: argument --lr: invalid float value: 'high'" in done.err
    done = place.launch("init", "train.py", "--log", "none.log")
    assert "cannot read the log none.log: No such file" in done.err
    assert not (place.folder / "jobs").exists()


def test_init_names_what_the_script_requires(place: Workplace) -> None:
    (place.folder / "train.py").write_text(SCRIPT.replace("args =", "parser.add_argument('data')\nargs ="))
    assert "Set first what the script requires: data\n" in place.launch("init", "train.py").out
    done = place.launch("init", "train.py", "--out", "b.toml", "--", "words.txt")
    assert "requires" not in done.out
    made = tomllib.loads((place.folder / "b.toml").read_text())
    assert made["sweep"]["command"] == ["{python}", "train.py", "words.txt", "{args}"]


def test_init_tells_a_command_that_a_shell_takes_and_a_note_line_by_line(place: Workplace) -> None:
    (place.folder / "my train.py").write_text(SCRIPT.replace("args =", "raise SystemExit('no GPU here')\nargs ="))
    done = place.launch("init", "my train.py")
    assert done.code == 0
    assert "What would run: python -m launcher plan 'jobs/my train.toml'\n" in done.out
    assert "plan 'jobs/my train.toml'\n" in (place.folder / "jobs" / "my train.toml").read_text()
    assert "\n    no GPU here\n" in done.err
