"""Where the versions that `--version` shows come from."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from launcher.cli import versions
from launcher.store.provenance import package_version


class FakeDistribution:
    """An installed torch whose `torch/version.py` is a file of the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def locate_file(self, path: str) -> Path:
        """Return where a file of the package lies."""
        return self._folder / path

    def read_text(self, name: str) -> str | None:
        """Return the metadata, whose description has a line that looks like a version too."""
        return "Name: torch\nVersion: 2.9.0\n\nVersion: 1.0" if name == "METADATA" else None


@pytest.fixture
def version_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that torch 2.9.0 is installed in a folder of the test; return the path of its `version.py`."""
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _package: FakeDistribution(tmp_path))
    (tmp_path / "torch").mkdir()
    return tmp_path / "torch/version.py"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n", "2.9.0 (CUDA 12.8)"),
        ("cuda = None\nhip = '6.4'\n", "2.9.0 (ROCm 6.4)"),
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", "2.9.0 (built for CPU)"),
    ],
)
def test_the_version_of_torch_says_for_which_devices_it_was_built(version_file: Path, content: str, shown: str) -> None:
    version_file.write_text(content)
    assert versions.versions()["torch"] == shown


def test_a_torch_without_a_version_file_still_has_its_version(version_file: Path) -> None:
    assert not version_file.exists()
    assert versions.versions()["torch"].startswith("2.9.0 (")


def test_a_missing_package_is_shown_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def _raise(package: str) -> None:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "distribution", _raise)
    found = versions.versions()
    assert {found[name] for name in ("torch", "pandas", "matplotlib", "numpy")} == {"none"}


def test_a_version_is_the_one_that_pip_shows() -> None:
    for package in ("pydantic", "typer", "numpy", "pytest"):
        assert package_version(package) == importlib.metadata.version(package)
