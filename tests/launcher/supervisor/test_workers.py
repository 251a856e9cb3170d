"""What supervisors have workers of each kind: with GPUs, with processes of their own, scripts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import psutil
import pytest

from launcher.command.script import Script
from launcher.engine.attempt_ending import classify_attempt
from launcher.store.ending import EndingKind
from launcher.store.samples import read_samples
from launcher.worker.spec import Spec
from tests.launcher.conftest import Cards, Workplace, marked, wait_for
from tests.launcher.supervisor.sweep import ToySweep, finish, steps_of, wait_for_step

_LOADER = """
import time
def train(config: dict, run):
    import torch
    data = torch.utils.data.TensorDataset(torch.zeros(100_000, 1))
    for step, _ in enumerate(torch.utils.data.DataLoader(data, num_workers=2), start=1):
        run.log(step, loss=1.0 / step)
        time.sleep(0.005)
        if run.should_stop:
            return
"""


def test_the_gpus_of_a_job_are_divided_among_its_group(driver: Workplace, cards: Cards, sweep: ToySweep) -> None:
    sweep.environment = dict(driver.environment)
    for name in "ab":
        sweep.order(sweep.spec(name, steps=1, act="environment"), gpus=1)
    sweep.order(sweep.spec("c", steps=1), gpus=1)
    sweep.batch(("a", 1), ("b", 1), ("c", 1))
    code, out = sweep.run(CUDA_VISIBLE_DEVICES="1,0")
    assert code == 1, out
    seen = [sweep.history(name).info["cuda_visible_devices"] for name in "ab"]
    assert seen == ["GPU-0000-1", "GPU-0000-0"]
    assert sweep.history("a").info["device"] == "cuda"
    assert "shows 2 GPUs to this job" in sweep.ended(1, "c").refused
    assert "GPU 1" in sweep.log("a")


def test_the_end_has_the_gpu_memory_that_the_driver_counted(driver: Workplace, cards: Cards, sweep: ToySweep) -> None:
    sweep.environment = dict(driver.environment)
    sweep.order(sweep.spec("a", steps=2, barrier=str(sweep.folder / "go")), gpus=1)
    sweep.batch(("a", 1))
    process, telemetry = sweep.start(CUDA_VISIBLE_DEVICES="0"), sweep.paths.of_attempt(1).telemetry("a")
    wait_for_step(sweep, 1)
    cards.are("card 0 8192 1024", *(f"process 0 {each.pid} 1024" for each in marked(sweep.mark)))
    wait_for(lambda: any(one.gpu_memory_bytes == 1 << 30 for one in read_samples(telemetry)))
    (sweep.folder / "go").touch()
    assert finish(process)[0] == 0
    assert sweep.ended(1).peak_gpu_bytes == 1 << 30, "of the worker, not of its supervisor"


@pytest.mark.slow
def test_a_card_whose_lock_another_holds_is_used_all_the_same(driver: Workplace, cards: Cards, sweep: ToySweep) -> None:
    sweep.environment = dict(driver.environment)
    for name in "ab":
        sweep.order(sweep.spec(name, steps=400, step_s=0.01), gpus=0.5)
        sweep.batch((name, 1), name=name)
    first = sweep.start("a", CUDA_VISIBLE_DEVICES="0")
    wait_for_step(sweep, 1)
    code, out = sweep.run("b", CUDA_VISIBLE_DEVICES="0")
    assert code == 0, out
    assert "It is used all the same, because the cluster has given it." in out
    assert finish(first)[0] == 0


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.mark.slow  # imports torch, and starts loaders
def test_a_stop_that_reaches_the_loaders_first_is_no_failure(sweep: ToySweep) -> None:
    (sweep.folder / "loads.py").write_text(_LOADER)
    sweep.order(sweep.spec(target="loads:train", folder=sweep.folder))
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for_step(sweep, 3)
    workers = [each for each in marked(sweep.mark) if each.pid != process.pid]
    loaders = [each for each in workers if each.ppid() in {other.pid for other in workers} and not each.children()]
    others = [each.pid for each in workers if each not in loaders]
    _signal(others, signal.SIGSTOP)  # on a busy machine a second may pass here: until the end, nobody notices anything
    _signal([*(each.pid for each in loaders), *others, process.pid], signal.SIGTERM)
    _signal(others, signal.SIGCONT)
    code, out = finish(process)
    assert code == 1, out
    assert sweep.ended().asked == "stop"
    assert classify_attempt(sweep.ended(), sweep.history()).kind == EndingKind.INTERRUPTED
    assert "=== a interrupted" in sweep.log()


def script(sweep: ToySweep, code: str, **fields: object) -> Spec:
    """Return the specification of an attempt of a script."""
    (sweep.folder / "script.py").write_text(code)
    folder = sweep.paths.run("a")
    made = Script(
        argv=(sys.executable, "-u", "script.py"),
        shown="python script.py",
        folder=sweep.folder,
        dir=folder,
        environment={"LAUNCHER_NAME": "a", "LAUNCHER_ATTEMPT": "1", "LAUNCHER_DIR": str(folder)},
        **fields,  # type: ignore[arg-type]
    )
    return replace(sweep.spec(), target="", script=made)


def script_process(supervisor: subprocess.Popen[str]) -> psutil.Process:
    """Return the process of a script. Its parent is the worker."""
    below = psutil.Process(supervisor.pid).children(recursive=True)
    return next(process for process in below if "script.py" in process.cmdline())


@pytest.mark.slow
def test_a_script_is_trained_and_completed_after_its_death(sweep: ToySweep) -> None:
    spec = script(
        sweep,
        "import os, time\n"
        "first = int(open('at').read()) if os.path.exists('at') else 0\n"
        "for step in range(first + 1, 61):\n"
        "    print(f'step {step} loss {1 / step:.4f}')\n"
        "    open('at.new', 'w').write(str(step))\n"
        "    os.replace('at.new', 'at')\n"
        "    time.sleep(0.02)\n"
        "print('attempt', os.environ['LAUNCHER_ATTEMPT'], os.environ['LAUNCHER_CHECKPOINTS'])\n",
    )
    again = replace(spec, script=replace(spec.script, is_resumed=True)) if spec.script else spec
    sweep.order(spec, preload=("launcher.worker.script",), again=again)
    sweep.batch(("a", 1))
    process = sweep.start(SLURM_JOB_ID="17")
    wait_for_step(sweep, 5)
    worker = next(
        each for each in psutil.Process(process.pid).children(recursive=True) if "script.py" in each.cmdline()
    )
    os.kill(worker.ppid(), signal.SIGSTOP)  # it reads no more; the script writes on
    size = sweep.paths.log("a").stat().st_size
    wait_for(lambda: sweep.paths.log("a").stat().st_size > size + 40)
    process.kill()
    process.wait()
    wait_for(lambda: not marked(sweep.mark))
    code, out = sweep.run(SLURM_JOB_ID="17", SLURM_RESTART_COUNT="1")
    assert code == 0, out
    assert f"attempt 2 {sweep.paths.of_attempt(2).checkpoints('a')}" in sweep.log()
    assert sweep.history().end["ending"] == "done"
    steps = steps_of(sweep.paths.of_attempt(2).records("a"))
    assert steps == list(range(1, 61)), "each step is recorded once, also what the dead worker had not read"


@pytest.mark.slow  # two beats, and three hundred steps
def test_a_script_on_a_node_that_is_cut_off_ends_before_the_next_begins(sweep: ToySweep) -> None:
    """Both write into one log and one folder: a line of the first would be taken for a step of the second."""
    spec = script(
        sweep,
        "import os, time\n"
        "first = int(open('at').read()) if os.path.exists('at') else 0\n"
        "for step in range(first + 1, 301):\n"
        "    print(f'step {step} loss {1 / step:.4f}')\n"
        "    open('at.new', 'w').write(str(step))\n"
        "    os.replace('at.new', 'at')\n"
        "    time.sleep(0.02)\n",
    )
    again = replace(spec, script=replace(spec.script, is_resumed=True)) if spec.script else spec
    sweep.order(spec, preload=("launcher.worker.script",), again=again, beat_s=3)
    sweep.batch(("a", 1))
    first = sweep.start(SLURM_JOB_ID="17")
    wait_for_step(sweep, 20)
    code, out = sweep.run(SLURM_JOB_ID="17", SLURM_RESTART_COUNT="1")
    assert code == 0, out
    assert finish(first)[0] == 75
    assert sweep.ended(1).asked == "superseded"
    history = sweep.history()
    assert list(history.steps) == list(range(1, 301))
    assert all(record["loss"] == round(1 / step, 4) for step, record in history.steps.items()), "no step is another's"
    assert "attempt 1 has written no end" in out


def test_a_worker_that_is_killed_leaves_its_last_records(sweep: ToySweep) -> None:
    spec = script(
        sweep,
        "import os, time\n"
        "for step in range(1, 21):\n"
        "    print(f'step {step} loss {1 / step:.4f}')\n"
        "open('written', 'w').close()\n"
        "time.sleep(300)\n",
    )
    sweep.order(spec, preload=("launcher.worker.script",))
    sweep.batch(("a", 1))
    process = sweep.start()
    wait_for(lambda: (sweep.folder / "written").exists())
    os.kill(script_process(process).ppid(), signal.SIGKILL)
    code, out = finish(process)
    assert code == 1, out
    ended = sweep.ended()
    assert (ended.signal, ended.asked) == ("SIGKILL", "")
    assert ended.untold is not None
    assert ended.untold[0] == classify_attempt(ended, sweep.history()).kind == EndingKind.KILLED
    assert sweep.history().num_steps == 20


@pytest.mark.slow
def test_samples_of_an_attempt_go_to_its_own_file(sweep: ToySweep) -> None:
    sweep.paths.create()
    sweep.paths.telemetry("a").write_text('{"attempt": 1}\n')
    sweep.order(sweep.spec(attempt=2, steps=200, step_s=0.01))
    sweep.batch(("a", 2))
    assert sweep.run()[0] == 0
    lines = sweep.paths.of_attempt(2).telemetry("a").read_text().splitlines()
    assert lines[0] == '{"attempt": 1}', "the samples of attempts before come first"
    assert len(lines) > 1
    assert sweep.paths.telemetry("a").read_text() == '{"attempt": 1}\n'


def test_two_toys_side_by_side_have_ports_of_their_own(sweep: ToySweep) -> None:
    (sweep.folder / "ports.py").write_text(
        "import os\ndef train(config: dict, run):\n    run.info(port=os.environ['MASTER_PORT'])\n    run.log(1, x=1)\n"
    )
    for name in "ab":
        sweep.order(sweep.spec(name, target="ports:train", folder=sweep.folder))
    sweep.batch(("a", 1), ("b", 1))
    assert sweep.run()[0] == 0
    assert len({sweep.history(name).info["port"] for name in "ab"}) == 2
