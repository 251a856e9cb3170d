"""The device that an experiment computes on: whether it exists, and how it gives the same bits every time.

Which of several GPUs is used is decided outside, by CUDA_VISIBLE_DEVICES: this package only ever sees the first.
"""

import os

import torch

from minigpt.errors import ConfigError


def check_device(device: str) -> None:
    """Refuse a device that does not exist here.

    Raises:
        ConfigError: `device` is neither "cpu" nor "cuda", or torch sees no GPU.
    """
    if device not in ("cpu", "cuda"):
        raise ConfigError(f'device must be cpu or cuda, not "{device}": choose the GPU with CUDA_VISIBLE_DEVICES')
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: torch sees no GPU. Check `nvidia-smi` and CUDA_VISIBLE_DEVICES, or use cpu")


def make_deterministic(device: str) -> None:
    """Choose algorithms that give the same bits every time. On a CPU they already do, for one number of threads.

    On a GPU, cuBLAS needs a fixed workspace, which it reads from the environment when CUDA is first used
    (https://docs.nvidia.com/cuda/cublas/#results-reproducibility). An operator without a deterministic form prints a
    warning and runs all the same.
    """
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


def set_precision(precision: str, device: str) -> None:
    """Choose how float32 matrices are multiplied on this device: TrainConfig's `precision`.

    Raises:
        ConfigError: tf32 on a CPU, which has no such mode.
    """
    if precision == "tf32":
        if device != "cuda":
            raise ConfigError("precision tf32 is a mode of NVIDIA GPUs: on a CPU use fp32, or bf16")
        torch.backends.cuda.matmul.fp32_precision = "tf32"
    elif precision == "bf16" and device == "cpu" and not has_fast_bf16():
        print("precision bf16: this CPU has neither AMX nor AVX512-BF16, so this is slower than fp32", flush=True)


def has_fast_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 matrices in hardware (AMX, or AVX-512 with BF16)."""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return False
    return bool({"amx_bf16", "avx512_bf16"} & set(flags.split()))
