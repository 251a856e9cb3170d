"""Launches of scripts that use training libraries and know no launcher, with the libraries themselves.

The scripts run in an environment of their own, in which the launcher is not installed: `make integrations`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from launcher.store.records import RecordReader
from tests.integrations_environment import program
from tests.launcher.conftest import Workplace, wait_for

SCRIPTS = Path(__file__).parent / "scripts"
PYTHON = program()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.integrations,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON, reason="no environment with the training libraries: make integrations"),
]


@pytest.fixture
def job(place: Workplace) -> Callable[..., None]:
    """A function that writes a job of one of the scripts, whose output has no metrics that are looked for."""
    offline = {"WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1", "KERAS_BACKEND": "torch"}
    place.environment |= offline | {"HOME": str(place.folder), "WANDB_DIR": str(place.folder)}

    def write(script: str, *arguments: str, given: str = "", **settings: Any) -> None:
        command = [PYTHON, str(SCRIPTS / script), *arguments, "{args}"]
        table = {"command": command, "check": False, "log": [], "metrics": [], "grace_s": 60, "telemetry_s": 0}
        rows = [
            f"{key} = {value if key in ('resume', 'env') else json.dumps(value)}"
            for key, value in {**table, **settings}.items()
        ]
        place.job("\n".join(["[sweep]", *rows, "[experiments]", f"a = {{ {given} }}", ""]))

    return write


def steps(place: Workplace) -> dict[int, dict[str, Any]]:
    return dict(place.history("a").steps)


def stopped(place: Workplace) -> dict[str, Any]:
    """Launch the job, ask it to stop once there are new steps, and return the last record."""
    before = place.history("a").last_step or 0
    launch = place.start("job.toml")
    try:
        wait_for(lambda: (place.history("a").last_step or 0) > before or launch.poll() is not None, 240)
        launch.send_signal(signal.SIGINT)
        _, err = launch.communicate(timeout=120)
    except BaseException:
        launch.kill()
        launch.communicate()
        raise
    end = place.history("a").end
    assert end is not None, err + place.log("a")
    return end


def test_wandb_calls_are_recorded_by_wandbs_own_steps(place: Workplace, job: Callable[..., None]) -> None:
    job("wandb_loop.py", hooks=["wandb"])
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert {step: set(values) for step, values in steps(place).items()} == {
        0: {"train_loss", "accuracy"}, 1: {"train_loss", "accuracy"}, 2: {"train_loss", "accuracy"}, 10: {"late"},
    }  # fmt: skip
    assert "group and name: job a" in place.log("a")


def test_wandb_that_is_switched_off_is_recorded_too(place: Workplace, job: Callable[..., None]) -> None:
    job("wandb_loop.py", hooks=["wandb"], env='{ WANDB_MODE = "disabled", WANDB_NAME = "mine" }')
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert list(steps(place)) == [0, 1, 2, 10]
    assert "mine" in place.log("a"), "what the user has set stays"


def test_a_trainer_of_transformers_is_recorded(place: Workplace, job: Callable[..., None]) -> None:
    job("trainer.py", "--output_dir={dir}", hooks=["transformers"])
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert {step for step, values in steps(place).items() if "loss" in values} == {2, 4, 6}
    assert {step for step, values in steps(place).items() if "eval_loss" in values} == {3, 6}
    assert place.history("a").total == 6


def test_a_trainer_of_transformers_saves_stops_and_goes_on(place: Workplace, job: Callable[..., None]) -> None:
    job("trainer.py", "--output_dir={dir}", given="max_steps = 100000", hooks=["transformers"],
        resume='{ if = "{dir}/checkpoint-*" }')  # fmt: skip
    assert stopped(place)["ending"] == "interrupted"
    before = place.history("a").last_step
    (checkpoint,) = (place.paths.outcome / "runs" / "a").glob("checkpoint-*")
    saved = int(checkpoint.name.partition("-")[2])
    assert "ended at" in place.log("a"), "the script left with the exit code 0"
    again = stopped(place)
    assert again["ending"] == "interrupted"
    assert f"after {checkpoint}" in place.log("a")
    assert place.history("a").last_step > saved
    assert min(steps(place)) == 2, "the steps of the first attempt are kept"
    assert before >= saved - 2


def test_the_ranks_of_a_trainer_record_once_and_stop_at_the_same_step(
    place: Workplace, job: Callable[..., None]
) -> None:
    job("trainer.py", "--output_dir={dir}", given="max_steps = 100000", hooks=["transformers"], gpus=2)
    assert stopped(place)["ending"] == "interrupted"
    assert len(list((place.paths.outcome / "runs" / "a").glob("checkpoint-*"))) == 1
    losses = [record["step"] for record in RecordReader(place.paths.records("a")).read() if "loss" in record]
    assert losses == sorted(set(losses)), "only the first rank has recorded"


def test_the_ranks_of_lightning_record_once_and_stop_at_the_same_batch(
    place: Workplace, job: Callable[..., None]
) -> None:
    job("lit.py", "--folder={dir}", "--devices=2", given="epochs = 100000", hooks=["lightning"], gpus=2)
    assert stopped(place)["ending"] == "interrupted"
    assert (place.paths.outcome / "runs" / "a" / "stop.ckpt").exists()
    losses = [record["step"] for record in RecordReader(place.paths.records("a")).read() if "train_loss" in record]
    assert losses == sorted(set(losses)), "only the first rank has recorded"


def test_a_trainer_of_lightning_is_recorded(place: Workplace, job: Callable[..., None]) -> None:
    job("lit.py", "--folder={dir}", hooks=["lightning"])
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert {step for step, values in steps(place).items() if "train_loss" in values} == {1, 3, 5, 7, 9, 11, 13, 15}
    assert {step for step, values in steps(place).items() if "val_loss" in values} == {7, 15}
    assert place.history("a").total == 16


def test_a_trainer_of_lightning_without_a_logger_saves_where_it_would(
    place: Workplace, job: Callable[..., None]
) -> None:
    job("lit.py", "--folder={dir}", "--no_logger", hooks=["lightning"])
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert place.history("a").last_step == 15
    assert f"checkpoints in {place.paths.outcome / 'runs' / 'a' / 'checkpoints'}" in place.log("a")


def test_a_trainer_of_lightning_saves_stops_and_goes_on(place: Workplace, job: Callable[..., None]) -> None:
    job("lit.py", "--folder={dir}", given="epochs = 100000", hooks=["lightning"],
        resume='{ if = "{dir}/stop.ckpt", args = ["--checkpoint", "{dir}/stop.ckpt"] }')  # fmt: skip
    assert stopped(place)["ending"] == "interrupted"
    assert (place.paths.outcome / "runs" / "a" / "stop.ckpt").exists()
    assert stopped(place)["ending"] == "interrupted"
    assert "Restored all states from the checkpoint" in place.log("a")
    assert min(steps(place)) == 1, "the steps of the first attempt are kept"


def test_lightning_finds_the_callback_where_the_launcher_is_installed(
    place: Workplace, job: Callable[..., None]
) -> None:
    installed = place.folder / "installed"
    (installed / "sweep_launcher-1.dist-info").mkdir(parents=True)
    (installed / "sweep_launcher-1.dist-info" / "METADATA").write_text("Name: sweep-launcher\nVersion: 1\n")
    (installed / "sweep_launcher-1.dist-info" / "entry_points.txt").write_text(
        "[lightning.pytorch.callbacks_factory]\nsweep-launcher = launcher.integrations.lightning:callbacks\n"
    )
    root = Path(__file__).parents[3]
    path = os.pathsep.join([str(installed), str(root)])
    job("lit.py", "--folder={dir}", env=f'{{ PYTHONPATH = "{path}" }}')
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert len(steps(place)) == 8
    alone = subprocess.run(
        [PYTHON, str(SCRIPTS / "lit.py"), "--folder", str(place.folder / "alone")],
        env=os.environ | {"PYTHONPATH": path}, cwd=place.folder, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert alone.returncode == 0, alone.stderr
    assert "step 1" not in alone.stdout, "nothing is added where nobody launched the script"


def test_what_an_accelerator_logs_is_recorded(place: Workplace, job: Callable[..., None]) -> None:
    job("accelerated.py", hooks=["accelerate"])
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert {step: list(values) for step, values in steps(place).items()} == {step: ["train_loss"] for step in (1, 2, 3)}


def test_the_tracker_is_one_of_an_accelerators(place: Workplace, job: Callable[..., None]) -> None:
    source = (SCRIPTS / "accelerated.py").read_text()
    changed = source.replace("Accelerator(cpu=True)", "Accelerator(cpu=True, log_with=LauncherTracker())")
    (place.folder / "tracked.py").write_text(
        changed.replace(
            "import torch\n", "import torch\nfrom launcher.integrations.accelerate import LauncherTracker\n"
        )
    )
    job(str(place.folder / "tracked.py"), env=f'{{ PYTHONPATH = "{Path(__file__).parents[3]}" }}')
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert list(steps(place)) == [1, 2, 3]


def test_runs_of_wandb_one_after_another_are_counted_on(place: Workplace, job: Callable[..., None]) -> None:
    job("wandb_folds.py", hooks=["wandb"])
    for mode in ("offline", "disabled"):
        place.environment["WANDB_MODE"] = mode
        done = place.launch("job.toml", "--fresh", limit_s=240)
        assert done.code == 0, done.err + place.log("a")
        losses = {step: values["loss"] for step, values in steps(place).items()}
        assert losses == {0: 0, 1: 1, 2: 10, 3: 11, 4: 20, 5: 21}, mode
        best = {step: values["best"] for step, values in steps(place).items() if "best" in values}
        assert best == {1: 0, 3: 1, 5: 2}, "a summary belongs to the last step"


def test_each_fit_of_keras_is_recorded_and_counted_on(place: Workplace, job: Callable[..., None]) -> None:
    job("layers.py", hooks=["keras"])
    done = place.launch("job.toml", limit_s=240)
    assert done.code == 0, done.err + place.log("a")
    assert list(steps(place)) == [1, 2, 3, 4]
    assert set(steps(place)[1]) == {"loss", "mae", "val_loss", "val_mae"}


def test_keras_saves_and_stops(place: Workplace, job: Callable[..., None]) -> None:
    job("layers.py", given="epochs = 100000", hooks=["keras"])
    assert stopped(place)["ending"] == "interrupted"
    assert (place.paths.outcome / "runs" / "a" / "stop.keras").exists()
    assert "stopped True" in place.log("a")


def test_an_epoch_in_which_keras_is_stopped_is_not_over(place: Workplace, job: Callable[..., None]) -> None:
    job("backed_up.py", "{dir}/backup", given="epochs = 100000", hooks=["keras"],
        resume='{ if = "{dir}/backup/*" }')  # fmt: skip
    assert stopped(place)["ending"] == "interrupted"
    kept = place.history("a").last_step
    assert f"epochs over: {kept}\n" in place.log("a"), "what the callbacks were told is what was recorded"
    assert (place.paths.outcome / "runs" / "a" / "backup").exists(), "what the script goes on from is there"
    assert stopped(place)["ending"] == "interrupted"
    assert list(steps(place)) == list(range(1, place.history("a").last_step + 1))
    assert place.history("a").last_step > kept
