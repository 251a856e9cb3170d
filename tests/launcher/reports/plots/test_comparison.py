"""The plot that compares experiments, asked of the drawn figure: lines, names, limits, and that no text is cut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from launcher.reports.plots.comparison import Comparison
from launcher.reports.plots.line import Line
from launcher.reports.plots.style import COLOURS
from launcher.store.ending import EndingKind
from launcher.store.metric import Metric
from tests.launcher.reports.plots.states import assert_readable, extents, falling, line, sweep

LOSS = Metric("loss", "nats per token")
SIZES = [1, 5, 12, 13, 24, 200, 1000]


def figure_of(lines: Sequence[Line], metric: Metric = LOSS, **rest: Any) -> Figure:
    return Comparison(metric, lines, reference="baseline", **rest).figure


def strong(axes: Axes) -> list[Line2D]:
    """Return the smooth lines that are named."""
    return [drawn for drawn in axes.lines if not str(drawn.get_label()).startswith("_")]


def thin(axes: Axes) -> int:
    """Return how many lines are drawn thin."""
    return sum(len(found.get_segments()) for found in axes.collections if isinstance(found, LineCollection))


@pytest.mark.parametrize("num", SIZES)
def test_a_plot_can_be_read_whatever_the_number_of_experiments(num: int) -> None:
    figure = figure_of(sweep(num), corner="as of 2026-01-31 09:30:00, 3 of 1,000 running")
    assert_readable(figure)
    by_step, by_tokens = figure.axes
    for axes in (by_step, by_tokens):
        named = strong(axes)
        assert len(named) + thin(axes) == num
        assert len(named) == num if num <= 12 else len(named) in (5, 6)
    names = [str(drawn.get_label()) for drawn in strong(by_step)]
    written = extents(figure)
    assert all(any(words.removesuffix(" (reference)") == name for words in written) for name in names)
    assert figure.get_figwidth() < 13


@pytest.mark.parametrize("num", [5, 24, 200])
def test_long_names_are_shortened_by_what_they_share_and_never_cut_by_the_edge(num: int) -> None:
    figure = figure_of(sweep(num, name="resnet50_imagenet_lr_{lr:.3e}_wd_0.05_bs_256_seed_{seed:04}_long_description"))
    assert_readable(figure)
    names = [str(drawn.get_label()) for drawn in strong(figure.axes[0])]
    assert len(set(names)) == len(names)
    assert all("resnet50" not in name for name in names)


def test_names_of_a_hundred_letters_without_a_part_in_common_are_cut() -> None:
    figure = figure_of([line(letter * 100, place) for place, letter in enumerate("abcdefghijkl")])
    assert_readable(figure)


def test_of_many_the_best_and_the_reference_are_named_and_said_to_be() -> None:
    lines = [*sweep(40)[1:], line("baseline", 0, falling(9.0))]
    figure = figure_of(lines)
    assert len(strong(figure.axes[0])) == 6
    written = extents(figure)
    assert "baseline (reference)" in written
    assert any(words.startswith("Of 40 experiments the best 5 are named, and the reference") for words in written)
    best = {line.name for line in sorted(lines, key=lambda line: line.best or 0.0)[:5]}
    assert best <= {str(drawn.get_label()) for drawn in strong(figure.axes[0])} | best


def test_where_a_key_separates_the_lines_it_colours_them_and_the_scale_is_shown() -> None:
    figure = figure_of(sweep(24))
    (lines,) = figure.axes[0].collections
    assert len({tuple(colour) for colour in lines.get_colors()}) > 10  # type: ignore[attr-defined]
    assert "lr (log scale)" in extents(figure)


def test_where_no_key_does_the_other_lines_are_grey() -> None:
    lines = [line(f"e{place}", place, falling(3 + place * 7 % 5, seed=place), config={"seed": place})
             for place in range(30)]  # fmt: skip
    figure = figure_of(lines)
    (drawn,) = figure.axes[0].collections
    assert len({tuple(colour) for colour in drawn.get_colors()}) == 1  # type: ignore[attr-defined]
    assert_readable(figure)


def test_few_values_of_a_key_have_a_colour_each() -> None:
    lines = [
        line(f"e{place}", place, falling(3 + place % 3, seed=place), config={"optimiser": {"name": "abc"[place % 3]}})
        for place in range(30)
    ]
    figure = figure_of(lines)
    assert {"optimiser.name", "a", "b", "c"} <= extents(figure).keys()
    assert_readable(figure)


def test_up_to_a_dozen_each_has_the_colour_of_its_place_in_the_job_file() -> None:
    alone = strong(figure_of([line("wide", 2)]).axes[0])[0]
    assert to_hex(alone.get_color()).lower() == COLOURS[2].lower()
    names = [str(drawn.get_label()) for drawn in strong(figure_of([line(name, place) for place, name in
             enumerate(["base", "lr", "wide"])]).axes[0])]  # fmt: skip
    assert names == ["base", "lr", "wide"]


def test_names_stand_in_the_order_in_which_their_lines_end() -> None:
    written = extents(figure_of([line(f"e{place}", place, falling(3 + place)) for place in range(4)]))
    heights = [written[f"e{place}"].y0 for place in range(4)]
    assert heights == sorted(heights)


@pytest.mark.parametrize("bad", [1e308, 300.0])
def test_a_diverged_run_flattens_nothing_and_an_arrow_says_what_leaves(bad: float) -> None:
    lines = [line(f"e{place}", place, falling(seed=place)) for place in range(5)]
    broken = line("bad", 5, [*falling()[:30], *[bad] * 30], ending=EndingKind.DIVERGED)
    figure = figure_of([*lines, broken])
    assert_readable(figure)
    low, high = figure.axes[0].get_ylim()
    assert (low > 0, high < 12) == (True, True)
    assert any(words.startswith("▲ above the axis: bad") for words in extents(figure))
    (mark,) = [drawn for drawn in figure.axes[0].lines if drawn.get_label() == "_leaves"]
    assert mark.get_marker() == "^"


def test_failed_experiments_have_a_cross_at_their_end_and_never_are_the_best() -> None:
    lines = [*sweep(20), line("oom", 20, [0.001] * 10, ending=EndingKind.OUT_OF_MEMORY)]
    figure = figure_of(lines)
    crosses = [drawn for drawn in figure.axes[0].lines if drawn.get_label() == "_broken"]
    assert [drawn.get_xdata().tolist() for drawn in crosses] == [[10.0]]  # type: ignore[union-attr]
    assert "oom" not in {drawn.get_label() for drawn in strong(figure.axes[0])}
    assert any("where an experiment failed or diverged" in words for words in extents(figure))


def test_an_experiment_without_a_number_is_named_under_the_plot() -> None:
    figure = figure_of([line("good", 0, falling()), line("none", 1, [math.nan] * 60)])
    assert any(words.startswith("No number to draw: none") for words in extents(figure))
    assert [drawn.get_label() for drawn in strong(figure.axes[0])] == ["good"]


def test_no_axes_are_invented_where_nothing_has_a_number() -> None:
    figure = figure_of([line("a", 0, [math.nan] * 9), line("b", 1, [math.inf])], corner="as of 2026-01-31 09:30:00")
    assert figure.axes == []
    assert "loss: no experiment has a number to draw." in extents(figure)
    assert_readable(figure)


def test_small_losses_are_compared_on_a_logarithmic_axis() -> None:
    lines = [line(f"e{place}", place, [end] * 9) for place, end in enumerate([0.0087, 0.0008, 0.0004])]
    figure = figure_of(lines, Metric("mse"))
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}
    assert_readable(figure)


def test_a_single_step_is_a_point() -> None:
    figure = figure_of([line("baseline", 0, [5.1])])
    assert any(drawn.get_marker() == "o" for drawn in figure.axes[0].lines)
    assert_readable(figure)


def test_a_metric_with_a_long_name_and_unit_is_not_cut() -> None:
    figure = figure_of([line("a")], Metric("validation/" + "x" * 60, "nats per token " * 4))
    assert_readable(figure)


def test_panels_are_by_step_and_by_tokens_where_every_experiment_counts_them() -> None:
    by_step, by_tokens = figure_of([line("a"), line("b", 1)]).axes
    assert (by_step.get_xlabel(), by_step.get_ylabel()) == ("step", "loss (nats per token)")
    assert (by_tokens.get_xlabel(), by_tokens.get_ylabel()) == ("training tokens", "")
    assert strong(by_tokens)[0].get_xdata().tolist() == [100, 200, 300]  # type: ignore[union-attr]
    assert by_step.get_ylim() == by_tokens.get_ylim()
    (axes,) = figure_of([line("a"), line("b", 1, has_tokens=False)]).axes
    assert axes.get_xlabel() == "step"


def test_panels_by_time_and_share_on_request() -> None:
    figure = figure_of([line("a", 0, falling()), line("b", 1, falling())], x=["time", "share", "step", "tokens"])
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "time (seconds)", "share of the training", "step", "training tokens"]  # fmt: skip
    assert strong(figure.axes[0])[0].get_xdata()[-1] == 30.0  # type: ignore[index]
    assert strong(figure.axes[1])[0].get_xdata()[-1] == 1.0  # type: ignore[index]
    assert_readable(figure)


def test_larger_is_better_where_the_metric_says_so() -> None:
    lines = [line(f"e{place}", place, [0.1, 0.5 + place / 100], is_maximized=True) for place in range(30)]
    figure = figure_of(lines, Metric("acc", is_maximized=True))
    assert {drawn.get_label() for drawn in strong(figure.axes[0])} == {f"e{place}" for place in range(25, 30)}


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_data_make_the_same_bytes(tmp_path: Path, kind: str) -> None:
    for number in range(2):
        Comparison(LOSS, sweep(14), reference="baseline").write(tmp_path / f"{number}.{kind}")
    first, second = ((tmp_path / f"{number}.{kind}").read_bytes() for number in range(2))
    assert first == second
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])


@pytest.mark.parametrize("reference", ["e3", None])
def test_where_all_failed_none_is_the_best(reference: str | None) -> None:
    lines = [line(f"e{place}", place, falling(), ending=EndingKind.FAILED) for place in range(20)]
    figure = Comparison(LOSS, lines, reference=reference).figure
    assert_readable(figure)
    named = "only the reference, e3, is named" if reference else "none is named"
    assert any(words.startswith(f"Of 20 experiments {named}: all others failed") for words in extents(figure))


def test_a_unit_or_value_that_the_font_does_not_have_warns_nobody(tmp_path: Path) -> None:
    lines = [
        line(f"e{place}", place, falling(3 + place % 2), config={"w": "\u8bad\u7ec3"[place % 2]}) for place in range(20)
    ]
    Comparison(Metric("loss", "\u8bad\u7ec3"), lines).write(tmp_path / "a.png")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_hundreds_of_lines_are_pixels_in_a_vector_file_and_the_same_bytes(tmp_path: Path, kind: str) -> None:
    lines = [line(f"e{place}", place, falling(num=150, seed=place)) for place in range(400)]
    for number in range(2):
        Comparison(LOSS, lines).write(tmp_path / f"{number}.{kind}")
    first, second = ((tmp_path / f"{number}.{kind}").read_bytes() for number in range(2))
    assert first == second
    assert len(first) < 4_000_000
