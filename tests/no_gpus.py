"""Hides the GPUs of this machine from the tests, so that each of them finds the same machine everywhere: one without.

A library that cannot be loaded stands before the driver's: the launcher, as on a machine without a driver, finds no
GPU. CUDA_VISIBLE_DEVICES is empty: torch sees none either. A test that brings a driver of its own names the folder of
that driver in LD_LIBRARY_PATH instead. A test with the marker `gpu` sees the real card.
"""

from __future__ import annotations

import os
from pathlib import Path

DRIVER = "libnvidia-ml.so.1"
_VARIABLES = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")


def hide(folder: Path) -> dict[str, str]:
    """Return the environment variables that hide the GPUs from a process; `folder` is where the library is put."""
    (folder / DRIVER).touch()  # an empty file: the loader refuses it, and looks no further
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("LD_LIBRARY_PATH")]))
    return {"LD_LIBRARY_PATH": path, "CUDA_VISIBLE_DEVICES": ""}


def variables() -> dict[str, str]:
    """Return these variables during the tests, for a test that writes the whole environment of a launch itself."""
    return {name: os.environ[name] for name in _VARIABLES if name in os.environ}
