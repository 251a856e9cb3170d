"""A sweep that is made in Python: the same checks as a job file, and targets that a worker can import."""

from __future__ import annotations

import enum
import math
import sys
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import InputError
from launcher.planning import job
from launcher.planning.job import Sweep
from launcher.planning.python_target import folder_of, spec_of


class Colour(enum.Enum):
    RED = "red"


def make(**given: Any) -> Sweep:
    return Sweep.make(**({"target": "train:run", "experiments": {"a": {}}} | given))


def test_it_is_the_same_as_its_job_file(tmp_path: Path) -> None:
    config = {
        "lr": 1e-3,
        "none": None,
        "text": "none",
        "at": "@home",
        "nested": {"a b": [1, 2.5, math.inf]},
        "on": True,
    }
    experiments = {"a": {}, "lr=1.5": {"lr": 1.5, "path": Path("x/y"), "colour": Colour.RED, "pair": (1, 2)}}
    sweep = make(config=config, experiments=experiments, metrics=["loss", "acc"], maximize=["acc"], retries=2)
    file = tmp_path / "job.toml"
    file.write_text(sweep.text)
    loaded = job.load(file)
    assert (loaded.settings, loaded.config, loaded.experiments) == (sweep.settings, sweep.config, sweep.experiments)
    assert sweep.config == config
    assert sweep.experiments["lr=1.5"] == {"lr": 1.5, "path": "x/y", "colour": "red", "pair": [1, 2]}
    assert sweep.settings.retries == 2


@dataclass
class Scaled:
    lr: float = 0.1
    batch: int = 512
    depth: int = 2

    def __post_init__(self) -> None:
        self.lr = self.lr * self.batch / 256


def test_an_instance_is_given_by_the_values_that_make_it_again() -> None:
    experiments = {"a": {"model": Scaled(batch=1024)}, "b": {"model": Scaled(batch=256, depth=3)}}
    sweep = make(experiments=experiments)
    assert sweep.experiments["a"] == {"model": {"batch": 1024, "depth": 2}}
    assert Scaled(**sweep.experiments["b"]["model"]) == experiments["b"]["model"]
    with pytest.raises(InputError, match=r"experiments.a: .*give a dict of those it is made from"):
        make(experiments={"a": {"model": Scaled(lr=0.3, batch=1024)}})


def test_secrets_are_used_and_not_written() -> None:
    config = {"api_key": "sk-91f3c0de77", "hub": {"token": "sk-1", "name": "x"}, "max_tokens": 9}
    sweep = make(config=config, experiments={"a": {}, "b": {"password": "sk-2"}})
    assert sweep.config == config
    assert sweep.experiments["b"] == {"password": "sk-2"}
    assert "sk-" not in sweep.text
    assert "Left out, as secrets are written nowhere: config.api_key, config.hub.token, experiments.b.password." in (
        sweep.text
    )
    public = tomllib.loads(sweep.text)
    assert public["config"] == {"hub": {"name": "x"}, "max_tokens": 9}
    assert public["experiments"] == {"a": {}, "b": {}}


def test_its_name_and_folders_follow_from_the_target() -> None:
    assert make(target="lab.train:run").name == "train"
    named = make(name="mine")
    assert (named.name, named.outcome, named.job_file) == ("mine", Path("outcome/mine"), Path("outcome/mine/job.toml"))
    assert make(outcome="results").job_file == Path("results/job.toml")


def test_problems_are_told_as_of_a_job_file_without_lines() -> None:
    with pytest.raises(InputError) as caught:
        make(experiments={"a b": {}, "c": 3}, thread=3, seed="x")
    text = str(caught.value)
    assert 'sweep.thread is not a field of the [sweep] table. Did you mean "threads"?' in text
    assert "sweep.seed input should be a valid integer" in text
    assert 'the experiment name "a b" is not allowed' in text
    assert "experiments.c is a table of overrides" in text
    assert "job.toml" not in text
    with pytest.raises(InputError, match=r"config.lr: .* cannot stand in a job file"):
        make(config={"lr": object()})
    with pytest.raises(InputError, match="experiments is a dict"):
        make(experiments=["a"])
    with pytest.raises(InputError, match="names none"):
        make(experiments={})
    assert make(config={"tag": "@None"}).config == {"tag": "@None"}, "Python has a None, and text is text"


def test_a_function_of_a_module_is_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "__init__.py").write_text("")
    (tmp_path / "lab" / "fit.py").write_text("def run(config: dict, run): ...\ninner = lambda config, run: None\n")
    monkeypatch.syspath_prepend(tmp_path)
    import lab.fit  # type: ignore[import-not-found]

    sweep = make(target=lab.fit.run)
    assert (sweep.settings.target, sweep.name, sweep.target_folder) == ("lab.fit:run", "fit", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert f"need the target's module: PYTHONPATH={tmp_path}" in sweep.text
    assert "PYTHONPATH" not in make(target=lab.fit.run).text
    assert folder_of("lab.fit:run") == Path(), "below the working directory the path is relative"
    with pytest.raises(InputError, match="no function at the top level"):
        make(target=lab.fit.inner)
    for name in ("lab.fit", "lab"):
        del sys.modules[name]


def test_what_a_worker_cannot_import_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def inside(config: Any, run: Any) -> None: ...

    with pytest.raises(InputError, match="no function at the top level"):
        spec_of(inside)
    main = types.ModuleType("__main__")
    exec("def run(config, run): ...", main.__dict__)
    with pytest.raises(InputError, match=r"notebook cell.*\n.*Put it into a file beside it"):
        spec_of(main.run)
    for wrong in (3, Colour, print.__class__, object()):
        with pytest.raises(InputError, match="target is a function, or text"):
            spec_of(wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="module:function"):
        make(target="train")


def test_keys_that_are_numbers_are_taken_as_text() -> None:
    made = make(config={1: {2: 0.1}}, experiments={"a": {3: 1}, 4: {}}, grid={5: [0, 1]})
    assert list(made.experiments) == ["a+5=0", "a+5=1", "4+5=0", "4+5=1"]
    assert tomllib.loads(made.text)["config"] == {"1": {"2": 0.1}}
