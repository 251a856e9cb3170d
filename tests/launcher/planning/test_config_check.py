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
