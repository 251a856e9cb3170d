"""The device an experiment computes on: is it there, and does it give the same bits twice.

Called by `minigpt.train` and `minigpt.sample` before the first tensor is made. Which of several GPUs it is,
is decided outside, by CUDA_VISIBLE_DEVICES: this package only ever sees the first.
"""

import os

import torch

from minigpt.errors import ConfigError
from minigpt.half import has_fast_bf16


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


def set_precision(precision: str, device: str) -> None:
    """Choose how float32 matrices are multiplied on this device.

    Raises:
        ConfigError: tf32 on a CPU, which has no such mode.
    """
    if precision == "tf32":
        if device != "cuda":
            raise ConfigError("precision tf32 is a mode of NVIDIA GPUs: on a CPU use fp32, or bf16")
        torch.backends.cuda.matmul.fp32_precision = "tf32"
    elif precision == "bf16" and device == "cpu" and not has_fast_bf16():
        print("precision bf16: this CPU has neither AMX nor AVX512-BF16, so this is slower than fp32", flush=True)
