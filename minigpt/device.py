"""The device an experiment computes on: is it there, and does it give the same bits twice.

Called by `minigpt.train` and `minigpt.sample` before the first tensor is made. Which of several GPUs it is,
is decided outside, by CUDA_VISIBLE_DEVICES: this package only ever sees the first.
"""

import os

import torch

from minigpt.errors import ConfigError


def check_device(device: str) -> None:
    """Refuse a device that does not exist here.

    Raises:
        ConfigError: neither "cpu" nor "cuda", or no GPU to be seen.
    """
    if device not in ("cpu", "cuda"):
        raise ConfigError(f'device must be cpu or cuda, not "{device}": choose the GPU with CUDA_VISIBLE_DEVICES')
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: torch sees no GPU. Check `nvidia-smi` and CUDA_VISIBLE_DEVICES, or use cpu")


def make_deterministic(device: str) -> None:
    """Choose the algorithms that give the same bits every time. The CPU's do, for one number of threads.

    On a GPU, cuBLAS needs a fixed workspace, which it reads from the environment when CUDA is first used. An
    operator without a deterministic form warns and goes on.
    """
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
