"""Metrics in a job file: names with slashes, units, scales, and what is told when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.planning.job import Sweep, load
from launcher.planning.metrics import described
from launcher.planning.target_source import find_metrics


def read(folder: Path, metrics: str, experiments: str = "a = {}\n", more: str = "") -> Sweep:
    job = folder / "job.toml"
    job.write_text(f'[sweep]\ntarget = "toy:train"\n{more}metrics = {metrics}\n[experiments]\n{experiments}')
    return load(job)


def refused(folder: Path, metrics: str, experiments: str = "a = {}\n", more: str = "") -> str:
    with pytest.raises(InputError) as caught:
        read(folder, metrics, experiments, more)
    return "\n".join(caught.value.problems)


def test_names_of_tensorboard_and_lightning_are_allowed(tmp_path: Path) -> None:
    sweep = read(tmp_path, '["train/loss", "val/acc@5", "eval.loss", "grad-norm"]', more='maximize = ["val/acc@5"]\n')
    assert sweep.settings.metrics == ("train/loss", "val/acc@5", "eval.loss", "grad-norm")
    assert sweep.settings.maximize == ("val/acc@5",)


def test_a_table_gives_unit_and_scale_and_the_names_stay_names(tmp_path: Path) -> None:
    sweep = read(tmp_path, '["acc", { name = "train/loss", unit = "nats per token", scale = "log" }]')
    assert sweep.settings.metrics == ("acc", "train/loss")
    assert sweep.metric_details == {"train/loss": {"unit": "nats per token", "scale": "log"}}


def test_a_command_finds_a_metric_by_the_name_that_its_library_has_for_it(tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    job.write_text(
        '[sweep]\ncommand = ["train"]\nmaximize = ["val/acc@5"]\n'
        'metrics = ["train/loss", { name = "val/acc@5", unit = "top 5" }, "train_loss"]\n[experiments]\na = {}\n'
    )
    sweep = load(job)
    assert sweep.settings.metrics == ("train_loss", "val_acc_5")
    assert sweep.settings.maximize == ("val_acc_5",)
    assert sweep.metric_details == {"val_acc_5": {"unit": "top 5"}}
    job.write_text(job.read_text().replace('"train_loss"]', '["x"], 1]'))
    with pytest.raises(InputError, match="metrics"):
        load(job)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{ nam = "loss" }', 'job.toml:3: sweep.metrics.1.nam is not a field of a metric. Did you mean "name"?'),
        ('{ unit = "m" }', "job.toml:3: sweep.metrics.1.name is missing"),
        ('{ name = "x", unit = 3 }', "job.toml:3: sweep.metrics.1.unit input should be a valid string, not 3"),
        ('{ name = "x", scale = "logg" }', "job.toml:3: sweep.metrics.1.scale input should be 'auto', 'linear'"),
        ('{ name = "x", unit = "a\\nb" }', "job.toml:3: sweep.metrics.1 unit is a line of at most 60 characters.\n"),
        (f'{{ name = "x", unit = "{"m" * 61}" }}', "sweep.metrics.1 unit is a line of at most 60 characters"),
        ('{ name = "loss" }', 'job.toml:3: sweep.metrics.1 names "loss" again'),
        ('{ name = "../x" }', 'not "../x": such a name has 1 to 100 of the characters'),
        ("3", "job.toml:3: sweep.metrics.1 input should be a valid string, not 3"),
        ('"../x"', 'metrics and maximize hold names like "loss" or "train/loss", not "../x"'),
        ('"a\\u0000b"', "such a name has 1 to 100 of the characters"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_with_its_line(tmp_path: Path, entry: str, message: str) -> None:
    assert message in refused(tmp_path, f'["loss", {entry}]')


def test_metrics_that_are_no_list_are_told(tmp_path: Path) -> None:
    assert "job.toml:3: sweep.metrics input should be a valid" in refused(tmp_path, '{ name = "loss" }')


def test_metrics_whose_files_would_be_the_same_are_told(tmp_path: Path) -> None:
    found = refused(tmp_path, '["train/loss", "acc", "train_loss"]')
    assert (
        'job.toml:3: sweep.metrics: "train/loss" and "train_loss" would both have the file train_loss_curves.png.'
        in found
    )
    assert "Take one of the metrics out of metrics" in found
    found = refused(tmp_path, '["loss", "loss/curve/x"]', "x_curves = {}\n")
    assert '"loss" of x_curves and "loss/curve/x" would both have the file loss_curve_x_curves.png' in found
    found = refused(tmp_path, '["loss", "loss_curve"]', "a = {}\ncurve_a = {}\n")
    assert "would both have the file loss_curve_curve_a.png" in found
    read(tmp_path, '["loss", "loss_curve"]')
    read(tmp_path, '["loss", "loss"]')


@pytest.mark.parametrize(("plots", "message"), [('["jpg"]', "sweep.plots.0 input should be 'png', 'svg' or 'pdf'"),
                                                ("[]", "plots names at least one kind of file")])  # fmt: skip
def test_wrong_kinds_of_plots_are_told(tmp_path: Path, plots: str, message: str) -> None:
    assert message in refused(tmp_path, '["loss"]', more=f"plots = {plots}\n")


def test_a_target_names_units_in_its_source_and_the_job_wins(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(
        "import nowhere\n"
        'METRICS: dict = {"loss": {"unit": "nats per token", "scale": "log"}, "acc": {"unit": "%"}, 3: {}}\n'
        "def train(config: dict, run): ...\n"
    )
    found = find_metrics("toy:train", tmp_path)
    assert found == {"loss": {"unit": "nats per token", "scale": "log"}, "acc": {"unit": "%"}}
    job = {"loss": {"unit": "bits"}, "acc": {"unit": ""}, "x": {"scale": "linear"}}
    assert described(found, job) == {"loss": {"unit": "bits", "scale": "log"}, "x": {"scale": "linear"}}


@pytest.mark.parametrize(
    "source", ["METRICS = ['loss']", "METRICS = {'loss': 'm'}", "METRICS = make()", "METRICS: dict", "METRICS = {", ""]
)
def test_another_metrics_of_a_module_is_its_own_affair(tmp_path: Path, source: str) -> None:
    (tmp_path / "toy_own.py").write_text(f"{source}\n")
    assert not any(find_metrics("toy_own:train", tmp_path).values())
    assert find_metrics("no_such_module:train", tmp_path) == {}


def test_minigpt_names_its_unit() -> None:
    assert find_metrics("minigpt.train:run", Path()) == {"loss": {"unit": "nats per token"}}
