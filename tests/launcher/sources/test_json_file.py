"""A JSON file of many lines is a single record, when it is complete."""

from __future__ import annotations

import json
from pathlib import Path

from launcher.sources.beginning import beginning_now
from launcher.sources.follow import Sources
from launcher.sources.source import Found, SourceSpec

RESULTS = {"accuracy": 0.75, "test": {"loss": 1.5}, "args": {"name": "x"}, "epoch": 3}


def followed(folder: Path) -> Sources:
    return Sources(beginning_now([SourceSpec(kind="events", path=str(folder / "*.json"))]))


def steps(found: list[Found]) -> list[tuple[dict[str, object], int | None]]:
    return [(each.fields, each.step) for each in found if each.step is not None]


def test_results_that_are_written_at_the_end_are_a_record(tmp_path: Path) -> None:
    sources, file = followed(tmp_path), tmp_path / "results.json"
    text = json.dumps(RESULTS, indent=2)
    file.write_text(text[:30])
    assert steps(sources.poll()) == []
    file.write_text(text)
    assert steps(sources.poll()) == []
    expected = [({"accuracy": 0.75, "test_loss": 1.5}, 3)]
    found = sources.poll(is_final=True)
    assert steps(found) == expected
    assert found[-1].src == (1, len(text))
    again = Sources([SourceSpec(kind="events", path=str(tmp_path / "*.json"))]).poll(is_final=True)
    assert again[-1:] == found


def test_results_that_are_written_anew_are_a_record_each(tmp_path: Path) -> None:
    sources, file, found = followed(tmp_path), tmp_path / "results.json", []
    for epoch, name in ((1, "a long name"), (2, "name"), (3, "n")):  # shorter each time, so that it is noticed
        file.write_text(json.dumps({"epoch": epoch, "loss": 1 / epoch, "name": name}, indent=2))
        found += sources.poll(is_final=epoch == 3)
        sources._globs[0]._search_at_s = 0.0  # a search a second is the usual
    assert [step for _, step in steps(found)] == [1, 2, 3]


def test_lines_of_objects_are_as_before(tmp_path: Path) -> None:
    sources, file = followed(tmp_path), tmp_path / "m.json"
    file.write_text('{"step": 1, "loss": 3}\n{"step": 2, "loss": 2}\n')
    assert steps(sources.poll()) == [({"loss": 3}, 1), ({"loss": 2}, 2)]
    assert steps(sources.poll(is_final=True)) == []


def test_a_file_that_is_no_object_gives_nothing(tmp_path: Path) -> None:
    sources = followed(tmp_path)
    for name, text in {"a": "[1,\n2]", "b": '{"loss":\n', "c": '{\n"name": "x"\n}', "d": ""}.items():
        (tmp_path / f"{name}.json").write_text(text)
    (tmp_path / "large.json").write_text('{\n"loss": 1' + " " * (2 << 20) + "\n}")
    while sources.poll() or sources.is_behind:
        pass
    assert steps(sources.poll(is_final=True)) == []
