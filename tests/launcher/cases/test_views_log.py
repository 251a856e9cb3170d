"""The log of an experiment: each line of the launcher's begins a line, steps come once and in order, the trace last."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.sinks.text_log import TextLog
from tests.launcher.conftest import Workplace

BAR = "\\r 40%|####      | 4/10 [00:01<00:02, 10.0it/s]"


def test_22_step_lines_begin_a_line_behind_a_progress_bar(place: Workplace) -> None:
    (place.folder / "bar.py").write_text(
        "import sys\n"
        "def run(config: dict, run):\n"
        "    for step in range(1, 31):\n"
        f"        print({BAR!r}, end='', file=sys.stderr, flush=True)\n"
        "        run.log(step, loss=1.0 / step)\n"
    )
    place.job('[sweep]\ntarget = "bar:run"\npreload = []\nmetrics = []\n[experiments]\na = {}\n')
    assert place.launch("job.toml", "--devices", "cpu").code == 0
    lines = place.log("a").split("\n")
    assert [line.split()[1] for line in lines if line.startswith("step ")] == [str(step) for step in range(1, 31)]
    assert any(line.startswith("=== a done") for line in lines)


@pytest.mark.parametrize("is_old", [False, True], ids=["own lines", "behind bars"])
def test_22_a_log_is_completed_without_repeating_a_step(tmp_path: Path, is_old: bool) -> None:
    path = tmp_path / "a.log"
    steps = [{"n": n, "attempt": 2, "at_s": n, "step": n, "loss": 0.5} for n in range(1, 8)]
    path.write_text("=== a, attempt 1 ===\n" + "".join(f"step {n} loss 0.5000\n" for n in range(1, 8)))
    with path.open("a") as file:
        file.write("=== a, attempt 2 ===\n")
        file.write("".join(f"{BAR}{'' if is_old else chr(10)}step {n} loss 0.5000\n" for n in range(1, 5)))
        file.write(f"{BAR}0step 6 of something else\n{BAR}")
    log = TextLog(path)
    log.catch_up(steps)
    log.ending("a interrupted")
    log.close()
    added = path.read_text().rpartition(BAR)[2]
    assert added == "\nstep 5 loss 0.5000\nstep 6 loss 0.5000\nstep 7 loss 0.5000\n=== a interrupted ===\n"


def test_d6_the_trace_stands_behind_all_steps_and_is_shown_with_its_head(place: Workplace) -> None:
    (place.folder / "fails.py").write_text(
        "import sys\n"
        "def run(config: dict, run):\n"
        "    for step in range(1, 201):\n"
        "        run.log(step, loss=1.0 / step)\n"
        "    print('the last words', end='')\n"
        "    raise ValueError('no more')\n"
    )
    place.job('[sweep]\ntarget = "fails:run"\npreload = []\nmetrics = []\n[experiments]\na = {}\n')
    result = place.launch("job.toml", "--devices", "cpu")
    assert result.code == 1
    log = place.log("a")
    end = log.index("step 200 loss")
    assert log.count("Traceback (most recent call last):") == 1
    assert (
        end < log.index("Traceback (most recent call last):") < log.index("ValueError: no more") < log.index("=== a f")
    )
    shown = [line for line in result.err.splitlines() if line.startswith("  | ")]
    assert shown[-4:] == [
        "  | Traceback (most recent call last):",
        f'  |   File "{place.folder}/fails.py", line 6, in run',
        "  |     raise ValueError('no more')",
        "  | ValueError: no more",
    ]


def test_d6_a_trace_that_no_launcher_lived_to_write_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("=== a, attempt 1 ===\nstep 1 loss 0.5000\n")
    end = {
        "n": 2,
        "attempt": 1,
        "at_s": 2,
        "kind": "end",
        "ending": "failed",
        "trace": "Traceback:\n  x\nValueError: y\n",
    }
    records = [{"n": 1, "attempt": 1, "at_s": 1, "step": 1, "loss": 0.5}, end]
    for _ in range(2):
        log = TextLog(path)
        log.catch_up(records)
        log.close()
        assert path.read_text().endswith("step 1 loss 0.5000\nTraceback:\n  x\nValueError: y\n")
