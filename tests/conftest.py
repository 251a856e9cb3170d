"""What holds for a whole test run: its limit in time, a machine that has no GPUs, what is skipped without torch."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Generator, Iterator
from typing import Any

import hypothesis
import pytest

from tests import limit, no_gpus

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


# After collection, at which torch may have been asked for the card of the tests that have the marker `gpu`.
@pytest.fixture(autouse=True, scope="session")
def _no_gpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str | None]]:
    """Hide the GPUs of this machine, from this process and from all that it starts; yield what the variables were."""
    hidden = no_gpus.hide(tmp_path_factory.mktemp("no_gpus"))
    before = {name: os.environ.get(name) for name in hidden}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hidden.items():
            patch.setenv(name, value)
        patch.setattr("pynvml.nvmlInit", _no_driver)  # the loader of this process has read the variable at its start
        yield before


def _no_driver() -> None:
    import pynvml

    raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)


@pytest.fixture(autouse=True)
def _no_gpus_but_for_their_tests(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _no_gpus: dict[str, str | None]
) -> None:
    """Show the real card to a test that has the marker `gpu`; let the torch of this process hide it from all others."""
    if request.node.get_closest_marker("gpu"):
        for name, value in _no_gpus.items():
            monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    elif torch := sys.modules.get("torch"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


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
