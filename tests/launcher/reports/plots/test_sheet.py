"""The plot of one experiment: its lines, its title, and that one plot has nothing of the one before."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from launcher.reports.plots.sheet import Sheet
from launcher.reports.smoothing import running_mean
from launcher.store.ending import EndingKind
from launcher.store.metric import Metric
from tests.launcher.reports.plots.states import assert_readable, extents, falling, line


def test_the_curve_is_faint_and_its_running_mean_strong() -> None:
    shown = line(values=[float(value % 7) for value in range(100)])
    figure = Sheet(Metric("loss", "nats per token")).draw(shown)
    (axes,) = figure.axes
    raw, mean = axes.lines
    assert raw.get_ydata().tolist() == shown.logged.tolist()  # type: ignore[union-attr]
    assert mean.get_ydata().tolist() == running_mean(shown.values).tolist()  # type: ignore[union-attr]
    assert (float(raw.get_alpha() or 1.0) < 0.5, mean.get_alpha()) == (True, None)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss (nats per token)")
    assert "a" in extents(figure)


def test_a_sheet_shows_one_experiment_after_the_other_and_nothing_of_the_one_before() -> None:
    sheet = Sheet(Metric("perplexity"))
    shown = {"short": [1.0, 2.0], "large": [3e7, 1.5e3, 9e5], "none": [math.nan] * 3, "small": [1.0, -2.0]}
    for name, values in shown.items():
        figure = sheet.draw(line(name, values=values))
        assert name in extents(figure)
        assert_readable(figure)
        (axes,) = figure.axes
        assert axes.get_visible() == (name != "none")
        if axes.get_visible():
            assert [len(drawn.get_xdata()) for drawn in axes.lines] == [len(values)] * 2  # type: ignore[arg-type]
            low, high = axes.get_ylim()
            assert low <= min(values) < max(values) <= high


def test_an_experiment_without_a_number_has_no_axes() -> None:
    figure = Sheet(Metric("loss")).draw(line(values=[math.nan, math.inf]))
    assert "no number to draw of loss" in extents(figure)
    assert not any(axes.get_visible() for axes in figure.axes)


def test_a_single_step_is_a_point() -> None:
    (axes,) = Sheet(Metric("accuracy")).draw(line(values=[0.5])).axes
    assert [drawn.get_marker() for drawn in axes.lines] == ["None", "None", "o"]
    assert axes.get_ylabel() == "accuracy", "a metric whose unit is not known has its name"


def test_a_run_that_diverged_has_a_cross_and_an_arrow() -> None:
    diverged = line(values=[*falling()[:50], *[1e308] * 10], ending=EndingKind.DIVERGED)
    figure = Sheet(Metric("loss")).draw(diverged)
    (axes,) = figure.axes
    assert axes.get_ylim()[1] < 11
    assert {drawn.get_label() for drawn in axes.lines} >= {"_broken", "_leaves"}
    assert "▲ above the axis: this curve" in extents(figure)
    assert_readable(figure)


@pytest.mark.parametrize("length", [1, 40, 60, 100])
def test_the_title_is_the_whole_name(length: int) -> None:
    figure = Sheet(Metric("loss")).draw(line("W" * length))
    assert_readable(figure)
    rows = [words for words in extents(figure) if set(words) == {"W"}]
    assert all(set(words.get_text()) <= {"W"} for words in figure.texts if "W" in words.get_text())
    assert sum(words.get_text().count("W") for words in figure.texts) == length
    assert rows


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_curve_makes_the_same_bytes(tmp_path: Path, kind: str) -> None:
    for number in range(2):
        sheet = Sheet(Metric("loss"))
        sheet.write(tmp_path / f"before.{kind}", line("before", values=[3e7, 1.0]))
        sheet.write(tmp_path / f"{number}.{kind}", line("this", values=falling()))
    assert (tmp_path / f"0.{kind}").read_bytes() == (tmp_path / f"1.{kind}").read_bytes()
