"""A grid with seeds, launched as a user would: each experiment its own seed, and more cells run only what is new."""

from __future__ import annotations

import json
import textwrap

import pytest

from launcher.store.history import read_history
from tests.launcher.conftest import Workplace

TRAIN = """
def run(config: dict, run):
    for step in range(1, 4):
        run.log(step, loss=config["lr"] / step + run.seed, seed_seen=run.seed)
"""
JOB = """
[sweep]
target  = "train:run"
metrics = []
preload = []
seeds   = {seeds}
[config]
lr = 0.1
[grid]
lr = {lr}
"""


def write(place: Workplace, *, seeds: object = 2, lr: object = (0.1, 0.2)) -> None:
    (place.folder / "train.py").write_text(TRAIN)
    text = JOB.format(seeds=json.dumps(seeds), lr=json.dumps(lr))
    place.job(textwrap.dedent(text))


def test_each_experiment_has_its_own_seed_and_a_place_in_the_grid(place: Workplace) -> None:
    write(place)
    first = place.launch("job.toml", "--parallel", "--devices", "cpu")
    assert first.code == 0, first.err
    assert "4 of 4 to run (2 lr = 2 cells, 2 seeds each)" in first.err
    names = {"base": 0, "lr=0.2": 0, "base+s1": 1, "lr=0.2+s1": 1}
    for name, seed in names.items():
        history = read_history(place.paths.records(name))
        assert {record["seed_seen"] for record in history.steps.values()} == {seed}
        assert f"seed     {seed}\n" in place.paths.log(name).read_text()
    manifest = json.loads(place.paths.sweep.read_text())
    assert manifest["axes"] == {"lr": [0.1, 0.2]}
    planned = {each["name"]: (each["group"], each["seed"], each["cell"]) for each in manifest["experiments"]}
    assert planned["lr=0.2+s1"] == ("lr=0.2", 1, {"lr": 0.2})


def test_more_values_and_seeds_keep_what_is_done_bit_for_bit(place: Workplace) -> None:
    write(place)
    assert place.launch("job.toml").code == 0
    before = {path.name: path.read_bytes() for path in place.paths.records("base").parent.iterdir()}
    write(place, seeds=[1, 0, 7], lr=(0.3, 0.2, 0.1))
    more = place.launch("job.toml")
    assert more.code == 0, more.err
    assert "5 of 9 to run (3 lr = 3 cells, 3 seeds each)" in more.err
    after = {path.name: path.read_bytes() for path in place.paths.records("base").parent.iterdir()}
    assert before.items() <= after.items()
    assert "base+s7.jsonl" in after


@pytest.mark.slow
def test_the_plan_of_hundreds_names_axes_and_counts_and_what_the_seeds_can_show(place: Workplace) -> None:
    write(place, seeds=3, lr=[round(0.1 + number / 100, 2) for number in range(40)])
    plan = place.launch("plan", "job.toml", "--devices", "cpu")
    assert plan.code == 0, plan.err
    assert "grid: 40 lr = 40 cells, 3 seeds each\n" in plan.out
    assert "  lr  0.1*, 0.11, 0.12" in plan.out
    assert "3 seeds show only large differences; 5 or more are usual" in " ".join(plan.out.split())
    assert plan.out.count("\n") < 50
    other = place.launch("plan", "job.toml", "--devices", "cpu", "-S", "lr=0.12")
    assert "  lr  0.1*, 0.11, 0.12" in other.out, "names are told by the file, whatever -S says"
    verbose = place.launch("plan", "job.toml", "--devices", "cpu", "--verbose")
    assert verbose.out.count("\n") > 400
    described = json.loads(place.launch("plan", "job.toml", "--devices", "cpu", "--json").out)
    assert described["axes"]["lr"][:2] == [0.1, 0.11]
    assert described["experiments"][41]["cell"] == {"lr": 0.11}
    assert (described["experiments"][41]["configuration"], described["experiments"][41]["seed"]) == ("lr=0.11", 1)


@pytest.mark.slow
def test_a_new_axis_that_renames_everything_says_which_value_config_lacks(place: Workplace) -> None:
    (place.folder / "train.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 0.1\n    depth: int = 2\n"
        "def run(config: C, run):\n    run.log(1, loss=config.lr)\n"
    )
    head = '[sweep]\ntarget = "train:run"\nmetrics = []\npreload = []\n'
    place.job(f"{head}[config]\nlr = 0.1\n[grid]\nlr = [0.1, 0.2]\n")
    assert place.launch("job.toml").code == 0
    place.job(f"{head}[config]\nlr = 0.1\n[grid]\nlr = [0.1, 0.2]\ndepth = [2, 4]\n")
    plan = " ".join(place.launch("plan", "job.toml").out.split())
    assert "no value of depth is that of [config]: add depth = 2 there to keep the 2 experiments that have run." in plan
    place.job(f"{head}[config]\nlr = 0.1\ndepth = 2\n[grid]\nlr = [0.1, 0.2]\ndepth = [2, 4]\n")
    assert "2 of 4 to run" in place.launch("plan", "job.toml").out, "a field at its default is no other configuration"


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ('lr = [0.1, "x"]', 'job.toml:9: grid.lr = "x" input should be a valid number'),
        ("[grid.size]\nbig = { lr = 0.2, dept = 3 }", "job.toml:10: grid.size.big.dept is not a field of train.C."),
        ("[grid.size]\na = { lr = 0.2 }\nb = { lr = 0.2 }", "job.toml:8: size=a and size=b are the same training"),
    ],
)
def test_a_value_that_the_target_refuses_is_told_with_its_line(place: Workplace, grid: str, said: str) -> None:
    (place.folder / "train.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 0.1\n    depth: int = 2\n"
        "def run(config: C, run):\n    run.log(1, loss=config.lr)\n"
    )
    place.job(
        f'[sweep]\ntarget = "train:run"\nmetrics = []\npreload = []\nseeds = 3\n[config]\nlr = 0.1\n[grid]\n{grid}\n'
    )
    refused = place.launch("job.toml")
    assert refused.code == 2
    assert said in refused.err
    assert refused.err.count("error:") == 1
    assert not place.paths.outcome.exists()


def test_a_command_that_gets_no_seed_is_refused_several_seeds(place: Workplace) -> None:
    (place.folder / "s.py").write_text("print('step 1: loss 2')\n")
    (place.folder / "t.py").write_text("import sys\nprint('step 1: loss', sys.argv[1])\n")
    job = (
        '[sweep]\ncommand = {command}\nmetrics = ["loss"]\nseeds = 2\ncheck = false\n'
        'log = ["step {{step}}: loss {{loss}}"]\n[experiments]\na = {{}}\n'
    )
    place.job(job.format(command='["{python}", "s.py"]'))
    refused = place.launch("job.toml")
    assert refused.code == 2
    assert "job.toml:4: sweep.seeds: the command gets no seed" in refused.err
    place.job(job.format(command='["{python}", "t.py", "{seed}"]'))
    assert place.launch("job.toml", "--devices", "cpu").code == 0
    assert read_history(place.paths.records("a+s1")).steps[1]["loss"] == 1
