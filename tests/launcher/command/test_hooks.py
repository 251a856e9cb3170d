"""What a command's environment gets for its hooks and its death with the launcher."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from launcher.command.hooks import HOOKS, SHIM, hook_environment, leaves_group

SCRIPT = ["/usr/bin/python3", "train.py", "--lr=1"]


@pytest.mark.parametrize(
    "command",
    [
        ["torchrun", "--nproc-per-node=2", "train.py"],
        ["/opt/venv/bin/torchrun", "train.py"],
        ["/usr/bin/python3", "-m", "torch.distributed.run", "train.py"],
        ["python", "-u", "-m", "torch.distributed.launch", "train.py"],
        ["accelerate", "launch", "train.py"],
        ["python", "-m", "accelerate.commands.launch", "train.py"],
        ["uv", "run", "torchrun", "train.py"],
        ["deepspeed", "train.py"],
        ["bash", "run.sh"],
    ],
    ids=" ".join,
)
def test_what_may_start_ranks_in_sessions_of_their_own(command: list[str]) -> None:
    assert leaves_group(command)


@pytest.mark.parametrize("command", [SCRIPT, ["./fit", "0.5"], ["python", "-m", "app.train", "torchrun=1"], []])
def test_what_stays_in_the_group(command: list[str]) -> None:
    assert not leaves_group(command)


def test_without_hooks_nothing_is_added() -> None:
    assert hook_environment([], SCRIPT, "sweep", "a", {"PYTHONPATH": "/x"}) == {}


def test_the_shim_comes_before_what_is_set_already() -> None:
    found = hook_environment(["keras"], SCRIPT, "sweep", "a", {"PYTHONPATH": "/x"})
    assert found == {"LAUNCHER_HOOKS": "keras", "PYTHONPATH": f"{SHIM}{os.pathsep}/x"}
    assert hook_environment([], ["torchrun", "train.py"], "sweep", "a", {}) == {
        "LAUNCHER_HOOKS": "",
        "PYTHONPATH": SHIM,
    }
    assert sorted(path.name for path in Path(SHIM).iterdir() if path.suffix == ".py") == [
        "__init__.py",
        "sitecustomize.py",
    ]


def test_of_wandb_only_group_and_name_are_set_and_only_where_they_are_not() -> None:
    found = hook_environment(["wandb"], SCRIPT, "sweep", "a", {})
    assert {key: value for key, value in found.items() if key.startswith("WANDB")} == {
        "WANDB_RUN_GROUP": "sweep", "WANDB_NAME": "a",
    }  # fmt: skip
    found = hook_environment(["wandb"], SCRIPT, "sweep", "a", {"WANDB_NAME": "mine", "WANDB_RUN_GROUP": "ours"})
    assert not any(key.startswith("WANDB") for key in found)


def test_every_hook_that_a_job_may_name_exists() -> None:
    shim = importlib.import_module("launcher.shim.sitecustomize")
    hooks = importlib.import_module("launcher.integrations.hooks")
    assert set(HOOKS) == set(shim._MODULES) == set(hooks.HOOKS)
