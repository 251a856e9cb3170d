"""What holds for a whole test run: its limit in time."""

from __future__ import annotations

import os

import pytest

from tests import limit


def pytest_configure(config: pytest.Config) -> None:
    """Every test process can be asked where it is; the one that leads them starts the watch."""
    limit.listen()
    if not hasattr(config, "workerinput"):  # xdist has set it where this is one of its processes
        watch = limit.watch(float(os.environ.get("TESTS_LIMIT_S", limit.LIMIT_S)))
        config.add_cleanup(lambda: _end(watch))


def _end(watch: limit.subprocess.Popen[bytes]) -> None:
    watch.communicate()  # closes its input
