"""Reading job files: what is accepted, and that every problem is told with file, line and field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.planning.job import load

GOOD = """
[sweep]
name = "mine"
target = "toy:train"

[config]
lr = 5e-4

[experiments]
baseline = {}
"lr_1.5" = { lr = 1.5 }
lr_1e-3 = { lr = 1e-3 }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "job.toml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        load(write(folder, text))
    return caught.value.problems


def test_a_good_file(tmp_path: Path) -> None:
    sweep = load(write(tmp_path, GOOD))
    assert sweep.name == "mine"
    assert sweep.outcome == Path("outcome/mine")
    assert sweep.logs == Path("logs/mine")
    assert sweep.config == {"lr": 5e-4}
    assert list(sweep.experiments) == ["baseline", "lr_1.5", "lr_1e-3"]
    assert sweep.settings.preload == ("torch", "torch._dynamo")
    assert replace(sweep.settings, gpus=2).modules_to_preload == ("torch",), "a DDP model may hang at its end with both"
    assert replace(sweep.settings, gpus=2, preload=("torch._dynamo",)).modules_to_preload == ("torch._dynamo",)


def test_the_name_is_the_file_name_by_default(tmp_path: Path) -> None:
    assert load(write(tmp_path, GOOD.replace('name = "mine"', ""))).name == "job"


def test_all_problems_at_once_each_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        '[sweep]\ntarget = "toy:train"\noutcom = "x"\nseed = "one"\n\n[confg]\n\n'
        '[experiments]\na = {}\nA = {}\n"x/y" = {}\n',
    )
    text = "\n".join(found)
    assert 'job.toml:3: sweep.outcom is not a field of the [sweep] table. Did you mean "outcome"?' in text
    assert "job.toml:4: sweep.seed input should be a valid integer, not 'one'" in text
    assert 'job.toml:6: confg is not a table of a job file. Did you mean "config"?' in text
    assert 'job.toml:10: the experiments "a" and "A" differ only in case' in text
    assert 'job.toml:11: the experiment name "x/y" is not allowed' in text


@pytest.mark.parametrize("name", ["a", "A-1", "lr_1e-3", "x=1", "a" * 100, "0.5", "a+b"])
def test_names_that_are_safe_are_accepted(tmp_path: Path, name: str) -> None:
    assert list(load(write(tmp_path, f'[sweep]\ntarget = "t:f"\n[experiments]\n"{name}" = {{}}\n')).experiments) == [
        name
    ]


def test_a_missing_file_lists_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(InputError, match=r'Did you mean ".*job.toml"'):
        load(tmp_path / "jbo.toml")


def test_a_link_that_leads_nowhere_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "current.toml").symlink_to("gone.toml")
    with pytest.raises(InputError, match=r"current\.toml is a link to gone\.toml, which is not there"):
        load(tmp_path / "current.toml")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("gpus = 0", "gpus is a whole number from 1 to 64, not 0"),
        ("gpus = 65", "gpus is a whole number from 1 to 64, not 65"),
        ("gpus = 2\nslots_per_device = 2", "gpus and slots_per_device exclude each other"),
        ("gpus = 2\nelastic_threads = true", "gpus and elastic_threads exclude each other"),
        ('gpus = 2\n[experiments]\na = {}\n"a.rank1" = {}', 'would be that of process 1 of "a", as gpus is 2'),
    ],
)
def test_what_is_wrong_about_several_gpus_is_told(tmp_path: Path, settings: str, told: str) -> None:
    rest = "" if "experiments" in settings else "\n[experiments]\na = {}"
    assert any(told in problem for problem in problems(tmp_path, f'[sweep]\ntarget = "t:f"\n{settings}{rest}\n'))


def test_a_name_like_that_of_a_rank_is_allowed_where_there_is_no_such_rank(tmp_path: Path) -> None:
    text = '[sweep]\ntarget = "t:f"\ngpus = 2\n[experiments]\na = {}\n"a.rank2" = {}\n"b.rank1" = {}\n'
    assert len(load(write(tmp_path, text)).experiments) == 3
