"""What holds for a whole test run: its limit in time, and what is skipped on a Python without torch."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Generator
from typing import Any

import hypothesis
import pytest

from tests import limit

# On a busy machine an example may take long: that says nothing of the code.
hypothesis.settings.register_profile("patient", suppress_health_check=[hypothesis.HealthCheck.too_slow], deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Every test process can be asked where it is; the one that leads them starts the watch."""
    limit.listen()
    if not hasattr(config, "workerinput"):  # xdist has set it where this is one of its processes
        watch = limit.watch(float(os.environ.get("TESTS_LIMIT_S", limit.LIMIT_S)))
        config.add_cleanup(lambda: _end(watch))


def _end(watch: limit.subprocess.Popen[bytes]) -> None:
    watch.communicate()  # closes its input


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip what fails for want of torch alone, where this Python has none: see tests/pythons.py."""
    report: Any = yield
    if (
        report.failed
        and "No module named 'torch'" in str(report.longrepr)
        and importlib.util.find_spec("torch") is None
    ):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.reportinfo()[1], "Skipped: it needs torch, which this Python has not")
    return report
