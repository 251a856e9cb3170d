"""Beats: how attempts stand by one listing, and silence by the reader's own clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.store.beats import Beat, BeatFile, BeatWatch, read_beats
from launcher.store.names import is_name

_NAMES = st.text("Az09._=+-", min_size=1, max_size=100).filter(is_name)
_COUNT = st.integers(0, 10**18 - 1)


@given(
    _NAMES,
    st.integers(1, 10**18 - 1),
    _COUNT,
    _COUNT,
    st.integers(-(10**9), 10**18 - 1),
    st.text("az-", min_size=1, max_size=20),
)
def test_a_name_tells_all(experiment: str, attempt: int, number: int, size: int, step: int, phase: str) -> None:
    beat = Beat(experiment, attempt, number, size, step, phase)
    assert Beat.of_name(beat.name) == beat
    assert len(beat.name) <= 255


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".launch@x@1",
        ".nfs000001",
        "a@1@1@1@1@trains.tmp",
        "a@0@1@1@1@trains",
        "a@1@1@1@1@",
        "a@1@1@1@1@TRAINS",
        "a@1@-1@1@1@trains",
        "a@1@1@1@trains",
        "a@1@1@1@1@trains@x",
        "../a@1@1@1@1@trains",
        "a b@1@1@1@1@trains",
        "a@٣@1@1@1@trains",
        "a@1@1@1@1@trains\n",
        f"a@{'9' * 30}@1@1@1@trains",
    ],
)
def test_other_names_are_passed_over(name: str) -> None:
    assert Beat.of_name(name) is None


def test_a_beat_is_one_file_that_gets_new_names(tmp_path: Path) -> None:
    folder = tmp_path / "beats"
    assert read_beats(folder) == {}
    beat = BeatFile(folder, "a", 2)
    beat.move_on(0, 0, "starts")
    beat.move_on(100, 7, "trains")
    assert os.listdir(folder) == ["a@2@2@100@7@trains"]
    (folder / ".nfs0001").touch()
    assert read_beats(folder) == {("a", 2): Beat("a", 2, 2, 100, 7, "trains")}
    next(folder.glob("a@*")).unlink()  # by somebody else
    beat.move_on(200, 8, "saves")
    assert read_beats(folder)[("a", 2)].num_bytes == 200
    beat.remove()
    beat.remove()
    assert os.listdir(folder) == [".nfs0001"]


def test_an_error_leaves_the_beat_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "beats"
    beat = BeatFile(folder, "a", 1)
    beat.move_on(1, 1, "trains")
    folder.rename(tmp_path / "away")
    folder.write_text("no folder")
    with pytest.raises(OSError, match=r"."):
        beat.move_on(2, 2, "trains")
    folder.unlink()
    (tmp_path / "away").rename(folder)
    beat.move_on(3, 3, "trains")
    assert os.listdir(folder) == ["a@1@2@3@3@trains"]


def test_of_two_names_of_a_beat_the_later_counts(tmp_path: Path) -> None:
    for number in (9, 10):
        (tmp_path / Beat("a", 1, number, 0, number, "trains").name).touch()
    assert read_beats(tmp_path)[("a", 1)].number == 10


def test_life_is_change_by_the_reader_s_clock(tmp_path: Path) -> None:
    beat, watch = BeatFile(tmp_path, "a", 1), BeatWatch(tmp_path)
    assert watch.silent_s("a", 1, 0.0) is None
    beat.move_on(0, 0, "starts")
    os.utime(next(tmp_path.iterdir()), (0, 0))  # the clocks of other machines do not count
    assert watch.look(100.0).keys() == {("a", 1)}
    assert watch.silent_s("a", 1, 100.0) == 0
    watch.look(160.0)
    assert watch.silent_s("a", 1, 170.0) == 70
    beat.move_on(0, 0, "starts")
    watch.look(175.0)
    assert watch.silent_s("a", 1, 176.0) == 1
    beat.remove()
    watch.look(180.0)
    assert watch.silent_s("a", 1, 180.0) is None


def test_a_folder_that_cannot_be_listed_says_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "beats"
    beat, watch = BeatFile(folder, "a", 1), BeatWatch(folder)
    assert watch.look(0.0) == {}
    beat.move_on(0, 0, "starts")
    seen = watch.look(1.0)
    folder.rename(tmp_path / "away")
    folder.write_text("no folder")
    assert watch.look(5.0) == seen
    assert watch.silent_s("a", 1, 5.0) == 4
    folder.unlink()
    assert watch.look(6.0) == {}
