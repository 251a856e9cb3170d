"""Puts a stand-in for torch with one GPU into `sys.modules`: what the launcher's worker asks of it, and no more.

Preload it (`preload = ["fake_cuda"]`). The GPU is the one of CUDA_VISIBLE_DEVICES, unless a file `other_uuid` says so.
"""

import os
import sys
import types
from pathlib import Path

torch = types.ModuleType("torch")
torch.__version__ = "stand-in"
torch.version = types.SimpleNamespace(hip=None)
torch.OutOfMemoryError = type("OutOfMemoryError", (RuntimeError,), {})
torch.set_num_threads = lambda threads: None
torch.multiprocessing = types.SimpleNamespace(set_start_method=lambda method, force: None)


def get_device_properties(index: int) -> types.SimpleNamespace:
    other = Path("other_uuid")
    uuid = other.read_text() if other.exists() else os.environ["CUDA_VISIBLE_DEVICES"].removeprefix("GPU-")
    return types.SimpleNamespace(name="Stub 1", uuid=uuid)


def max_memory_reserved() -> int:
    return int(float(os.environ.get("FAKE_PEAK_GB", "0")) * 2**30)


torch.cuda = types.SimpleNamespace(
    is_initialized=lambda: torch.cuda.is_used,
    is_used=False,  # until the target says otherwise
    _is_in_bad_fork=lambda: False,
    device_count=lambda: 1,
    get_device_properties=get_device_properties,
    max_memory_reserved=max_memory_reserved,
)
sys.modules["torch"] = torch
