"""What two machines see of one folder over a network, whose clients remember names and attributes for 20 s.

Not a real network file system: bindfs shows one folder twice, and the kernel remembers for each of them.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from launcher.store.attempt_files import AttemptEnding, AttemptFiles, own_paths
from launcher.store.beats import BeatFile, BeatWatch
from launcher.store.claims import Claim, claim, is_newest
from launcher.store.paths import Paths
from launcher.store.records import RecordReader, RecordWriter
from launcher.supervisor.end_file import write_end
from launcher.supervisor.inheritance import copy_lines, link_checkpoints

TwoNodes = tuple[Path, Path]


def test_the_double_remembers_what_was_not_there(two_nodes: TwoNodes) -> None:
    here, there = two_nodes
    assert not (there / "x").exists()
    (here / "x").touch()
    assert not (there / "x").exists(), "otherwise these tests prove nothing"


def test_a_claim_of_another_node_is_seen_and_not_taken(two_nodes: TwoNodes) -> None:
    here, there = (node / "attempts" / "a" for node in two_nodes)
    here.mkdir(parents=True)
    assert AttemptFiles.look(there).newest_claim == 0
    assert not (there / "1.claim").exists()
    assert claim(here, 1, Claim.of_this_process())
    assert AttemptFiles.look(there).newest_claim == 1, "a listing is newer than what was asked for by name"
    assert not claim(there, 1, Claim.of_this_process())
    assert claim(there, 2, Claim.of_this_process())
    assert is_newest(here, 1) is False


def test_an_attempt_that_has_ended_on_another_node_is_not_claimed(two_nodes: TwoNodes) -> None:
    here, there = (node / "attempts" / "a" for node in two_nodes)
    assert claim(here, 1, Claim.of_this_process())
    assert AttemptFiles.look(there).claims == {1}
    assert not (there / "1.end").exists(), "it is remembered as missing"
    write_end(here, 1, AttemptEnding(code=0))
    assert not claim(there, 1, Claim.of_this_process())
    assert [path.name for path in here.iterdir()] == ["1.end"]


def test_of_many_on_two_nodes_one_gets_the_attempt(two_nodes: TwoNodes) -> None:
    folders = [node / "attempts" for node in two_nodes]
    folders[0].mkdir()
    claims = [Claim.of_this_process() for _ in range(16)]
    got: list[str] = []
    start = threading.Barrier(len(claims))

    def run(number: int, mine: Claim) -> None:
        start.wait()
        if claim(folders[number % 2], 1, mine):
            got.append(mine.nonce)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(claims)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_beats_of_another_node_are_seen_at_once(two_nodes: TwoNodes) -> None:
    here, there = (node / "beats" for node in two_nodes)
    here.mkdir()
    beat, watch = BeatFile(here, "a", 1), BeatWatch(there)
    for number in range(1, 6):
        beat.move_on(number, number, "trains")
        assert watch.look(float(number))[("a", 1)].step == number
        assert watch.silent_s("a", 1, float(number)) == 0
    beat.remove()
    assert watch.look(9.0) == {}


def test_an_end_that_a_listing_shows_can_be_read(two_nodes: TwoNodes) -> None:
    here, there = (node / "attempts" / "a" for node in two_nodes)
    here.mkdir(parents=True)
    assert AttemptFiles.look(there).ends == frozenset()
    AttemptEnding(node="n1", code=0).write(here / "1.end")
    assert AttemptFiles.look(there).ends == {1}
    ended = AttemptEnding.read(there / "1.end")
    assert ended is not None
    assert ended.code == 0


def test_an_attempt_on_another_node_goes_on_from_whole_lines(two_nodes: TwoNodes) -> None:
    here, there = (Paths(node / "outcome", node / "logs") for node in two_nodes)
    writer = RecordWriter(here.of_attempt(1).records("a"), 1)
    reader = RecordReader(there.of_attempt(1).records("a"))
    for step in range(1, 4):
        writer.write({"loss": 1.0}, step)
        assert [record["step"] for record in reader.read()] == [step], "an append is read at once"
    checkpoints = here.of_attempt(1).checkpoints("a")
    checkpoints.mkdir(parents=True)
    (checkpoints / "step-000000000003.ckpt").write_text("state")
    second = there.of_attempt(2)
    copy_lines(second, [1], lambda paths: paths.records("a"))
    link_checkpoints(second, "a", [1])
    writer.write({"loss": 1.0}, 4)  # the first attempt lives on
    writer.close()
    assert [record["step"] for record in RecordReader(second.records("a")).read()] == [1, 2, 3]
    assert (second.checkpoints("a") / "step-000000000003.ckpt").read_text() == "state"
    claim(there.outcome / "attempts" / "a", 2, Claim.of_this_process())
    assert own_paths(here, "a").own_attempt == 2


@pytest.mark.slow  # until the name is forgotten
def test_records_that_were_looked_for_too_early_are_waited_for(two_nodes: TwoNodes) -> None:
    here, there = (Paths(node / "outcome", node / "logs") for node in two_nodes)
    there.records_folder.mkdir(parents=True)
    early = there.of_attempt(1).records("a")
    assert not early.exists()
    here.of_attempt(1).records("a").write_text('{"n": 1}\n')
    assert not early.exists()
    copy_lines(there.of_attempt(2), [1], lambda paths: paths.records("a"))
    assert there.of_attempt(2).records("a").read_text() == '{"n": 1}\n'
