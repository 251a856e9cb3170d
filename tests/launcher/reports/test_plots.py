"""What the plots show, asked of matplotlib's own objects: lines, labels, units, scales, order."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib.image as mpimg
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from launcher.reports.plots import COLOURS, Line, Sheet, draw_comparison
from launcher.reports.smoothing import running_mean
from launcher.store.curve import Curve
from launcher.store.experiment_state import ExperimentState
from launcher.store.metric import Metric
from launcher.store.step_scale import StepScale


def line(name: str = "a", values: list[float] | None = None, index: int = 0, *, has_tokens: bool = True) -> Line:
    """Return the line of an experiment with a value at each of the steps 1, 2, …, and 100 tokens a step."""
    values = [3.0, 1.0, 2.0] if values is None else values
    steps = range(1, len(values) + 1)
    tokens = StepScale(steps, [100.0 * step for step in steps]) if has_tokens and steps else None
    return Line.of(ExperimentState(name=name, index=index, tokens=tokens), Curve(steps, values))


def strong(axes: Axes) -> list[Line2D]:
    """Return the lines that stand in a legend: the running means."""
    return [drawn for drawn in axes.lines if not str(drawn.get_label()).startswith("_")]


def test_a_line_has_gaps_where_a_value_cannot_be_drawn() -> None:
    drawn = line(values=[3, math.nan, 1e300, -math.inf, 2])
    assert np.isnan(drawn.values).tolist() == [False, True, True, True, False]
    assert drawn.steps.tolist() == [1, 2, 3, 4, 5]
    assert drawn.tokens is not None
    assert drawn.tokens.tolist() == [100, 200, 300, 400, 500]


def test_a_line_has_no_tokens_if_one_of_its_steps_has_none() -> None:
    state = ExperimentState(name="a", tokens=StepScale([1], [5.0]))
    assert Line.of(state, Curve([1, 2], [1.0, 2.0])).tokens is None


def test_the_plot_of_one_experiment_has_its_curve_faint_and_its_running_mean_strong() -> None:
    shown = line(values=[float(value % 7) for value in range(100)])
    (axes,) = Sheet(Metric("loss", "nats per token")).draw(shown).axes
    raw, mean = axes.lines
    assert raw.get_ydata().tolist() == shown.values.tolist()
    assert mean.get_ydata().tolist() == running_mean(shown.values).tolist()
    assert raw.get_alpha() is not None
    assert (float(raw.get_alpha() or 1.0) < 0.5, mean.get_alpha()) == (True, None)
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == (
        "a",
        "step",
        "loss (nats per token)",
    )
    assert axes.get_yscale() == "linear"


def test_a_sheet_shows_one_experiment_after_the_other_and_nothing_of_the_one_before() -> None:
    sheet = Sheet(Metric("perplexity"))
    for name, values in {"short": [1.0, 2.0], "long": [3e7, 1.5e3, 9e5], "short again": [1.0, -2.0]}.items():
        (axes,) = sheet.draw(line(name, values)).axes
        assert axes.get_title(loc="left") == name
        assert [len(drawn.get_xdata()) for drawn in axes.lines] == [len(values)] * 2
        low, high = axes.get_ylim()
        assert low <= min(values) < max(values) <= high


def test_a_single_step_is_a_point() -> None:
    (axes,) = Sheet(Metric("accuracy")).draw(line(values=[0.5])).axes
    assert [drawn.get_marker() for drawn in axes.lines] == ["None", "None", "o"]
    assert axes.get_ylabel() == "accuracy", "a metric whose unit is not known has its name"


def test_perplexity_over_more_than_a_decade_has_a_logarithmic_axis_and_loss_never() -> None:
    wide, narrow = [1000.0, 10.0], [30.0, 10.0]
    scales = [Sheet(Metric(metric)).draw(line(values=values)).axes[0].get_yscale()
              for metric, values in [("perplexity", wide), ("perplexity", narrow), ("loss", wide)]]  # fmt: skip
    assert scales == ["log", "linear", "linear"]


def test_the_comparison_has_a_line_for_each_experiment_in_the_order_of_the_job_file() -> None:
    lines = [line(name, index=index) for index, name in enumerate(["base", "lr", "wide"])]
    figure = draw_comparison(Metric("loss", "nats per token"), lines)
    by_step, by_tokens = figure.axes
    for axes in (by_step, by_tokens):
        assert [drawn.get_label() for drawn in strong(axes)] == ["base", "lr", "wide"]
        assert [to_hex(drawn.get_color()).lower() for drawn in strong(axes)] == [
            colour.lower() for colour in COLOURS[:3]
        ]
        assert len(axes.lines) == 6, "each with its curve behind its running mean"
    assert len({str(drawn.get_linestyle()) for drawn in strong(by_step)}) > 1, "they differ without colours too"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["base", "lr", "wide"]
    assert (by_step.get_xlabel(), by_step.get_ylabel()) == ("step", "loss (nats per token)")
    assert (by_tokens.get_xlabel(), by_tokens.get_ylabel()) == ("training tokens", "")
    assert strong(by_tokens)[0].get_xdata().tolist() == [100, 200, 300]
    assert by_step.get_ylim() == by_tokens.get_ylim()


def test_the_comparison_is_by_step_alone_unless_every_experiment_counts_tokens() -> None:
    (axes,) = draw_comparison(Metric("loss"), [line("a"), line("b", has_tokens=False, index=1)]).axes
    assert axes.get_xlabel() == "step"
    assert len(strong(axes)) == 2


def test_an_experiment_keeps_its_colour_whichever_others_are_drawn() -> None:
    alone = strong(draw_comparison(Metric("loss"), [line("wide", index=2)]).axes[0])[0]
    assert to_hex(alone.get_color()).lower() == COLOURS[2].lower()


def test_nothing_is_cut_off_at_the_edge_whatever_the_size_of_the_numbers(tmp_path: Path) -> None:
    sheet = Sheet(Metric("perplexity"))
    for name, values in {"short": [1.0, 2.0], "long": [3e7, 1.5e3], "short again": [1.0, -2.0]}.items():
        sheet.write(tmp_path / f"{name}.png", line(name, values))
        image = mpimg.imread(tmp_path / f"{name}.png")  # (H, W, 4)
        assert image[:, 0, :3].min() == 1.0, name
