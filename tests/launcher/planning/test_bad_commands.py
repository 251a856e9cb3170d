"""Wrong keys of a job with a command: told all at once, with the line, before any worker starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.planning.job import load
from launcher.planning.resolve import resolve

COMMAND = 'command = ["{python}", "train.py", "{args}"]'


def problems(folder: Path, sweep: str, rest: str = "[experiments]\na = {}\n") -> list[str]:
    (folder / "train.py").write_text("print('step 1: loss 2')\n")
    (folder / "job.toml").write_text(f"[sweep]\n{sweep}\n{rest}")
    with pytest.raises(InputError) as caught:
        resolve(load(folder / "job.toml"))
    return caught.value.problems


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ("seed = 1", 'sweep.target is missing. Write target = "train:run", or command ='),
        (f'target = "a:b"\n{COMMAND}', "it has a target and a command"),
        ('target = "a:b"\nargs = "key=value"', "args is for a job with a command"),
        ('command = "python train.py --lr 1"', 'Probably: command = ["python", "train.py", "--lr", "1"]'),
        ("command = []", "sweep.target is missing"),
        ('command = [""]', "its first is the program"),
        ('command = ["{python}", "--x={dri}"]', 'unknown placeholder {dri}. Did you mean "dir"?'),
        ('command = ["{python}", "--x={"]', "lone {"),
        ('command = ["{python}", "x{args}"]', "{args} stands alone"),
        ('command = ["{python}", "{args}", "{args}"]', "has {args} twice"),
        ('command = ["{python}", "{config}"]', '{config} is the file of args = "file"'),
        (f'{COMMAND}\nargs = "--key:value"', "sweep.args"),
        (f'{COMMAND}\nlog = ["loss"]', 'the template "loss"'),
        (f"{COMMAND}\nlog = true", "sweep.log"),
        (f'{COMMAND}\nhooks = ["wanbd"]', "sweep.hooks"),
        (f'{COMMAND}\nresume = "x"', "resume is a table"),
        (f'{COMMAND}\nresume = {{ fi = "x" }}', "resume.fi is unknown. It has the keys if and args"),
        (f'{COMMAND}\nresume = {{ if = "x", args = "--r" }}', "resume.args is a list of texts"),
        (f'{COMMAND}\nresume = {{ if = "{{dri}}/x" }}', "unknown placeholder {dri}"),
        (f"{COMMAND}\ntotal = -1", "total is a number of steps from 0"),
        (f'{COMMAND}\nstop_signal = "SIGKILL"', "sweep.stop_signal"),
        (f"{COMMAND}\nenv = {{ A = [1] }}", "sweep.env"),
        (f'{COMMAND}\nenv = {{ "A=B" = "x" }}', "env: 'A=B' is no name of a variable"),
        (f'{COMMAND}\ncwd = "{{port}}"', "{port} is known when the command starts"),
        (f'{COMMAND}\nenv = {{ A = "{{nam}}" }}', 'Did you mean "name"?'),
        (f'{COMMAND}\ninputs = ["no/such/*.py"]', 'there is no file "no/such/*.py"'),
        (f'{COMMAND}\nconfig_base = "b.json"', 'config_base is for args = "file"'),
        (f'{COMMAND}\nargs = "file"\nconfig_base = "b.json"', 'there is no file "b.json"'),
        (f"{COMMAND}\nelastic_threads = true", "a script has its threads from its start on"),
        (f'{COMMAND}\non_oom = "halve_batch"', "no whole number batch_size"),
        (f"{COMMAND}\ncomand = 1", 'Did you mean "command"?'),
    ],
)
def test_a_wrong_key_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sweep: str, told: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert any(told in problem for problem in problems(tmp_path, sweep)), problems(tmp_path, sweep)


def test_a_port_in_a_file_is_told(tmp_path: Path) -> None:
    rest = '[config]\nurl = "tcp://x:{port}"\n[experiments]\na = {}\n'
    told = problems(tmp_path, f'{COMMAND}\nargs = "file"', rest)
    assert told == ['a: url has {port}, which args = "file" cannot give: put it into command or env.']


def test_a_placeholder_that_one_experiment_lacks_is_told_for_it(tmp_path: Path) -> None:
    sweep, rest = 'command = ["{python}", "{alpha}"]', "[experiments]\na = { alpha = 1 }\nb = {}\n"
    assert problems(tmp_path, sweep, rest) == [
        f'{tmp_path}/job.toml:2: sweep.command for the experiment b: "{{alpha}}" has the unknown placeholder {{alpha}}.'
    ]


def test_a_total_that_is_no_number_of_steps_is_told(tmp_path: Path) -> None:
    sweep, rest = f'{COMMAND}\ntotal = "steps"', '[config]\nsteps = "many"\n[experiments]\na = {}\n'
    assert (
        "sweep.total is the key steps, which is 'many' in a: no number of steps." in problems(tmp_path, sweep, rest)[0]
    )


def test_a_key_that_is_missing_in_one_experiment_is_told_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', required=True)\np.parse_args()\n"
    (tmp_path / "fit.py").write_text(source)
    sweep = COMMAND.replace("train.py", "fit.py")
    (of_one,) = problems(tmp_path, sweep, "[experiments]\na = { lr = 1 }\nb = {}\n")
    assert of_one.endswith("job.toml:5: experiments.b.lr is missing: fit.py requires it")
    (of_all,) = problems(tmp_path, sweep, "[experiments]\na = {}\nb = {}\n")
    assert "config.lr is missing" in of_all
