"""What is told of keys that nobody checks, and that may have no effect or another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launcher.planning.unchecked_keys import keys_beside_base
from tests.launcher.planning.script_place import Place

NO_EFFECT = (
    "train.py names neither sys.argv nor a parser: unless something that it imports reads its arguments, they have"
)
ENVIRONMENT = 'import os\nlr = os.environ.get("LR", "0.1")\namp = os.getenv("AMP")\n'
CLICK, ABSL, TYRO = "import click\n", "from absl import app\n", "import tyro\n"


def told(folder: Path, source: str, style: str, values: dict[str, Any]) -> list[str]:
    place = Place(folder)
    place.write(source)
    notes = place.check({"a": {}, "b": values}, style=style).notes
    return [note for note in notes if not note.startswith("Keys are not checked")]


@pytest.mark.parametrize(
    ("source", "values", "hint"),
    [
        ("from package.cli import main\nmain()\n", {"lr": 1}, ""),
        ("import torch\nprint(torch)\n", {"lr": 1}, "no effect."),
        ("print('epoch 1 loss 0.5')\n", {"lr": 1}, "no effect."),
        ("lr = 0.1\nprint(lr)\n", {"lr": 1}, 'no effect. Did you mean args = "globals"?'),
        (ENVIRONMENT.replace("lr =", "rate ="), {"lr": 1}, 'no effect. Did you mean args = "env"?'),
        ("import sys\nprint(sys.argv)\n", {"lr": 1}, ""),
        ("from docopt import docopt\ndocopt(__doc__)\n", {"lr": 1}, ""),
        ("import fire\n", {"lr": 1, "layers": [1, 2], "amp": False}, ""),
        ("print()\n", {}, ""),
    ],
)
def test_arguments_that_the_script_does_not_seem_to_read_are_told(
    tmp_path: Path, source: str, values: dict[str, Any], hint: str
) -> None:
    notes = told(tmp_path, source, "--key=value", values)
    assert [note.removeprefix(NO_EFFECT).strip() for note in notes] == ([hint] if hint else [])


@pytest.mark.parametrize(
    ("source", "style", "values", "words"),
    [
        (CLICK, "--key=value", {"amp": True}, "amp: typed as --amp=True or False, and a flag of click takes no value."),
        (TYRO, "--key=value", {"a": {"amp": False}}, "a.amp: typed as --a.amp=True or False, and a flag of tyro takes"),
        (CLICK, "--key value", {"amp": True}, ""),
        (CLICK, "--key value", {"amp": False}, ""),
        (f"{CLICK}click.option('--amp', default=False)\n", "--key value", {"amp": False}, ""),
        (
            f"{CLICK}click.option('--use-amp/--no-amp', default=True)\n",
            "--key value",
            {"use-amp": False},
            "use-amp: false is typed as nothing, and the script's own value is true. Set the flag",
        ),
        ("import sys\nsys.argv\n", "--key value", {"amp": False, "x": 1}, ""),
        ("import sys\nsys.argv\n", "--key=value", {"amp": False, "x": [1]}, ""),
        (ABSL, "--key=value", {"amp": False}, ""),
        (
            ABSL,
            "--key=value",
            {"layers": ["3", "4"]},
            "layers: a list is typed as JSON, and absl takes the brackets for",
        ),
    ],
)
def test_values_that_are_typed_as_the_parser_may_not_take_them_are_told(
    tmp_path: Path, source: str, style: str, values: dict[str, Any], words: str
) -> None:
    notes = told(tmp_path, source, style, values)
    assert len(notes) == bool(words)
    assert "".join(notes).startswith(words)


def test_a_variable_that_no_source_names_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, ENVIRONMENT, "env", {"LR": 1, "AMP": 1}) == []
    assert told(tmp_path, ENVIRONMENT, "env", {"lr": 1}) == [
        'lr is no variable that train.py names. Did you mean "LR"?'
    ]
    assert told(tmp_path, "import settings_of_a_library\n", "env", {"lr": 1}) == []
    assert told(tmp_path, ENVIRONMENT, "env", {"OMP_NUM_THREADS": 2, "NCCL_DEBUG": "INFO"}) == []


@pytest.mark.parametrize(
    "source", ["for key in os.environ: pass\n", "dict(os.environ.items())\n", "import pydantic_settings\n"]
)
def test_of_variables_that_are_read_without_their_names_nothing_is_told(tmp_path: Path, source: str) -> None:
    assert told(tmp_path, ENVIRONMENT + source, "env", {"lr": 1}) == []


def test_a_folder_of_hydra_that_experiments_may_share_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.write("import hydra\n")
    two = {"a": {"lr": 1}, "b": {"lr": 2}}
    command = ["{python}", "train.py", "hydra.run.dir=own"]
    note = place.check(two, style="key=value").notes[0]
    assert note.startswith("train.py: Hydra names its folder by the second")
    assert "'hydra.run.dir=\"{dir}\"' in command" in note
    assert place.check({"a": {"lr": 1}}, style="key=value").notes == ()
    assert place.check(two, command, style="key=value").notes == ()
    assert place.check({"a": {}, "b": {"hydra.run.dir": "{dir}"}}, style="key=value").notes == ()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text(
        "lr: 0.1\nhydra:\n  job:\n    chdir: true\n  run:\n    dir: runs/x\n"
    )
    assert place.check(two, style="key=value").notes == ()


def test_a_key_that_the_base_file_does_not_have_is_told() -> None:
    base = {"optim": {"lr": 0.1, "betas": [1, 2]}, "data": {}, "seed": 1}
    config = {"optim": {"lr": 1, "betaz": [1]}, "trian": {"epochs": 3}, "data": {"path": "x"}, "seed": 2}
    assert list(keys_beside_base([config, config], base, "base.yaml")) == [
        'optim.betaz is no key of base.yaml. Did you mean "betas"?'
    ]
    assert list(keys_beside_base([config], {}, "base.yaml")) == []
    slips = [{f"lr_{place}_{number}": 1 for number in range(9)} for place in range(9)]
    assert len(list(keys_beside_base(slips, {"lr_0_x": 1}, "base.yaml"))) == 5
