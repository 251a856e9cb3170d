"""An attempt whose worker was killed is completed: nothing twice, nothing lost, the same numbers of sources."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.sources import globbed_files
from launcher.sources.beginning import beginning_now
from launcher.sources.complete import missing, what_is_recorded
from launcher.sources.follow import Sources
from launcher.sources.source import Found, SourceSpec, read_specs
from launcher.store.records import SOURCE
from tests.launcher.sources.event_files import event, scalar, version


def specs_of(folder: Path) -> list[SourceSpec]:
    return [
        SourceSpec(kind="templates", path=str(folder / "a.log"), templates=("loss {loss} at {step}", "acc {acc}")),
        SourceSpec(kind="events", path=f"{folder}/runs/**/*"),
        SourceSpec(kind="run", path=str(folder / ".launcher" / "run.jsonl")),
    ]


def records_of(found: list[Found]) -> list[dict[str, Any]]:
    return [{**each.fields, "step": each.step, SOURCE: list(each.src)} for each in found]


def append(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)


def test_files_that_a_glob_finds_are_sources_of_their_own_and_are_told(tmp_path: Path) -> None:
    append(tmp_path / "runs" / "old.csv", b"step,loss\n1,5\n")
    append(tmp_path / "runs" / "old.jsonl", b'{"step": 1, "loss": 5}\n')
    specs = beginning_now(specs_of(tmp_path))
    sources = Sources(specs)
    assert sources.poll(is_final=True) == []
    append(tmp_path / "runs" / "x" / "events.out.tfevents.1", version() + event(1, [scalar("loss", 0.5)]))
    append(tmp_path / "runs" / "old.csv", b"2,6\n")
    append(tmp_path / "runs" / "empty.csv", b"")
    found = sources.poll(is_final=True)
    new = {"kind": "source", "is_cut": False}
    told = [
        {**new, "source": 3, "path": str(tmp_path / "runs" / "old.csv"), "begin": 14},
        {**new, "source": 4, "path": str(tmp_path / "runs" / "x" / "events.out.tfevents.1"), "begin": 0},
    ]
    assert [(each.fields, each.step, each.src) for each in found[:3]] == [
        (told[0], None, (1, 1)),
        (told[1], None, (1, 2)),
        ({"loss": 6}, 2, (3, 2)),
    ]
    assert [(each.fields, each.src[0]) for each in found[3:]] == [({"loss": 0.5}, 4)]
    offsets, files = what_is_recorded(records_of(found))
    append(tmp_path / "runs" / "x" / "events.out.tfevents.1", event(2, [scalar("loss", 0.25)]))
    append(tmp_path / "runs" / "a.jsonl", b'{"step": 3, "loss": 1}\n')
    late = list(missing(specs, offsets, files=files))
    expected = [(5, None, 1), (None, 2, 4), (None, 3, 5)]
    assert [(each.fields.get("source"), each.step, each.src[0]) for each in late] == expected


def test_a_file_that_is_written_anew_is_another_source(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "m.jsonl"
    append(path, b'{"step": 1, "loss": 5}\n{"step": 2, "loss": 4}\n')
    specs = specs_of(tmp_path)
    sources = Sources(specs)
    found = sources.poll()
    path.write_bytes(b'{"step": 1, "loss": 3}\n')
    found += sources.poll()
    path.unlink()
    append(path, b'{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n{"step": 3, "loss": 0}\n')
    found += sources.poll(is_final=True)
    assert [each.fields["source"] for each in found if each.step is None] == [3, 4, 5]
    assert [each.fields["loss"] for each in found if each.step is not None] == [5, 4, 3, 2, 1, 0]
    offsets, files = what_is_recorded(records_of(found[:-1]))
    assert list(missing(specs, offsets, files=files)) == found[-1:]


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
@pytest.mark.parametrize("num_kept", [4, 0])
def test_rows_are_counted_from_the_first_in_a_file_that_was_cut_back_to_a_checkpoint(
    name: str, num_kept: int, tmp_path: Path
) -> None:
    """A script that goes on after 7 steps: with the first rows, or in a new file with its own rows alone."""
    path = tmp_path / "runs" / name
    rows = [f"0.{step}\n" if name == "m.csv" else f'{{"loss": 0.{step}}}\n' for step in range(1, 10)]
    header = "loss\n" if name == "m.csv" else ""
    append(path, (header + "".join(rows[:7])).encode())
    specs = beginning_now([replace(spec, after_step=7) for spec in specs_of(tmp_path)])
    sources = Sources(specs)
    path.write_bytes(b"")
    found = sources.poll()
    assert found == [], "it is just being written"
    sources._globs[0]._search_at_s = 0.0  # a search a second is the usual
    path.write_text(header + "".join(rows[:num_kept]))
    append(path, "".join(rows[num_kept or 7 :]).replace("0.", "1.").encode())
    found = sources.poll() + sources.poll(is_final=True)
    expected = list(range(1, 10)) if num_kept else [8, 9]
    assert [each.step for each in found if each.step is not None] == expected
    assert [each.fields["loss"] for each in found if each.step is not None] == [
        step / 10 + (step > (num_kept or 7)) for step in expected
    ]
    for num_recorded in range(1, len(found) + 1):
        offsets, files = what_is_recorded(records_of(found[:num_recorded]))
        assert list(missing(specs, offsets, files=files)) == found[num_recorded:]


def test_a_table_that_gets_a_column_goes_on_as_the_same_source(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "metrics.csv"
    append(path, b"step,loss\n1,5\n2,4\n")
    specs = specs_of(tmp_path)
    sources = Sources(specs)
    found = sources.poll()
    path.write_bytes(b"step,loss,val\n1,5,\n2,4,\n2,,7\n")
    found += sources.poll()
    append(path, b"3,3,\n")
    found += sources.poll(is_final=True)
    assert [(each.step, each.fields, each.src) for each in found[1:]] == [
        (1, {"loss": 5}, (3, 1)), (2, {"loss": 4}, (3, 2)), (2, {"val": 7}, (3, 3)), (3, {"loss": 3}, (3, 4)),
    ]  # fmt: skip
    for num_recorded in range(len(found) + 1):
        offsets, files = what_is_recorded(records_of(found[:num_recorded]))
        assert list(missing(specs, offsets, files=files)) == found[num_recorded:]


def test_a_worker_that_is_killed_at_any_moment_is_completed_with_nothing_twice(tmp_path: Path) -> None:
    rng = random.Random(16)
    for trial in range(30):
        folder = tmp_path / str(trial)
        log, events = folder / "a.log", folder / "runs" / "events.out.tfevents.1"
        append(log, b"loss 9 at 9\nacc 9\n")  # of an earlier attempt
        specs = beginning_now(specs_of(folder))
        sources, recorded = Sources(specs), []
        text = b"".join(b"loss %d at %d\nacc %d\n\r\nother\n" % (step, step % 7, step) for step in range(40))
        scalars = version() + b"".join(event(step, [scalar("x", step)]) for step in range(40))
        run = b"".join(b'{"step": %d, "y": 1}\n' % step for step in range(40))
        left = {log: text, events: scalars, folder / ".launcher" / "run.jsonl": run}
        killed_after = rng.randrange(0, 120)
        while any(left.values()) and len(recorded) < killed_after:
            path = rng.choice([path for path in left if left[path]])
            num_bytes = rng.randrange(1, 200)
            append(path, left[path][:num_bytes])
            left[path] = left[path][num_bytes:]
            recorded += sources.poll()[: killed_after - len(recorded)]
        for path, rest in left.items():
            append(path, rest)
        end = log.stat().st_size
        append(log, b"loss 1 at 1\n")  # of the next attempt
        offsets, files = what_is_recorded(records_of(recorded))
        found = recorded + list(missing(specs, offsets, {str(log): end}, files))
        assert len({each.src for each in found}) == len(found) == 40 * 4 + 1
        whole = Sources(specs, ends={str(log): end}).poll(is_final=True)
        assert sorted(map(str, found)) == sorted(map(str, whole))


def test_a_few_files_are_read_in_each_poll_and_searches_are_rare(tmp_path: Path) -> None:
    append(tmp_path / "runs" / "a.jsonl", b'{"step": 1, "loss": 5}\n')
    sources = Sources(specs_of(tmp_path))
    assert len(sources.poll()) == 2
    append(tmp_path / "runs" / "a.jsonl", b'{"step": 2, "loss": 5}\n')
    append(tmp_path / "runs" / "b.jsonl", b'{"step": 1, "loss": 5}\n')
    assert [each.step for each in sources.poll()] == [2], "the next search is a second later"
    assert len(sources.poll(is_final=True)) == 2
    assert globbed_files.SEARCH_INTERVAL_S >= 1


def test_too_many_files_are_told(tmp_path: Path) -> None:
    for number in range(globbed_files.MOST_FILES + 2):
        append(tmp_path / "runs" / f"{number:04}.jsonl", b'{"loss": 1}\n')
    sources = Sources(specs_of(tmp_path))
    assert len(sources.poll(is_final=True)) == 2 * globbed_files.MOST_FILES
    sources.poll(is_final=True)
    assert [note for note in sources.take_notes() if "more than 500 files" in note] != []
    assert sources.take_notes() == []


def test_what_is_recorded_is_not_believed() -> None:
    odd = [{SOURCE: 3}, {SOURCE: [1]}, {SOURCE: [1, "x"]}, {SOURCE: [True, 1]}, {}, {SOURCE: [0, 5], "kind": "source"}]
    assert what_is_recorded(odd) == ({0: 5}, {})


def test_of_many_files_those_with_more_to_read_are_read_on(tmp_path: Path) -> None:
    for number in range(60):
        append(tmp_path / "runs" / f"{number:02}.jsonl", b'{"step": 1, "loss": 1}\n')
    append(tmp_path / "runs" / "00.jsonl", b'{"step": 2, "loss": 1}\n' * 10_000)
    sources = Sources(specs_of(tmp_path))
    found = sources.poll()
    while sources.is_behind:
        more = sources.poll()
        assert more != [], "a poll of what is behind reads something"
        found += more
    assert len(found) == 60 + 60 + 10_000


def test_descriptions_of_sources_are_read_as_they_were_written(tmp_path: Path) -> None:
    specs = specs_of(tmp_path)
    assert read_specs(json.dumps([spec.to_json() for spec in specs])) == specs


@pytest.mark.parametrize("text", ["", "5", "null", "{}", "[5]", "[{}]", "[" * 100_000, '[{"kind": "zzz"}]'])
def test_what_describes_no_sources_is_a_wrong_value_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_specs(text)
