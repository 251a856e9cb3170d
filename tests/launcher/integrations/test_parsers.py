"""Scripts that read their arguments with other libraries than argparse, checked by these before anything starts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import integrations_environment
from tests.launcher.planning.script_place import Place

pytestmark = pytest.mark.integrations

TRAINS = "open('trained', 'w').close()"


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A folder whose scripts are run by the Python that has the library of the test."""
    python, library = integrations_environment.program(), request.param
    found = python and subprocess.run([python, "-c", f"import {library}"], capture_output=True).returncode == 0
    if not found:
        pytest.skip(f"{library} is not installed for scripts: make integrations")
    return Place(tmp_path, python)


@pytest.mark.parametrize("place", ["transformers"], indirect=True)
def test_hugging_faces_parser_refuses_and_tells_its_defaults(place: Place) -> None:
    place.write(
        """
        from dataclasses import dataclass, field
        from typing import Optional
        from transformers import HfArgumentParser
        @dataclass
        class Arguments:
            lr: float = 1e-3
            steps: int = 10
            fp16: bool = False
            pin: bool = True
            name: Optional[str] = None
            layers: list[int] = field(default_factory=lambda: [1, 2])
        (arguments,) = HfArgumentParser(Arguments).parse_args_into_dataclasses()
        """,
        TRAINS,
    )
    assert place.problems({"steps": "x", "stps": 3, "fp16": "maybe", "learn": 1}).keys() == {
        "steps", "stps", "fp16", "learn"
    }  # fmt: skip
    checked = place.check({"a": {"lr": 1e-5, "fp16": True, "pin": False, "layers": [3, 4]}})
    assert not checked.problems
    assert checked.defaults["a"] == {"steps": 10, "name": None}


@pytest.mark.parametrize("place", ["simple_parsing"], indirect=True)
def test_options_of_nested_dataclasses_are_checked(place: Place) -> None:
    place.write(
        """
        from dataclasses import dataclass, field
        from simple_parsing import ArgumentParser
        @dataclass
        class Model:
            width: int = 64
            bias: bool = True
        @dataclass
        class Config:
            lr: float = 1e-3
            model: Model = field(default_factory=Model)
        parser = ArgumentParser()
        parser.add_arguments(Config, dest="config")
        arguments = parser.parse_args()
        """,
        TRAINS,
    )
    assert place.problems({"lr": "x", "wdth": 3}).keys() == {"lr", "wdth"}
    assert place.problems({"lr": 0.5, "width": 3, "bias": False}) == {}


@pytest.mark.parametrize("place", ["hydra"], indirect=True)
def test_hydra_is_asked_for_the_configuration_of_each_experiment(place: Place) -> None:
    place.write("lr: 0.1\nmodel: {width: 64}\n", name="conf/config.yaml")
    place.write(
        """
        import hydra
        @hydra.main(config_path="conf", config_name="config", version_base=None)
        def main(config):
            open("trained", "w").close()
        main()
        """
    )
    experiments = {"good": {"lr": 1e-5, "model": {"width": 5}}, "none": {"lr": None}, "bad": {"lrr": 3}}
    checked = place.check(experiments, style="key=value")
    assert list(checked.problems) == ["bad"]
    assert "Could not override 'lrr'" in checked.problems["bad"][0].message
    assert not (place.folder / "outputs").exists()


@pytest.mark.parametrize("place", ["jsonargparse"], indirect=True)
def test_jsonargparse_is_asked_to_print_the_configuration(place: Place) -> None:
    place.write(
        """
        from jsonargparse import CLI
        def main(lr: float = 0.1, steps: int = 3):
            open("trained", "w").close()
        CLI(main)
        """
    )
    checked = place.check({"good": {"lr": 1e-5}, "unknown": {"lrr": 3}, "wrong": {"steps": "x"}})
    assert set(checked.problems) == {"unknown", "wrong"}
    assert "lrr" in checked.problems["unknown"][0].message


@pytest.mark.parametrize("place", ["simple_parsing"], indirect=True)
def test_each_experiment_has_the_options_of_the_subgroup_it_chooses(place: Place) -> None:
    place.write(
        """
        from dataclasses import dataclass
        from simple_parsing import ArgumentParser, subgroups
        @dataclass
        class Adam:
            lr: float = 0.1
            beta: float = 0.9
        @dataclass
        class Sgd:
            lr: float = 0.2
            nesterov: bool = False
        @dataclass
        class Config:
            optimizer: Adam | Sgd = subgroups({"adam": Adam, "sgd": Sgd}, default="adam")
        parser = ArgumentParser()
        parser.add_arguments(Config, dest="config")
        parser.parse_args()
        """,
        TRAINS,
    )
    good = {"a": {}, "b": {"optimizer": "sgd", "lr": 0.5, "nesterov": True}, "c": {"beta": 0.5}}
    checked = place.check(good)
    assert (checked.problems, checked.command_problems) == ({}, ())
    assert {"beta", "nonesterov"} <= {option.name for option in checked.options or ()}
    assert not place.check({"a": {}}).notes, "a script without arguments is held at its parser, too"
    wrong = place.check({**good, "d": {"optimizer": "sgd", "beta": 0.5}, "e": {"lr": "x"}}).problems
    assert {name: [error.key for error in errors] for name, errors in wrong.items()} == {"d": ["beta"], "e": ["lr"]}
