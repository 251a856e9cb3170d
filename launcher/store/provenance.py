"""Finds the facts of this launch for `sweep.json`: host, process, command, and versions of packages.

It is the only module that asks for the versions of packages. No package is imported for this.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import socket
import sys
from functools import cache

from launcher.store.launch_info import LaunchInfo
from launcher.text import timestamp

_PACKAGES = ("torch", "numpy", "pandas", "matplotlib", "sweep-launcher")


def environment() -> LaunchInfo:
    """Return the launch with the facts of this process and machine. The fields that describe the sweep are empty."""
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
    """Return the version of each installed package on which a result depends."""
    found = {package: package_version(package) for package in _PACKAGES}
    return {package: version for package, version in found.items() if version is not None}


def package_version(package: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        found = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    # The parser of importlib.metadata reads the whole description too, which takes twenty times as long.
    line = re.search(r"^Version: *(\S+)$", found.read_text("METADATA") or "", re.MULTILINE)
    return line[1] if line else found.version
