"""Finds the versions that `--version` shows: of all software on which a result depends.

Versions of packages come from `store.provenance`, which reads them without importing the packages.
"""

from __future__ import annotations

import importlib.metadata
import platform
import re

from launcher import __version__
from launcher.store.provenance import package_version


def versions() -> dict[str, str]:
    """Return the version of each program, package and driver on which a result depends; `none` if it is missing."""
    return {
        "sweep-launcher": __version__,
        "Python": platform.python_version(),
        "torch": _torch(),
        "NVIDIA driver": driver() or "none",
        "pandas": package_version("pandas") or "none",
        "matplotlib": package_version("matplotlib") or "none",
        "numpy": package_version("numpy") or "none",
        "Linux": platform.release(),
    }


def driver() -> str:
    """Return the version of the NVIDIA driver, as NVML reports it; empty if there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ""
    try:
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return ""
    finally:
        pynvml.nvmlShutdown()


def _torch() -> str:
    """Return the version of torch and the GPU library for which it was built: `2.9.0 (CUDA 12.8)`.

    Both are read from files: importing torch takes a second.
    """
    version = package_version("torch")
    if version is None:
        return "none"
    try:
        path = importlib.metadata.distribution("torch").locate_file("torch/version.py")
        with open(str(path), encoding="utf-8") as file:
            built = dict(re.findall(r"""^(cuda|hip)\b[^=\n]*=\s*['"]([^'"]+)['"]""", file.read(), re.M))
    except (OSError, ValueError):
        built = {}
    names = {"cuda": "CUDA", "hip": "ROCm"}
    built_for = ", ".join(f"{names[key]} {number}" for key, number in built.items()) or "built for CPU"
    return f"{version} ({built_for})"
