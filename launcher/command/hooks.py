"""What is added to the environment of a command whose job asks for hooks, or that starts processes of its own ranks.

The folder `launcher/shim` comes first on PYTHONPATH. It holds a `sitecustomize.py` alone, which each Python of the
command runs at its start. Pure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

SHIM = str(Path(__file__).absolute().parent.parent / "shim")
HOOKS = ("wandb", "transformers", "lightning", "accelerate", "keras")  # the libraries whose log calls can be recorded

STARTERS = ("torchrun", "accelerate", "deepspeed", "horovodrun")
STARTER_MODULES = ("torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch")
_SHELLS = ("sh", "bash", "dash", "zsh", "fish", "make")


def leaves_group(argv: Sequence[str]) -> bool:
    """Return whether a command may start processes that leave the worker's process group.

    torchrun and its kin give each rank a session of its own. A shell script may start torchrun.

    Examples: `torchrun train.py`, `accelerate launch a.py`, `python -m torch.distributed.run a.py`, `bash run.sh`.
    """
    is_shell = bool(argv) and os.path.basename(argv[0]) in _SHELLS
    return is_shell or starts_ranks(argv)


def starts_ranks(argv: Sequence[str]) -> bool:
    """Return whether a command starts the processes that train together itself, as torchrun does."""
    programs = {os.path.basename(word) for word in argv[:3]}  # `uv run torchrun …` too
    modules = {after for word, after in pairwise(argv) if word == "-m"}
    return not programs.isdisjoint(STARTERS) or not modules.isdisjoint(STARTER_MODULES)


def hook_environment(
    hooks: Sequence[str], argv: Sequence[str], sweep: str, experiment: str, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables that the command gets for its hooks, and for its death with the launcher.

    Args:
        hooks: the libraries whose log calls are recorded, from HOOKS.
        argv: the program and its arguments.
        sweep: the name of the sweep, which becomes the group of wandb's runs.
        experiment: the name of the experiment, which becomes the name of wandb's run.
        inherited: the variables that the command gets anyway. What wandb is told there stays.
    """
    if not hooks and not leaves_group(argv):
        return {}
    path = inherited.get("PYTHONPATH", "")
    found = {"LAUNCHER_HOOKS": ",".join(hooks), "PYTHONPATH": f"{SHIM}{os.pathsep}{path}" if path else SHIM}
    if "wandb" in hooks:
        names = {"WANDB_RUN_GROUP": sweep, "WANDB_NAME": experiment}
        found |= {name: value for name, value in names.items() if not inherited.get(name)}
    return found
