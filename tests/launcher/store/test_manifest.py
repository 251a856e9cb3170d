"""`sweep.json`: what an earlier version wrote is read, and what is not of its type is passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from launcher.store.manifest import Manifest, is_same, read_manifest, write_manifest
from launcher.store.metric import Metric
from launcher.store.paths import Paths


def written(folder: Path, **changes: Any) -> Manifest:
    """Return what is read of a manifest in which some keys were changed, or removed where they are None."""
    paths = Paths(folder, folder)
    write_manifest(paths, Manifest("s", "job.toml", "toy:train", 0, ["loss", "train/loss"], ["train/loss"], []))
    content = json.loads(paths.sweep.read_text()) | changes
    paths.sweep.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    found = read_manifest(paths)
    assert found is not None
    return found


def test_units_scales_and_kinds_of_plots_are_kept(tmp_path: Path) -> None:
    details = {"loss": {"unit": "nats"}, "train/loss": {"scale": "log"}}
    found = written(tmp_path, metric_details=details, plots=["png", "pdf"])
    assert found.metric("loss") == Metric("loss", "nats")
    assert found.metric("train/loss") == Metric("train/loss", scale="log", is_maximized=True)
    assert found.plots == ["png", "pdf"]
    assert is_same(found, found)


def test_a_manifest_of_an_earlier_version_has_no_units_and_png_plots(tmp_path: Path) -> None:
    found = written(tmp_path, metric_details=None, plots=None)
    assert (found.metric_details, found.plots, found.metric("loss")) == ({}, ["png"], Metric("loss"))


@pytest.mark.parametrize("odd", [3, [], "x", [["png"]], {"loss": 3, "../x": {"unit": "m"}}])
def test_odd_units_and_plots_are_passed_over(tmp_path: Path, odd: Any) -> None:
    found = written(tmp_path, metric_details=odd, plots=odd)
    assert (found.metric_details, found.plots) == ({}, ["png"])
