"""What is wrong with a grid or with seeds is told with its line, its cells and what to type; nothing starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.planning import job
from launcher.planning.resolve import resolve

HEAD = '[sweep]\ncommand = ["true"]\n'


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "job.toml"
    file.write_text(HEAD + text)
    with pytest.raises(InputError) as refused:
        job.load(file)
    return [problem.removeprefix(f"{file}:") for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ("lr = []", "4: grid.lr has no values."),
        ("lr = 0.1", "4: grid.lr is a list of values, a range or a table of labels. Write [0.1], or see"),
        ("lr = [1, 2, 1.0]", "4: grid.lr has the value 1.0 twice, the other time as 1. Take one out."),
        ('api_key = ["a", "b"]', "4: grid.api_key is a secret, and values stand in names. Write labels"),
        ('nested = [{ api_key = "a" }, {}]', "4: grid.nested is a secret, and values stand in names. Write labels"),
        ("lr = { from = 1e308, to = -1e308, points = 3 }", "4: grid.lr goes from 1e+308 to -1e+308, and no number"),
        ("lr = { from = 1e-300, to = 1e300, points = 3, log = true }", "4: grid.lr goes from 1e-300 to 1e+300"),
        (
            "[grid.m.size]\na = { n = 1 }\n[config.m]\nn = 2",
            "4: grid.m has labels, and m is a table of [config].\n  Give the",
        ),
        ("lr = [1, 1]", "4: grid.lr has the value 1 twice. Take one out."),
        ("lr = { from = 1, to = 2 }", "4: grid.lr has no `points`, as in {"),
        ("lr = { from = 1, to = 2.0, points = 2 }", "4: grid.lr has ends of which only one has a point"),
        (
            "lr = { from = 1, to = 2, points = 5 }",
            "4: grid.lr has no 5 different numbers from 1 to 2: fewer points, or fractions: from = 1.0, to = 2.0.",
        ),
        ("lr = { from = 0.0, to = 2.0, points = 5, log = true }", "4: grid.lr has `log`, so both ends are above 0."),
        ("lr = { from = 1, to = 2, point = 5 }", '4: grid.lr has a key point. Did you mean "points"?'),
        ('lr = { from = "1", to = 2, points = 5 }', '4: grid.lr has a `from` that is no number: "1".'),
        ("lr = { from = 1, to = 2, points = 1 }", "4: grid.lr has `points` from 2 to 1,000, not 1."),
        ("lr = [1]\n[grid.size]\na = { lr = 2 }", "5: grid.size and grid.lr both set lr."),
        ("lr = [1]\n[experiments]\na = { lr = 2 }", "6: experiments.a and grid.lr both set lr.\n  Take it out"),
        ("experiment = [1]\n[experiments]\na = {}", "4: grid.experiment: [experiments] is an axis of this name."),
        ('a = ["x", "X"]', '3: the names a=x of {a = "x"} and a=X of {a = "X"} differ only in case'),
        ("[grid.size]\n_a = { n = 1 }\n[grid._b]\nx = { m = 1 }", "3: the name _b=x+size=_a of "),
        (
            "lr = { from = 1, to = 200, points = 200 }\nb = { from = 1, to = 99, points = 99 }",
            "3: 200 x 99 = 19,800 exp",
        ),
    ],
)
def test_a_grid_that_cannot_be(tmp_path: Path, grid: str, said: str) -> None:
    found = problems(tmp_path, f"[grid]\n{grid}\n")
    assert len(found) == 1
    assert found[0].startswith(said), found[0]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("seeds = 0", "3: sweep.seeds is a number of seeds from 1 to 1000, or a list of them, not 0"),
        ("seeds = []", "3: sweep.seeds is a number of seeds from 1 to 1000, or a list of them, not an empty list"),
        ("seeds = [1, 2, 1]", "3: sweep.seeds has 1 twice: [1, 2, 1]"),
        (
            "seeds = true",
            "3: sweep.seeds is a number of seeds, as in 5, or a list of them, as in [0, 7, 13], not true.",
        ),
        ('seeds = [0, "1"]', 'as in [0, 7, 13], not [0, "1"].'),
        ("seeds = [-1]", "3: sweep.seeds are whole numbers from 0 to 2**63 - 1, not -1"),
        ("leave_out = [{ n = 3 }]", "3: sweep.leave_out: no experiment is {n = 3}. Take it out, or mend a value."),
        ("leave_out = [{ widht = 1 }]", '3: sweep.leave_out: no experiment sets widht. Did you mean "width"?'),
        ("leave_out = [{ n = true }]", "3: sweep.leave_out: no experiment is {n = true}."),
        ("leave_out = [{ n = 1 }, { n = 2 }]", "3: sweep.leave_out leaves no experiment."),
    ],
)
def test_seeds_and_leave_out_that_cannot_be(tmp_path: Path, sweep: str, said: str) -> None:
    found = problems(tmp_path, f"{sweep}\n[config]\nwidth = 1\n[grid]\nn = [1, 2]\n")
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize(
    ("experiments", "said"),
    [
        (
            'a = {}\n"a+s1" = {}',
            "3: sweep.seeds: two experiments would be called a+s1: a+s1 on seed 0 and a on seed 1.",
        ),
        ('a = {}\n"A+s1" = {}', "4: the names A+s1 of A+s1 on seed 0 and a+s1 of a on seed 1 differ only in case"),
        (f"{'a' * 99} = {{}}", f"4: the name {'a' * 99}+s1 of {'a' * 99} on seed 1: it has more than 100 characters."),
    ],
)
def test_names_of_seeds_that_cannot_be(tmp_path: Path, experiments: str, said: str) -> None:
    (found,) = problems(tmp_path, f"seeds = 2\n[experiments]\n{experiments}\n")
    assert found.startswith(said), found
    assert found.endswith("\n  Give the experiment another name.")


def test_a_name_that_is_too_long_names_its_cell_and_the_remedy(tmp_path: Path) -> None:
    axes = "\n".join(f'a_rather_long_key_{number} = ["a rather long value"]' for number in range(4))
    (said,) = problems(tmp_path, f"[grid]\n{axes}\n")
    assert "it has more than 100 characters" in said
    assert 'a_rather_long_key_0 = "a rather long value"' in said
    assert "Give the values labels" in said


def test_an_axis_that_the_configuration_does_not_know_is_told_once_and_a_wrong_value_by_itself(tmp_path: Path) -> None:
    (tmp_path / "known.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass Config:\n    lr: float = 1.0\n    n: int = 1\n"
        "def run(config: Config, run): ...\n"
    )
    file = tmp_path / "job.toml"
    file.write_text('[sweep]\ntarget = "known:run"\n[grid]\nlrr = [1, 2, 3]\nn = [1, "two"]\n')
    with pytest.raises(InputError) as refused:
        resolve(job.load(file))
    found = [problem.removeprefix(f"{file}:") for problem in refused.value.problems]
    assert [problem.splitlines()[0] for problem in found] == [
        '4: grid.lrr is not a field of known.Config. Did you mean "lr"?',
        "5: grid.n = \"two\" input should be a valid integer, not 'two'",
    ]
