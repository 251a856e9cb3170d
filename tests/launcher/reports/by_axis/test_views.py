"""Which pictures by parameters a sweep has, and what stands in them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.reports.by_axis.results import AxisResults
from launcher.reports.by_axis.sketch import Dots, Rect, Sketch, Strokes, Text, readable_on, shade
from launcher.reports.by_axis.views import sketches_of
from launcher.reports.plots.sketch_figure import ROLES, SketchFigure
from launcher.store.ending import EndingKind
from launcher.store.metric import Metric
from tests.launcher.reports.by_axis.grids import LR, grid, results
from tests.launcher.reports.html.test_style import contrast

GRIDS: dict[str, dict[str, Any]] = {
    "one axis": {"axes": {"lr": LR}, "seeds": 3},
    "labels": {"axes": {"size": ["small", "medium", "l" * 100]}, "seeds": 10},
    "two axes": {"axes": {"lr": LR, "batch_size": [16, 32]}, "seeds": 5},
    "narrow": {"axes": {"lr": [0.002, 0.3], "mode": ["with warm-up", "without"]}},
    "four axes": {"axes": {"lr": LR, "batch_size": [16, 32], "opt": ["adamw", "sgd"], "n": [1, 2, 3]}},
    "a thousand": {"axes": {"lr": [1e-5 * 1.4**k for k in range(20)], "b": [2**k for k in range(10)]}, "seeds": 5},
    "many values": {"axes": {"lr": [k + 1 for k in range(300)], "b": ["x", "y"]}},
    "odd words": {"axes": {"<b>$x$\x1b[31m": ["<script>", "a\nb", "$\\frac{1}{2}$"], "lr": [1, 2]}},
}  # fmt: skip


def words(sketch: Sketch) -> list[str]:
    return [shape.words for shape in sketch.shapes if isinstance(shape, Text)]


def assert_within(sketch: Sketch, points: Sequence[tuple[float, float]]) -> None:
    assert all(0 <= x <= sketch.width and 0 <= y <= sketch.height for x, y in points)


def loss(cell: dict[str, Any]) -> float:
    return 2 + 100 * cell["lr"] if isinstance(cell.get("lr"), float) else 2.0


@pytest.mark.parametrize("name", GRIDS)
def test_a_picture_lies_within_its_edges_and_can_be_drawn(name: str, tmp_path: Path) -> None:
    found = sketches_of(results(**GRIDS[name], level=loss), is_grid=True)
    assert "by_axis" in found
    for view, sketch in found.items():
        for shape in sketch.shapes:
            match shape:
                case Rect():
                    assert 0 <= shape.x <= shape.x + shape.width <= sketch.width + 1
                    assert 0 <= shape.y <= shape.y + shape.height <= sketch.height + 1
                case Text():
                    assert 0 <= shape.x <= sketch.width
                    assert 0 <= shape.y <= sketch.height
                case Strokes():
                    assert all(
                        0 <= x <= sketch.width and 0 <= y <= sketch.height for line in shape.lines for x, y in line
                    )
                case Dots():
                    assert all(0 <= x <= sketch.width and 0 <= y <= sketch.height for x, y in shape.points)
        assert {shape.role for shape in sketch.shapes} <= {*ROLES, ""}
        drawing = SketchFigure(sketch, "as of now")
        drawing.write(tmp_path / f"{view}.png")
        figure = drawing.figure
        for text in (*figure.texts, *figure.axes[0].texts):
            box = text.get_window_extent()
            assert -2 <= box.x0 <= box.x1 <= figure.bbox.width + 2, (view, text.get_text())
        assert (tmp_path / f"{view}.png").stat().st_size > 1000


def test_a_grid_of_one_axis_shows_the_interval_from_three_seeds_on() -> None:
    def num_caps(seeds: int) -> int:
        sketch = sketches_of(results({"lr": LR}, seeds, level=loss), is_grid=True)["by_axis"]
        return sum(
            len(shape.lines) == 3 and shape.role != "axis" for shape in sketch.shapes if isinstance(shape, Strokes)
        )

    assert [num_caps(seeds) for seeds in (1, 2, 3, 5)] == [0, 0, 4, 4]


def test_a_heat_map_has_a_number_for_each_cell_and_none_for_what_was_left_out() -> None:
    axes = {"lr": LR, "batch_size": [16, 32]}
    found = results(axes, 3, level=loss, is_left_out=lambda cell: cell == {"lr": 2e-3, "batch_size": 16})
    sketch = sketches_of(found, is_grid=True)["by_axis"]
    assert sum(isinstance(shape, Text) and bool(shape.fill) for shape in sketch.shapes) == 7
    filled = [shape for shape in sketch.shapes if isinstance(shape, Rect) and shape.title]
    assert len(filled) == 7
    assert sum(shape.role == "best" for shape in sketch.shapes) == 1


@pytest.mark.parametrize(("sign", "end"), [(1, " and more"), (-1, " and less")])
def test_the_scale_of_a_heat_map_says_where_levels_lie_beyond_it(sign: int, end: str) -> None:
    """What exploded has the colour of what is merely bad."""

    def level(cell: dict[str, Any], *, exploded: float) -> float:
        return sign * (exploded if cell["lr"] == LR[-1] else cell["width"] / 64)

    axes = {"lr": LR, "width": [32, 64, 128]}
    for exploded in (2.0, 11_000.0):
        given = results(axes, level=functools.partial(level, exploded=exploded), is_maximized=sign < 0)
        heat_map = sketches_of(given, is_grid=True)["by_axis"]
        assert sum(end in word for word in words(heat_map)) == (exploded > 2)


def test_seeds_that_are_missing_are_marked_and_a_diverged_cell_has_a_cross() -> None:
    found = results(
        {"lr": LR, "batch_size": [16, 32]},
        3,
        level=loss,
        has_diverged=lambda cell, seed: cell["lr"] == 2e-3 and (cell["batch_size"] == 16 or seed == 1),
    )
    sketch = sketches_of(found, is_grid=True)["by_axis"]
    assert sum(word.endswith("†") for word in words(sketch)) == 1
    assert "\N{MULTIPLICATION SIGN}" in words(sketch)
    assert any("seeds are missing" in note for note in sketch.notes)
    parallel = sketches_of(found, is_grid=True)["parallel"]
    assert "diverged" in words(parallel)


@pytest.mark.parametrize("axes", [{"lr": LR, "width": [32, 64]}, {"lr": LR}])
def test_what_failed_is_told_from_what_is_not_done_yet(axes: dict[str, Sequence[Any]]) -> None:
    """A grid that has ended has nothing to wait for."""
    states = {LR[2]: EndingKind.FAILED, LR[3]: EndingKind.INTERRUPTED}
    whole = grid(axes, 2, level=loss)
    ended = [states.get(each.cell["lr"], EndingKind.DONE) for each in whole]
    experiments = [replace(each, state=end, ending=end) for each, end in zip(whole, ended, strict=True)]
    sketch = sketches_of(AxisResults.of(Metric("loss"), axes, experiments), is_grid=True)["by_axis"]
    told = " ".join(sketch.notes)
    if len(axes) == 1:
        assert "Without a result, as it failed: lr=0.001." in told
    else:
        assert "\N{MULTIPLICATION SIGN}: failed. …: not done yet." in told
        assert (words(sketch).count("\N{MULTIPLICATION SIGN}"), words(sketch).count("…")) == (2, 2)


def test_on_a_logarithmic_scale_small_levels_keep_two_digits() -> None:
    """A best cell of 0.058 and one of 0.12 are no equals."""
    axes = {"lr": LR, "width": [32, 64]}
    given = results(axes, level=lambda cell: (0.058 if cell["lr"] == LR[0] else 10.0) * cell["width"] / 32)
    shown = words(sketches_of(given, is_grid=True)["by_axis"])
    assert "0.1" not in shown
    assert any(word.startswith(("0.05", "0.06")) for word in shown)


def test_of_four_axes_each_value_of_the_less_important_ones_has_a_heat_map() -> None:
    found = results({"opt": ["adamw", "sgd"], "lr": LR, "n": [1, 2], "batch_size": [16, 32]}, level=lambda cell: (
        cell["lr"] * 1000 + cell["batch_size"] / 100
    ))  # fmt: skip
    assert [parameter.name for parameter in found.by_importance[:2]] == ["lr", "batch_size"]
    sketch = sketches_of(found, is_grid=True)["by_axis"]
    titles = {
        shape.words for shape in sketch.shapes if isinstance(shape, Text) and shape.is_bold and "opt" in shape.words
    }
    values = [{part.strip() for part in title.split(",")} for title in titles]
    assert len(titles) == 4
    assert {"opt adamw", "n 1"} in values


def test_what_has_too_many_values_for_a_picture_each_is_averaged_and_told() -> None:
    found = results({"lr": LR, "b": [16, 32], "seedlike": list(range(40))}, level=loss)
    sketch = sketches_of(found, is_grid=True)["by_axis"]
    assert any(note.startswith("Means over") for note in sketch.notes)


def test_parallel_coordinates_have_twelve_parameters_at_most_the_most_important_beside_the_metric() -> None:
    axes = {f"k{number}": [0, 1] for number in range(5)} | {"lr": [1e-3, 1e-2, 1e-1]}
    found = results(axes, level=lambda cell: cell["lr"] * 10)
    named = [shape.words for shape in sketches_of(found, is_grid=True)["parallel"].shapes
             if isinstance(shape, Text) and shape.is_bold]  # fmt: skip
    assert named[-2:] == ["lr", "loss"]
    states = grid({"a": list(range(64))}, level=lambda cell: cell["a"])
    many = [replace(state, config={f"key{n}": state.index >> n % 6 & 1 for n in range(15)}) for state in states]
    sketch = sketches_of(AxisResults.of(Metric("loss"), {}, many), is_grid=False)["parallel"]
    assert sum(isinstance(shape, Text) and shape.is_bold for shape in sketch.shapes) == 12 + 1
    assert any("key" in note and "least important" in note for note in sketch.notes)


def test_without_a_grid_there_is_no_picture_by_axis_and_of_few_results_none_at_all() -> None:
    assert set(sketches_of(results({"lr": LR, "b": [1, 2]}, 3, is_grid=False), is_grid=False)) == {"parallel"}
    assert sketches_of(results({"lr": LR, "b": [1, 2]}, 2, is_grid=False), is_grid=False) == {}
    assert sketches_of(results({"lr": [1e-3]}, 5), is_grid=True) == {}
    diverged = results({"lr": LR}, 3, has_diverged=lambda _cell, _seed: True)
    assert sketches_of(diverged, is_grid=True) == {}


def test_of_a_metric_to_maximize_the_largest_is_the_best() -> None:
    found = results({"lr": LR, "b": [1, 2]}, 3, level=loss, is_maximized=True)
    best = found.judgement.best
    assert best is not None
    assert "lr=0.002" in best.name
    found_sketches = sketches_of(found, is_grid=True)
    assert "lr=0.002" in found_sketches["by_axis"].description


@pytest.mark.parametrize("share", [place / 20 for place in range(21)])
def test_a_number_can_be_read_on_every_shade(share: float) -> None:
    """A contrast of 4.5, as of every text (WCAG 2.2, 1.4.3)."""
    colour = shade(share)
    assert contrast(colour, readable_on(colour)) >= 4.5
