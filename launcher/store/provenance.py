"""Where and with what a launch happens: host, process, command, versions of the packages that matter to a result."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import sys
from functools import cache

from launcher.store.launch_info import LaunchInfo
from launcher.text import timestamp

_PACKAGES = ("torch", "numpy", "pandas", "matplotlib", "sweep-launcher")


def environment() -> LaunchInfo:
    """Return a launch that knows where and with what it happens, and nothing yet of the sweep."""
    return LaunchInfo(
        at=timestamp(),
        host=socket.gethostname(),
        pid=os.getpid(),
        cwd=os.getcwd(),
        argv=sys.argv,
        python=platform.python_version(),
        system=platform.platform(),
        versions=package_versions(),
    )


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of the packages that matter to a result and are installed, without importing them."""
    found = {package: package_version(package) for package in _PACKAGES}
    return {package: version for package, version in found.items() if version is not None}


def package_version(package: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
