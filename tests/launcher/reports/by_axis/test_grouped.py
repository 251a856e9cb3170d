"""The picture by one key: what differs besides is averaged for each seed, and the interval is over the seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.reports.analysis.groups import groups
from launcher.reports.by_axis.grouped import grouped
from launcher.reports.by_axis.sketch import Dots, Text
from launcher.reports.plots.sketch_figure import SketchFigure
from launcher.store.metric import Metric
from launcher.store.paths import Paths
from tests.launcher.reports.by_axis.grids import LR, grid

METRIC = Metric("loss")
AXES = {"lr": LR, "opt": ["adamw", "sgd"]}


@pytest.mark.parametrize(("key", "num_values"), [("lr", 4), ("opt", 2), ("seed", 5), ("configuration", 8)])
def test_each_value_has_a_mean_and_its_seeds(key: str, num_values: int, tmp_path: Path) -> None:
    experiments = grid(AXES, 5, level=lambda cell: 2 + (cell["opt"] == "sgd"))
    sketch = grouped(METRIC, experiments, key)
    assert sketch is not None
    means = [shape for shape in sketch.shapes if isinstance(shape, Dots) and shape.radius == 4.0]
    assert len(means) == num_values
    has_average = key in ("lr", "opt", "seed")
    assert any("averaged over" in note for note in sketch.notes) == has_average
    SketchFigure(sketch, "as of now").write(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_the_averages_of_a_group_are_by_seed() -> None:
    experiments = grid(AXES, 3, level=lambda cell: 2 + (cell["opt"] == "sgd"))
    (low, high) = groups(experiments, "opt", "loss")
    assert set(low.averages) == {0, 1, 2}
    assert low.mean is not None
    assert low.mean.value == pytest.approx(sum(low.averages.values()) / 3)
    assert 0.9 < high.averages[1] - low.averages[1] < 1.1


def test_groups_of_diverged_seeds_have_a_cross_and_without_a_level_there_is_no_picture() -> None:
    experiments = grid(AXES, 3, has_diverged=lambda cell, seed: cell["lr"] == LR[0] and seed == 1)
    sketch = grouped(METRIC, experiments, "lr")
    assert sketch is not None
    assert any(isinstance(shape, Dots) and shape.is_cross for shape in sketch.shapes)
    assert any(shape.words == "lr" for shape in sketch.shapes if isinstance(shape, Text))
    nothing = grid(AXES, 2, has_diverged=lambda _cell, _seed: True)
    assert grouped(METRIC, nothing, "lr") is None


def test_the_file_of_any_key_lies_in_the_folder() -> None:
    paths = Paths(Path("out"), Path("log"))
    assert paths.grouped("train/loss", "../a b").parent == Path("out")
    assert paths.grouped("loss", "model.depth").name == "loss_grouped_by_model.depth.png"
