"""What is told of the metrics that a job file lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from launcher.reports.analysis import observations, told_of_metrics
from launcher.store.experiment_state import ExperimentState
from tests.launcher.reports.analysis.states import curve, made

SCORES = (
    *("acc", "val/acc@5", "test_accuracy", "ValAccuracy", "eval_f1", "macro-f1", "metrics/mAP50-95", "val/AUC", "bleu"),
    *("rougeL", "mIoU", "rollout/ep_rew_mean", "episode_return", "top1", "val_top-5", "val/recall@10"),
)
NO_SCORES = (
    "loss",
    "reward_loss",
    "top1_error",
    "err_acc",
    "perplexity",
    "access",
    "returned_s",
    "remap",
    "acc_std",
    "f",
    *("inaccuracy", "recall_ms", "map_time", "reward_step", "accuracy_drop", "ssim_mse", "return_code", "returns"),
)


def with_metric(metric: str, *, is_maximized: bool = False) -> ExperimentState:
    state = made("a", [1.0])
    return replace(state, curves={**state.curves, metric: curve([0.5], is_maximized=is_maximized)})


@pytest.mark.parametrize("metric", SCORES)
def test_a_metric_of_which_the_smallest_value_counts_though_its_name_says_otherwise_is_told(metric: str) -> None:
    states = [with_metric(metric), made("b", [1.0])]
    told = (
        f'the smallest {metric} counts as the best. If the largest is: write maximize = ["{metric}"] into '
        "[sweep], then the same command; nothing is trained again. maximize = [] says that none is."
    )
    assert told_of_metrics(states, ["loss", metric]) == [told]
    assert observations(states, ["loss", metric])[0] == told.replace("the smallest", "The smallest")
    assert not told_of_metrics(states, ["loss", metric], is_maximize_given=True)
    assert not observations(states, [metric], is_maximize_given=True)[0].startswith("The smallest")
    assert not told_of_metrics(states, ["loss"]), "a metric that is not listed has no best"
    assert not told_of_metrics([with_metric(metric, is_maximized=True)], ["loss", metric])


@pytest.mark.parametrize("metric", NO_SCORES)
def test_of_other_names_nothing_is_told(metric: str) -> None:
    assert not told_of_metrics([with_metric(metric)], [metric])


def test_metrics_that_nobody_logged_are_told_as_such() -> None:
    told = told_of_metrics([made("a", [1.0], logged=("loss",))], ["loss", "acc"])
    assert told == ["metrics names acc, which no experiment logged; logged were: loss."]
