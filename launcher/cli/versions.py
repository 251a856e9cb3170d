"""`--version`: the versions on which a result depends. Nothing heavy is imported to find them."""

from __future__ import annotations

import importlib.metadata
import platform
import re

from launcher import __version__


def versions() -> dict[str, str]:
    """Return the version of each thing on which a result depends; `none` for a thing that is missing."""
    return {
        "sweep-launcher": __version__,
        "Python": platform.python_version(),
        "torch": _torch(),
        "NVIDIA driver": driver() or "none",
        "pandas": _package("pandas"),
        "matplotlib": _package("matplotlib"),
        "numpy": _package("numpy"),
        "Linux": platform.release(),
    }


def driver() -> str:
    """Return the version of the NVIDIA driver, as NVML says it; empty if there is no driver."""
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


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _torch() -> str:
    """Return torch's version and what it was built for. Both are read as text: importing torch takes a second."""
    try:
        distribution = importlib.metadata.distribution("torch")
        text = str(distribution.locate_file("torch/version.py"))
        with open(text, encoding="utf-8") as file:
            built = dict(re.findall(r"""^(cuda|hip)\b[^=\n]*=\s*['"]([^'"]+)['"]""", file.read(), re.M))
    except importlib.metadata.PackageNotFoundError:
        return "none"
    except (OSError, ValueError):
        built = {}
    named = {"cuda": "CUDA", "hip": "ROCm"}
    what = ", ".join(f"{named[key]} {version}" for key, version in built.items()) or "built for CPU"
    return f"{distribution.version} ({what})"
