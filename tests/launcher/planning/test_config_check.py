"""Every wrong configuration of a job is told at once."""

from __future__ import annotations

import pytest

from tests.launcher.conftest import TOYS, Workplace


@pytest.mark.parametrize("module", ["toy_config", "whole"])
def test_bad_configurations_are_told_all_at_once_with_their_lines(place: Workplace, module: str) -> None:
    """The launcher imports a class that has a module of its own; a child process looks at one beside its target."""
    whole = (TOYS / "toy_config.py").read_text() + "\n\ndef train(config: ToyConfig, run) -> None: ...\n"
    (place.folder / "whole.py").write_text(whole)
    target = "whole" if module == "whole" else "toy"
    place.job(
        f'[sweep]\ntarget = "{target}:train"\n[config]\nlrr = 1\n[experiments]\n'
        'a = { steps = "x" }\nb = { stps = 3 }\nc = { steps = -1 }\nd.5 = {}\n'
    )
    result = place.launch("job.toml", "--parallel")
    assert result.code == 2
    for told in (
        f'job.toml:4: config.lrr is not a field of {module}.ToyConfig. Did you mean "lr"?',
        "job.toml:6: experiments.a.steps input should be a valid integer, not 'x'",
        f'job.toml:7: experiments.b.stps is not a field of {module}.ToyConfig. Did you mean "steps"?',
        "job.toml:8: c: steps must not be negative, not -1",
        'If "d.5" is an experiment, quote its name',
    ):
        assert told in result.err
    assert result.err.count("config.lrr") == 1
    assert not place.paths.outcome.exists()


def test_a_name_that_toml_takes_apart_is_told_where_any_key_is_allowed(place: Workplace) -> None:
    (place.folder / "free.py").write_text("def run(config: dict, run): ...\n")
    text = '[sweep]\ntarget = "free:run"\n[experiments]\nlr_0.1 = { lr = 0.1 }\nlr_0.3 = { lr = 0.3 }\n'
    place.job(text)
    result = place.launch("job.toml")
    assert result.code == 2
    assert 'job.toml:4: experiments.lr_0 gets a key "1".\n  If "lr_0.1" is an experiment, quote its name' in result.err
    assert 'If "lr_0.3" is an experiment' in result.err
    place.job(text.replace("lr_0.1", "a.model").replace("lr_0.3", "b.layers.0") + "[config.3]\nx = 1\n")
    assert place.launch("plan", "job.toml").code == 0


def test_a_module_beside_the_target_may_have_the_name_of_a_library_of_the_launcher(place: Workplace) -> None:
    (place.folder / "project").mkdir()
    (place.folder / "project" / "typer.py").write_text("SPEED = 1.5\n")
    (place.folder / "project" / "train.py").write_text(
        "from dataclasses import dataclass\n"
        "from typer import SPEED\n\n"
        "@dataclass\nclass Config:\n    lr: float = SPEED\n\n"
        "def run(config: Config, run): ...\n"
    )
    place.job('[sweep]\ntarget = "train:run"\n[experiments]\na = {}\n', "project/job.toml")
    planned = place.launch("plan", "project/job.toml", "--json")
    assert planned.code == 0, planned.err
    assert '"lr": 1.5' in planned.out
