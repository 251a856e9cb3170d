"""Finding a target and its configuration class without importing training code; checking configurations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.planning import config_check, target_source

CONFIG = """
from dataclasses import dataclass
@dataclass(frozen=True)
class Config:
    lr: float = 0.1
    layers: int = 2
    names: tuple[str, ...] = ()
    def __post_init__(self):
        if self.layers < 1:
            raise ValueError(f"layers must be at least 1, not {self.layers}")
    def inputs(self):
        return [__file__]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config module and a training module that must not be imported in this process."""
    (tmp_path / "the_config.py").write_text(CONFIG)
    (tmp_path / "the_train.py").write_text(
        "import sys\nassert 'pytest' not in sys.modules, 'imported into the launcher'\n"
        "from the_config import Config\nimport the_config as alias\n"
        "def run(config: Config, run): pass\ndef quoted(config: 'Config', run): pass\n"
        "def unchecked(config: dict, run): pass\ndef also(config: dict[str, int], run): pass\n"
        "def aliased(config: alias.Config, run): pass\ndef bare(config, run): pass\ndef short(config: Config): pass\n"
        "assigned = run\n"
    )
    (tmp_path / "one_file.py").write_text(
        "import sys\nassert 'pytest' not in sys.modules\nprint('noise')\n"
        + CONFIG
        + "def run(config: Config, run): pass\n"
    )
    monkeypatch.delitem(sys.modules, "the_config", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("function", "found"),
    [
        ("run", "the_config:Config"),
        ("quoted", "the_config:Config"),
        ("unchecked", "dict"),
        ("also", "dict"),
        ("aliased", None),
        ("assigned", None),
    ],
)
def test_the_class_is_found_by_reading(folder: Path, function: str, found: str | None) -> None:
    assert target_source.find(f"the_train:{function}", folder).config_class == found


@pytest.mark.parametrize("spec", ["the_train:run", "the_train:aliased", "the_train:assigned", "one_file:run"])
def test_configurations_are_checked_wherever_the_class_is(folder: Path, spec: str) -> None:
    checked = config_check.check(
        target_source.find(spec, folder), {"good": {"lr": 1}, "bad": {"lr": "x", "layrs": 3}, "low": {"layers": 0}}
    )
    assert checked["good"].config == {"lr": 1.0, "layers": 2, "names": []}
    assert len(checked["good"].inputs) == 1
    faults = {fault.key: fault.message for fault in checked["bad"].errors}
    assert set(faults) == {"lr", "layrs"}
    assert 'Did you mean "layers"?' in faults["layrs"]
    assert "Fields: layers, lr, names" in faults["layrs"]
    assert [(fault.key, fault.message) for fault in checked["low"].errors] == [
        (None, "layers must be at least 1, not 0")
    ]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("no_such_module:run", "there is no module no_such_module"),
        ("no.such.module:run", "there is no module no.such.module"),
        ("the_train:rnu", 'has no function rnu. Did you mean "run"?'),
        ("the_train:short", "must take two arguments"),
        ("launcher.train:run", "the name launcher is this program's own"),
    ],
)
def test_a_wrong_target_is_told(folder: Path, spec: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        target_source.find(spec, folder)
    assert told in str(caught.value)


def test_a_target_that_is_not_python_is_told(folder: Path) -> None:
    (folder / "torn.py").write_text("def run(config, run:\n")
    with pytest.raises(InputError, match="not valid Python"):
        target_source.find("torn:run", folder)


def test_a_function_without_annotation_is_told(folder: Path) -> None:
    with pytest.raises(InputError, match="must be annotated with a dataclass"):
        config_check.check(target_source.find("the_train:bare", folder), {"a": {}})


def test_a_module_that_exits_when_imported_is_told(folder: Path) -> None:
    (folder / "quits.py").write_text(
        "import sys\nsys.exit('no')\ndef run(config: Config, run): pass\nclass Config: pass\n"
    )
    with pytest.raises(InputError, match="importing quits failed: no"):
        config_check.check(target_source.find("quits:run", folder), {"a": {}})


def test_minigpt_is_checked_without_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from launcher.planning import config_check, target_source\n"
        "found = target_source.find('minigpt.train:run', Path('jobs'))\n"
        "checked = config_check.check(found, {'a': {'lr': 'x'}})\n"
        "assert checked['a'].errors, checked\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
