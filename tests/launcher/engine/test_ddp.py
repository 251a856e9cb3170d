"""Several processes that train one model with torch, on CPU slots with gloo: functions and scripts."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from launcher.store.paths import Paths
from tests.launcher.conftest import TOYS, Workplace, marked, wait_for
from tests.launcher.reading import events

pytestmark = pytest.mark.slow  # each launch imports torch
pytest.importorskip("torch")


def weights(log: Path) -> str:
    return [line for line in log.read_text().splitlines() if line.startswith("weights")][-1].partition("[")[2]


def function_job(place: Workplace, config: str, experiments: str = "a = {}") -> None:
    place.job(
        '[sweep]\ntarget = "ddp:train"\ngpus = 2\ngrace_s = 20\nmetrics = []\npreload = ["torch"]\n'
        f"[config]\n{config}\n[experiments]\n{experiments}\n"
    )


def test_a_function_trains_one_model_on_two_slots(place: Workplace) -> None:
    function_job(place, "steps = 4")
    result = place.launch("job.toml", "--devices", "cpu", limit_s=300)
    assert result.code == 0, result.err
    assert list(place.history("a").steps) == [1, 2, 3, 4]
    assert weights(place.paths.log("a")) == weights(place.paths.rank_log("a", 1))


def test_the_rank_that_failed_first_is_named_though_the_other_fails_as_well(place: Workplace) -> None:
    function_job(place, "steps = 9\nbad_rank = 1")
    result = place.launch("job.toml", "--devices", "cpu", limit_s=300)
    assert result.code == 1
    [ended] = events(place, "ended")
    assert ended["why"].startswith("rank 1 of 2: ValueError: bad data on this rank (ddp.py:")
    assert not marked(place.mark)


def test_a_stop_ends_both_ranks_at_one_step_and_they_go_on_with_the_same_numbers(place: Workplace) -> None:
    function_job(place, "steps = 60\nstep_s = 0.02", "a = {}\nb = {}")
    process = place.start("job.toml", "--devices", "cpu", "--only", "a")
    wait_for(lambda: place.history("a").last_step >= 3, limit_s=300)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert weights(place.paths.log("a")) == weights(place.paths.rank_log("a", 1))
    assert not marked(place.mark)
    result = place.launch("job.toml", "--devices", "cpu", limit_s=300)
    assert result.code == 0, result.err
    assert place.history("a").resumed_from > 0
    assert list(place.history("a").steps) == list(range(1, 61))


def script_job(place: Workplace, words: list[str], settings: str = "", experiments: str = "a = {}") -> None:
    place.job(
        f"[sweep]\ncommand = {json.dumps([*words, str(TOYS / 'ddp_script.py'), '{args}'])}\n"
        f'log = ["iter {{step}}: loss {{loss}}, time {{}}ms"]\ngpus = 2\nmetrics = []\ncheck = false\n{settings}\n'
        f"[experiments]\n{experiments}\n"
    )


def test_a_script_that_torchrun_would_start_is_started_as_two_ranks(place: Workplace) -> None:
    script_job(place, ["{python}"], experiments="a = {}\nb = { bad_rank = 1, steps = 50 }")
    result = place.launch("job.toml", "--devices", "cpu", limit_s=300)
    assert result.code == 1
    assert list(place.history("a").steps) == [0, 1, 2, 3, 4]
    assert "rank 0 of 2 ends" in place.log("a")
    assert "rank 1 of 2 ends" in place.paths.rank_log("a", 1).read_text()
    why = {event["experiment"]: event["why"] for event in events(place, "ended")}
    assert why["b"].startswith("rank 1 of 2: ValueError: bad data on this rank (exit code 1)")
    assert f"Its log: {Path('logs/job/b.rank1.log')}" in result.err
    assert not marked(place.mark)


def test_a_script_that_runs_inside_the_worker_has_two_ranks_as_well(place: Workplace) -> None:
    script_job(place, ["{python}"], "inside = true")
    result = place.launch("job.toml", "--devices", "cpu", limit_s=300)
    assert result.code == 0, result.err
    assert list(place.history("a").steps) == [0, 1, 2, 3, 4]
    assert "rank 1 of 2 ends" in place.paths.rank_log("a", 1).read_text()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_no_rank_of_a_script_outlives_its_launch(place: Workplace, how: str) -> None:
    script_job(place, ["{python}"], experiments="a = { steps = 100_000, step_s = 0.01 }")
    process = place.start("job.toml", "--devices", "cpu")
    wait_for(lambda: place.history("a").last_step >= 3, limit_s=300)
    process.send_signal(signal.SIGINT if how == "stop" else signal.SIGKILL)
    process.communicate(timeout=120)
    wait_for(lambda: not marked(place.mark))
    if how == "stop":
        assert process.returncode == 130
        assert [event["ending"] for event in events(place, "ended")] == ["interrupted"]


def test_torchrun_in_a_command_starts_its_ranks_itself(place: Workplace) -> None:
    torchrun = ["{python}", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "{gpus}"]
    script_job(place, torchrun)
    result = place.launch("job.toml", "--devices", "cpu", limit_s=300)
    assert result.code == 0, result.err
    assert list(place.history("a").steps) == [0, 1, 2, 3, 4]
    assert not place.paths.rank_log("a", 1).exists()


def test_two_sweeps_with_ranks_at_once_have_ports_of_their_own(place: Workplace) -> None:
    script_job(place, ["{python}"])
    both = [place.start("job.toml", "--devices", "cpu", "--outcome", name, "--logs", name) for name in "xy"]
    for name, process in zip("xy", both, strict=True):
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert Paths(place.folder / name, place.folder / name).rank_log("a", 1).exists()
