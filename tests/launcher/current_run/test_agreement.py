"""Answers that all ranks share, in processes that are forked as ranks are."""

from __future__ import annotations

import mmap
import os
import random
import time
from collections.abc import Callable

import pytest

from launcher.current_run.agreement import Agreement


def in_processes(num: int, ask: Callable[[int], list[bool]]) -> list[list[bool]]:
    """Call `ask` in so many processes at once. Return what each has returned."""
    pipes = [os.pipe() for _ in range(num)]
    pids = []
    for rank, (_, theirs) in enumerate(pipes):
        if (pid := os.fork()) == 0:
            try:
                os.write(theirs, bytes(ask(rank)))
            finally:
                os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    answers = [[bool(each) for each in os.read(ours, 65_536)] for ours, _ in pipes]
    for pipe in pipes:
        for fd in pipe:
            os.close(fd)
    return answers


@pytest.mark.parametrize("is_lasting", [True, False])
def test_all_get_the_same_answers_whoever_wants_another(is_lasting: bool) -> None:
    agreement = Agreement(is_lasting=is_lasting)
    asked = memoryview(mmap.mmap(-1, 3 * 8)).cast("Q")  # shared by the processes

    def _ask(rank: int) -> list[bool]:
        random_ = random.Random(rank)
        answers = []
        for number in range(300):
            asked[rank] = number
            while min(asked) < number - 20:  # no rank runs away from the others, as where they train together
                time.sleep(0.001)
            answers.append(
                agreement.answer((rank == 1 and number == 100) or (rank == 2 and number >= 150 and is_lasting))
            )
            if random_.random() < 0.05:
                time.sleep(0.001)
        return answers

    first, *others = in_processes(3, _ask)
    assert all(other == first for other in others)
    assert any(first)
    place = first.index(True)
    assert place >= 100
    assert first[place:] == ([True] * (300 - place) if is_lasting else [True] + [False] * (299 - place))
    agreement.close()


def test_a_rank_that_lags_gets_what_the_first_got_and_then_its_own_wish() -> None:
    agreement = Agreement(is_lasting=True)

    def _ask(rank: int) -> list[bool]:
        if rank == 0:
            return [agreement.answer(False) for _ in range(5)]
        time.sleep(0.3)
        return [agreement.answer(True) for _ in range(6)]

    ahead, behind = in_processes(2, _ask)
    assert ahead == [False] * 5
    assert behind == [False] * 5 + [True]
    agreement.close()


def test_one_that_asks_alone_gets_its_own_answers() -> None:
    agreement = Agreement(is_lasting=False)
    assert [agreement.answer(wish) for wish in (False, True, False)] == [False, True, False]
    agreement.close()


def test_a_rank_that_is_far_behind_as_in_a_loop_that_polls_gets_its_own_answer() -> None:
    agreement = Agreement(is_lasting=True)

    def _ask(rank: int) -> list[bool]:
        if rank == 0:
            return [agreement.answer(False) for _ in range(5_000)]
        time.sleep(0.5)
        return [agreement.answer(True)]

    assert in_processes(2, _ask)[1] == [True]
    agreement.close()
