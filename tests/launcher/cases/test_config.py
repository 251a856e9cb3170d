"""One configuration: what a job file gives is what the target gets, and what is written down about it."""

from __future__ import annotations

from tests.launcher.conftest import Workplace

ARGUMENTS = """
import argparse, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.25)
LR = parser.parse_args().lr
"""


def test_10_argv_is_that_of_a_script_without_arguments(place: Workplace) -> None:
    (place.folder / "arguments.py").write_text(ARGUMENTS)
    (place.folder / "config_of.py").write_text(
        f"{ARGUMENTS}\nfrom dataclasses import dataclass\n@dataclass\nclass Config:\n    lr: float = LR\n"
    )
    (place.folder / "script.py").write_text(
        f"{ARGUMENTS}\nfrom config_of import Config\n"
        "def prepare(config: Config): assert sys.argv[1:] == [] and config.lr == 0.25\n"
        "def run(config: Config, run): run.log(1, loss=config.lr, argv=' '.join(sys.argv))\n"
    )
    job = place.toy({"a": {}}, target="script:run")
    result = place.launch(str(job), "--devices", "cpu", "--threads", "1")
    assert result.code == 0, result.err
    assert place.history("a").steps[1] == {"loss": 0.25, "argv": str(place.folder / "script.py")}


def test_10_an_argument_that_is_required_is_told_by_plan_and_run_alike(place: Workplace) -> None:
    (place.folder / "script.py").write_text(
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--lr', required=True)\n"
        "parser.parse_args()\ndef run(config, run): pass\n"
    )
    job = place.toy({"a": {}}, target="script:run")
    for command in ("plan", "run"):
        result = place.launch(command, str(job), "--devices", "cpu")
        assert result.code == 2
        assert "importing script failed" in result.err
        assert "arguments are required: --lr" in result.err
    assert not place.paths.outcome.exists()
