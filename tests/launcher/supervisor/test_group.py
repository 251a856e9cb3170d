"""Supervisors as processes, with toy targets: what they leave in the folder, and how they end."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess

import pytest

from launcher.store.batches import withdraw
from launcher.store.claims import Claim, ask_to_stop, claim
from launcher.store.cluster_paths import ClusterPaths
from tests.launcher.conftest import marked, wait_for
from tests.launcher.supervisor.sweep import ToySweep, finish, steps_of, wait_for_step


def test_an_attempt_is_trained_and_its_end_written(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=3))
    sweep.batch(("a", 1))
    code, out = sweep.run()
    assert code == 0, out
    assert sweep.history().end["ending"] == "done"
    assert steps_of(sweep.paths.of_attempt(1).records("a")) == [1, 2, 3]
    assert not sweep.paths.records("a").exists(), "an attempt on a cluster has own files"
    ended = sweep.ended()
    assert (ended.code, ended.signal, ended.asked) == (0, None, "")
    assert not sweep.beats(), "the beat goes when the end is there"
    assert "step 3" in sweep.log()
    assert "=== a done, 3 steps" in sweep.log()
    assert sweep.run()[0] == 0, "an experiment that is done is not run again"
    assert sweep.files().claims == {1}


def test_a_failed_attempt_says_so_and_is_not_run_again(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=3, act="raise", at=2))
    sweep.batch(("a", 1))
    code, out = sweep.run(LAUNCHER_TICKET="17")
    assert code == 1, out
    ended = sweep.ended()
    assert (ended.code, ended.asked) == (1, "")
    assert "told to fail" in sweep.log()
    code, out = sweep.run(LAUNCHER_TICKET="17")
    assert code == 75, "after a crash of its controller a cluster runs jobs again that had ended"
    assert sweep.files().claims == {1}


def test_a_stop_saves_and_ends(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=2000, step_s=0.01))
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for_step(sweep, 3)
    beat = wait_for(lambda: next((beat for beat in sweep.beats().values() if beat.phase == "trains"), None))
    assert beat.num_bytes > 0
    os.kill(process.pid, signal.SIGCONT)  # as `scancel` sends it with SIGTERM
    os.kill(process.pid, signal.SIGTERM)
    code, out = finish(process)
    assert code == 1, out
    ended = sweep.ended()
    assert ended.asked == "stop"
    assert not ended.was_forced
    assert sweep.history().end["ending"] == "interrupted"


def test_a_second_stop_kills(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=2000, step_s=0.01, act="ignore"), grace_s=60.0)
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for_step(sweep, 1)
    os.kill(process.pid, signal.SIGTERM)
    wait_for(lambda: any(beat.phase == "ends" for beat in sweep.beats().values()))
    os.kill(process.pid, signal.SIGTERM)
    assert finish(process)[0] == 1
    ended = sweep.ended()
    assert (ended.signal, ended.asked, ended.was_forced) == ("SIGKILL", "stop", True)


def test_a_worker_that_does_not_save_in_time_is_killed(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=2000, step_s=0.01, act="ignore"), grace_s=0.3)
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for_step(sweep, 1)
    os.kill(process.pid, signal.SIGTERM)
    assert finish(process)[0] == 1
    assert sweep.ended().was_forced


def test_an_order_that_is_gone_was_withdrawn(sweep: ToySweep) -> None:
    sweep.batch(("a", 1))
    assert sweep.run()[0] == 75
    assert sweep.run("other")[0] == 75
    assert sweep.run("b1", 7)[0] == 75
    sweep.order(sweep.spec())
    sweep.batch(("a", 1))
    withdraw(ClusterPaths(sweep.paths.outcome).batches, {"a"})
    assert sweep.run()[0] == 75
    assert not sweep.files().claims


def test_a_late_starter_leaves_the_attempt_to_its_owner(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=3))
    sweep.batch(("a", 1))
    claim(sweep.files().folder, 1, Claim.of_this_process("another"))
    code, out = sweep.run(LAUNCHER_TICKET="mine")
    assert code == 75, out
    assert not sweep.paths.of_attempt(1).records("a").exists()


def test_of_two_that_start_at_once_one_trains(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=3))
    sweep.batch(("a", 1))
    processes = [sweep.start() for _ in range(3)]
    codes = sorted(finish(process)[0] for process in processes)
    assert codes in ([0, 75, 75], [0, 0, 75], [0, 0, 0]), "0 where the other was done already"
    assert steps_of(sweep.paths.of_attempt(1).records("a")) == [1, 2, 3]


@pytest.mark.parametrize("is_gone", [False, True])
def test_an_attempt_that_counts_no_more_ends_its_worker(sweep: ToySweep, is_gone: bool) -> None:
    sweep.order(sweep.spec(steps=5000, step_s=0.01))
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for_step(sweep, 2)
    if is_gone:
        (sweep.files().folder / "1.claim").unlink()
    else:
        (sweep.files().folder / "2.claim").write_text('{"nonce": "x"}')
    code, out = finish(process)
    assert code == 75, out
    assert "counts no more" in out
    assert not sweep.beats()
    assert "===" not in sweep.log().splitlines()[-1], "nothing is written about an end that is not its own"
    if is_gone:
        assert not sweep.files().ends
    else:
        assert sweep.ended().asked == "superseded"


@pytest.mark.slow
def test_a_job_that_the_cluster_runs_again_is_a_further_attempt(sweep: ToySweep) -> None:
    numbers = dict(sweep.reference(steps=30))
    sweep.order(sweep.spec(steps=30, step_s=0.02, act="checkpoint"))
    sweep.batch(("a", 1))
    process = sweep.start(SLURM_JOB_ID="17", SLURM_ARRAY_TASK_ID="3")
    wait_for_step(sweep, 8)
    process.kill()
    process.wait()
    wait_for(lambda: not marked(sweep.mark))  # no worker outlives its supervisor
    assert sweep.files().ends == frozenset()
    own = sweep.paths.of_attempt(1).records("a")
    with own.open("ab") as file:
        file.write(b'{"n": 1000, "attempt": 1, "at_s"')  # torn, as by the death of a node
    code, out = sweep.run(SLURM_JOB_ID="17", SLURM_ARRAY_TASK_ID="3", SLURM_RESTART_COUNT="1")
    assert code == 0, out
    assert sweep.files().claims == {1, 2}
    history = sweep.history()
    assert history.attempt == 2
    assert history.resumed_from >= 7, "it may have been killed while it saved step 8"
    assert {step: record["loss"] for step, record in history.steps.items()} == numbers, "each step once"
    before = sweep.paths.of_attempt(2).records("a").read_bytes()
    with own.open("ab") as file:  # a zombie on a node that was cut off
        file.write(b'}\n{"n": 1001, "attempt": 1, "at_s": 9.0, "step": 9, "loss": 0.0}\n')
    assert sweep.paths.of_attempt(2).records("a").read_bytes() == before
    assert "attempt 2 ===" in sweep.log()
    assert not list(sweep.paths.checkpoints_folder.glob("*")), "a done experiment needs no checkpoints"


@pytest.mark.slow  # three workers import torch
def test_time_limits_lead_to_one_attempt_after_another(sweep: ToySweep) -> None:
    numbers = dict(sweep.reference(steps=40))
    sweep.order(sweep.spec(steps=40, step_s=0.03, act="checkpoint"), submits_successor=True)
    sweep.batch(("a", 1))
    process = sweep.start(LAUNCHER_RESUBMIT='["echo", "18"]', SLURM_JOB_ID="17")
    wait_for_step(sweep, 4)
    os.kill(process.pid, signal.SIGUSR1)
    code, out = finish(process)
    assert code == 1, out
    assert (sweep.ended().asked, sweep.ended().successor, sweep.ended().verdict) == ("limit", "18", "")
    assert sweep.files().open_attempt == 2, "until the job that goes on begins, the experiment waits"
    process = sweep.start(LAUNCHER_RESUBMIT='["false"]', SLURM_JOB_ID="18")
    wait_for_step(sweep, 12, attempt=2)
    os.kill(process.pid, signal.SIGUSR1)
    code, out = finish(process)
    assert "no job goes on" in out
    assert (sweep.ended(2).asked, sweep.ended(2).successor, sweep.files().open_attempt) == ("limit", "", 0)
    assert sweep.run(SLURM_JOB_ID="19")[0] == 0
    assert {step: record["loss"] for step, record in sweep.history().steps.items()} == numbers
    assert sweep.history().attempt == 3


def test_without_a_checkpoint_between_two_time_limits_no_job_goes_on(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=5000, step_s=0.01), submits_successor=True)
    sweep.batch(("a", 1))
    marker = sweep.folder / "submitted"
    for attempt in (1, 2):
        process = sweep.start(LAUNCHER_RESUBMIT=f'["sh", "-c", "echo x >> {marker}; echo 18"]')
        wait_for_step(sweep, 3, attempt=attempt)
        wait_for(lambda number=attempt: ("a", number) in sweep.beats())
        os.kill(process.pid, signal.SIGUSR1)
        assert finish(process)[0] == 1
    assert sweep.ended(1).verdict == ""
    assert sweep.ended(2).verdict.startswith("no checkpoint between two time limits")
    assert marker.read_text() == "x\n"
    assert sweep.run()[0] == 75


def test_a_failure_near_the_time_limit_is_a_failure(sweep: ToySweep) -> None:
    (sweep.folder / "fails.py").write_text(
        "import time\n"
        "def train(config: dict, run):\n"
        "    for step in range(1, 10_000):\n"
        "        run.log(step, loss=1.0)\n"
        "        time.sleep(0.01)\n"
        "        if run.should_stop:\n"
        "            raise OSError('the data are gone')\n"
    )
    sweep.order(sweep.spec(target="fails:train", folder=sweep.folder), submits_successor=True)
    sweep.batch(("a", 1))
    process = sweep.start(LAUNCHER_RESUBMIT='["echo", "18"]')
    wait_for_step(sweep, 2)
    os.kill(process.pid, signal.SIGUSR1)
    code, out = finish(process)
    assert code == 1, out
    assert (sweep.ended().asked, sweep.ended().successor) == ("", "")
    assert sweep.run()[0] == 75, "no job goes on with it"


@pytest.mark.slow
def test_a_group_has_one_supervisor_and_each_its_own_end(sweep: ToySweep) -> None:
    sweep.order(sweep.spec("a", steps=3))
    sweep.order(sweep.spec("b", steps=3, act="raise", at=2))
    sweep.order(sweep.spec("c", attempt=2, steps=300, step_s=0.01))
    sweep.order(sweep.spec("d", steps=3))
    sweep.batch(("a", 1), ("b", 1), ("c", 2), ("d", 1))
    claim(sweep.files("d").folder, 1, Claim.of_this_process())
    code, out = sweep.run()
    assert code == 1, out
    assert sweep.ended(1, "a").code == 0
    assert sweep.ended(1, "b").code == 1
    assert sweep.ended(2, "c").code == 0
    assert not sweep.files("d").ends
    assert sweep.history("c").num_steps == 300


def test_a_record_file_that_is_removed_is_the_reason_of_the_ending(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=200, step_s=0.01))
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for_step(sweep, 3)
    sweep.paths.of_attempt(1).records("a").unlink()
    code, out = finish(process)
    assert code == 1, out
    assert sweep.ended().verdict == "its record file was removed while it ran"


def test_one_of_a_group_is_asked_to_end_and_the_others_train_on(sweep: ToySweep) -> None:
    sweep.order(sweep.spec("a", steps=100_000, step_s=0.01, act="checkpoint"), beat_s=0.2)
    sweep.order(sweep.spec("b", steps=300, step_s=0.01), beat_s=0.2)
    sweep.batch(("a", 1), ("b", 1))
    process = sweep.start()
    for name in "ab":
        wait_for_step(sweep, 3, experiment=name)
    ask_to_stop(sweep.files())
    _, out = finish(process)
    assert (sweep.ended().asked, sweep.history().end["ending"]) == ("stop", "interrupted"), out
    assert sweep.ended(experiment="b").asked == ""
    assert sweep.history("b").end["ending"] == "done"


def test_a_node_that_differs_runs_nothing(sweep: ToySweep) -> None:
    spec = sweep.spec(steps=3)
    sweep.order(spec, code={"torch": "1.0", "target": "0" * 64})
    sweep.batch(("a", 1))
    code, out = sweep.run()
    assert code == 1, out
    assert "torch is 2" in sweep.ended().refused
    assert "the target's module" in sweep.ended().refused
    assert sweep.run()[0] == 75, "the launcher decides whether to try again"
    assert sweep.files().claims == {1}
    assert not sweep.beats()


def test_a_file_that_holds_no_order_is_told(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=3))
    sweep.batch(("a", 1))
    orders = ClusterPaths(sweep.paths.outcome).batch("b1").with_suffix(".orders")
    orders.write_bytes(b'{"spec": {}}'.ljust(orders.stat().st_size))
    assert sweep.run()[0] == 1
    assert "spec.experiment is missing" in sweep.ended().refused


def test_gpus_that_the_cluster_does_not_show_are_missed_by_name(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=3), gpus=1)
    sweep.batch(("a", 1))
    code, out = sweep.run(SLURMD_NODENAME="n7", CUDA_VISIBLE_DEVICES="")
    assert code == 1, out
    assert sweep.ended().node == "n7"
    assert "shows 0 GPUs" in sweep.ended().refused
    assert not sweep.beats()


@pytest.mark.slow
def test_data_is_prepared_before_the_worker_starts(sweep: ToySweep) -> None:
    (sweep.folder / "prepared.py").write_text(
        "import time, pathlib\n"
        "def prepare(config: dict):\n"
        "    time.sleep(0.5)\n"
        "    if config.get('bad'): raise ValueError('the data is missing')\n"
        f"    pathlib.Path({str(sweep.folder / 'data')!r}).write_text('x')\n"
        "def train(config: dict, run):\n"
        f"    run.log(1, loss=len(pathlib.Path({str(sweep.folder / 'data')!r}).read_text()))\n"
    )
    for name, config in (("a", {}), ("b", {"bad": True})):
        spec = sweep.spec(name, target="prepared:train", folder=sweep.folder, **config)
        sweep.order(spec, prepares=True)
        sweep.batch((name, 1), name=name)
    process = sweep.start("a")
    wait_for(lambda: any(beat.phase == "prepares" for beat in sweep.beats().values()))
    assert finish(process)[0] == 0
    assert sweep.history().num_steps == 1
    code, out = sweep.run("b")
    assert code == 1, out
    assert "the data is missing" in sweep.ended(1, "b").refused
    assert not sweep.paths.of_attempt(1).records("b").exists()


def test_a_stop_before_the_worker_starts_is_an_end(sweep: ToySweep) -> None:
    (sweep.folder / "slow.py").write_text(
        "import time\ndef prepare(config: dict):\n    time.sleep(300)\ndef train(config: dict, run):\n    pass\n"
    )
    sweep.order(sweep.spec(target="slow:train", folder=sweep.folder), prepares=True)
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for(lambda: any(beat.phase == "prepares" for beat in sweep.beats().values()))
    os.kill(process.pid, signal.SIGTERM)
    assert finish(process)[0] == 1
    assert (sweep.ended().asked, sweep.ended().code) == ("stop", None)


@pytest.mark.slow
def test_signs_of_life_that_cannot_be_given_end_no_training(sweep: ToySweep) -> None:
    sweep.order(sweep.spec(steps=100, step_s=0.02))
    sweep.batch(("a", 1))
    beats = sweep.paths.outcome / "beats"
    beats.write_text("no folder")
    process = sweep.start()
    wait_for_step(sweep, 1)
    end = sweep.files().path(1, "end")
    end.mkdir()
    wait_for(lambda: "=== a done" in sweep.log())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    end.rmdir()
    code, out = finish(process)
    assert code == 0, out
    assert out.count("no sign of life") == 2, "from the claim, and from the beats: once each"
    assert out.count("its end cannot be written") == 1
    assert sweep.ended().code == 0


@pytest.mark.slow  # a run of the supervisor for each kill
@pytest.mark.timeout(400)
def test_kill_and_run_again_until_done(sweep: ToySweep) -> None:
    """The supervisor of two experiments is killed at random moments; each of its runs is another attempt."""
    moments = random.Random(7)
    numbers = dict(sweep.reference(steps=25))
    for name in "ab":
        sweep.order(sweep.spec(name, steps=25, step_s=0.02, act="checkpoint"))
    sweep.batch(("a", 1), ("b", 1))
    for number in range(60):
        process = sweep.start(SLURM_JOB_ID="17", SLURM_RESTART_COUNT=str(number))
        if number % 3 == 0:  # early: it may not even have claimed
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0.1, 1.5))
        else:
            reached = sweep.history().last_step + moments.randrange(2, 8)
            wait_for(lambda run=process, step=reached: run.poll() is not None or sweep.history().last_step >= step)
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        wait_for(lambda: not marked(sweep.mark))
    assert number > 3
    assert process.returncode == 0
    for name in "ab":
        history = sweep.history(name)
        assert history.end["ending"] == "done"
        assert {step: record["loss"] for step, record in history.steps.items()} == numbers, "each step once"
    for path in [*sweep.paths.outcome.rglob("*.tmp")]:  # of those that were killed in the middle of a file
        shutil.rmtree(path) if path.is_dir() else path.unlink()
