"""Checks that torch uses the device and the number of threads that this worker was given."""

from __future__ import annotations

import os
import sys
from typing import Any

from launcher.errors import LauncherError
from launcher.worker.spec import Card, Spec


def use_threads(threads: int) -> None:
    """Let torch, if it is imported, use so many CPU threads.

    The environment variables do not do this: the fork server imported torch before they were set.
    """
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)


def check_device(spec: Spec) -> None:
    """Check that CUDA was untouched until now, and that torch sees only the GPUs of this attempt.

    Raises:
        LauncherError: torch sees fewer GPUs, or more.
    """
    if (torch := sys.modules.get("torch")) is None:
        return
    assert not torch.cuda.is_initialized(), "CUDA was initialised before the worker chose its device"
    assert not torch.cuda._is_in_bad_fork(), "the fork server initialised CUDA; preload nothing that does"
    if spec.device_type == "cuda" and torch.cuda.device_count() != spec.num_ranks:
        wanted = "one GPU" if spec.num_ranks == 1 else f"{spec.num_ranks} GPUs"
        raise LauncherError(
            f"this worker should see {wanted}, CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES')}, "
            f"but torch {torch.__version__} sees {torch.cuda.device_count()}.\n"
            "  Likely cause: a torch built without CUDA, or a driver too old for it. Compare nvidia-smi and "
            "python -c 'import torch; print(torch.version.cuda)'."
        )


def check_identity(spec: Spec) -> None:
    """Check that the GPUs that torch sees are those that the launcher gave to this attempt.

    Some cases cannot be checked: a MIG instance, for which CUDA tells its own UUID or its card's, depending on the
    version; an AMD card, whose UUID is not known here; and a target that imports torch later. In all cases the
    environment variables bind the worker to its device.

    Raises:
        LauncherError: one is another GPU.
    """
    torch = sys.modules.get("torch")
    if torch is None or torch.version.hip:
        return
    for index, card in enumerate(spec.cards):
        if card.uuid.startswith("GPU-"):
            _check_card(card, torch.cuda.get_device_properties(index))


def _check_card(card: Card, seen: Any) -> None:
    uuid = str(getattr(seen, "uuid", ""))  # torch has it since 2.4, without NVML's prefix
    if uuid:
        is_same = uuid.removeprefix("GPU-").lower() == card.uuid.removeprefix("GPU-").lower()
    else:
        is_same = seen.name.removeprefix("NVIDIA ") == card.name.removeprefix("NVIDIA ")
    if not is_same:
        raise LauncherError(
            f"this worker was given {card.name} {card.uuid}, but CUDA shows it {seen.name} {uuid}.\n"
            "  Likely cause: something that is imported sets CUDA_VISIBLE_DEVICES or touches CUDA. Take that out."
        )
