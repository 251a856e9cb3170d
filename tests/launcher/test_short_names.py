"""Short names: what is left out, what is cut, and that no two become the same."""

from __future__ import annotations

import random

import pytest

from launcher.short_names import LEAST, short_names


def shown(names: list[str], longest: int) -> list[str]:
    return list(short_names(names, longest).values())


def test_names_that_fit_stay_whole() -> None:
    assert shown(["lr=1e-3.width=256", "lr=1e-4.width=256"], 17) == ["lr=1e-3.width=256", "lr=1e-4.width=256"]
    assert shown([], 10) == []


def test_what_all_names_share_is_left_out() -> None:
    assert shown(["lr=1e-3.width=256", "lr=1e-4.width=256"], 12) == ["lr=1e-3", "lr=1e-4"]
    assert shown(["run.width=256.lr=1e-3", "run.width=256.lr=1e-4"], 12) == ["lr=1e-3", "lr=1e-4"]


def test_a_key_of_two_words_stays_whole() -> None:
    names = ["batch_size=16+lr=0.1", "batch_size=32+lr=0.1", "batch_size=32+lr=0.2"]
    assert list(short_names(names, 18).values()) == ["batch_s=16+lr=0.1", "batch_s=32+lr=0.1", "batch_s=32+lr=0.2"]
    assert list(short_names(names[:2], 18).values()) == ["batch_size=16", "batch_size=32"]


def test_a_shared_word_stays_before_a_number_that_differs() -> None:
    names = ["resnet50_lr_0.001_wd_0.05_bs_256", "resnet50_lr_0.003_wd_0.05_bs_256", "baseline"]
    assert shown(names, 20) == ["lr_0.001", "lr_0.003", "baseline"]


def test_names_with_more_and_fewer_parts_lose_what_all_have() -> None:
    names = ["net.lr=1e-3.drop=0.3.seed=1", "net.lr=1e-3.seed=1.wd=0.1", "net.seed=1.lr=1e-4.wd=0.2.bs=8"]
    assert shown(names, 20) == ["lr=1e-3.drop=0.3", "lr=1e-3.wd=0.1", "lr=1e-4.wd=0.2.bs=8"]


def test_a_name_that_begins_as_all_others_do_keeps_a_part() -> None:
    assert shown(["base_run", "base_run_lr=1", "base_run_lr=2"], 10) == ["run", "run_lr=1", "run_lr=2"]


def test_keys_lose_letters_before_values_do() -> None:
    names = [f"lr={lr}.width={width}.dropout={drop}" for lr in ("1e-3", "1e-4") for width in (8, 16) for drop in (0, 1)]
    assert shown(names, 22)[0] == "lr=1e-3.wid=8.dro=0"
    assert shown(names, 18)[0] == "lr=1e-3.w=8.d=0"


def test_keys_that_begin_alike_stay_apart() -> None:
    names = [f"width={width}.widest={widest}" for width in (1, 2) for widest in (1, 2)]
    assert shown(names, 13)[1] == "widt=1.wide=2"


def test_a_name_is_cut_where_the_names_differ_least() -> None:
    names = [f"experiment{number:04}" for number in range(100)]
    short = shown(names, 10)
    assert short[7] == "expe…t0007"
    assert len(set(short)) == 100
    assert shown(["abcdefgh" + "x" * 20, "abcdefgi" + "x" * 20], 10) == ["abcdefgh…x", "abcdefgi…x"]


def test_names_that_would_be_the_same_end_in_their_place() -> None:
    names = [f"{'a' * 30}{number}{'b' * 30}" for number in range(3)]
    assert shown(names, 12) == ["aaaaa…#1", "aaaaa…#2", "aaaaa…#3"]


@pytest.mark.parametrize("seed", range(40))
def test_no_two_are_the_same_and_all_fit(seed: int) -> None:
    """Names of the alphabet of experiments, made to share beginnings, middles and ends."""
    chance = random.Random(seed)
    pieces = ["lr", "lr=1", "1e-3", "0.5", "width=256", "w", "…", "#1", "a" * 12, "x" * 30, "1", "2", "", "=", "5.a"]
    names = {
        "".join(chance.choice(pieces) + chance.choice(["_", ".", "-", "+", ""]) for _ in range(chance.randint(1, 6)))
        for _ in range(chance.choice([2, 5, 60, 300]))
    } - {""}
    for longest in (0, LEAST, 12, 20, 40):
        short = short_names(names, longest)
        assert short.keys() == names
        assert len(set(short.values())) == len(names)
        assert all(0 < len(name) <= max(LEAST, longest) for name in short.values())
