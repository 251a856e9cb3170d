"""`--only` and `--skip`: names, patterns, and what is refused."""

from __future__ import annotations

import pytest

from launcher.errors import InputError
from launcher.planning.selection import select

NAMES = ["baseline", "lr_1", "lr_2", "LR_3", "a*"]


@pytest.mark.parametrize(
    ("only", "skip", "selected"),
    [
        (["baseline"], [], {"baseline"}),
        (["lr_*"], [], {"lr_1", "lr_2"}),
        (["lr_1, baseline"], [], {"lr_1", "baseline"}),
        (["lr_1", "baseline"], [], {"lr_1", "baseline"}),
        ([], ["lr_*,a*"], {"baseline", "LR_3"}),
        (["lr_*"], ["lr_2"], {"lr_1"}),
        (["b*", "lr_?"], [" baseline , lr_2"], {"lr_1"}),
        (["a*"], [], {"a*"}),
    ],
)
def test_the_last_word_is_that_of_skip(only: list[str], skip: list[str], selected: set[str]) -> None:
    assert select(NAMES, only, skip) == selected


def test_without_an_option_there_is_no_selection() -> None:
    assert select(NAMES, [], []) is None


@pytest.mark.parametrize(
    ("only", "skip", "message"),
    [
        (["basline"], [], '--only basline: there is no experiment "basline". Did you mean "baseline"?'),
        ([], ["xyz*"], '--skip xyz*: there is no experiment "xyz*".'),
        ([""], [], "--only names no experiment.\n  Experiments: baseline, lr_1, lr_2, LR_3, a*"),
        ([], [" , "], "--skip names no experiment."),
        (["lr_1"], ["lr_*"], "--only and --skip leave no experiment to run."),
        ([], ["*"], "--skip leaves no experiment."),
    ],
)
def test_a_selection_of_nothing_is_refused(only: list[str], skip: list[str], message: str) -> None:
    with pytest.raises(InputError) as error:
        select(NAMES, only, skip)
    assert message in str(error.value)


def test_of_many_experiments_twenty_are_named() -> None:
    with pytest.raises(InputError, match=r"e19, … and 80 more"):
        select([f"e{number}" for number in range(100)], ["none"], [])
