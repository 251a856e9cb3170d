"""A JSON file of many lines is a single record, when it is complete."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.sources.beginning import beginning_now
from launcher.sources.follow import Sources
from launcher.sources.source import Found, SourceSpec, read_specs, specs_as_text

RESULTS = {"accuracy": 0.75, "test": {"loss": 1.5}, "args": {"name": "x"}, "epoch": 3}


def events(folder: Path) -> SourceSpec:
    return SourceSpec(kind="events", path=str(folder / "*.json"))


def followed(folder: Path) -> Sources:
    return Sources(beginning_now([events(folder)]))


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


@pytest.mark.parametrize("lengths", [(30, 20, 10), (20, 20, 20), (10, 20, 30), (30, 10, 20)])
@pytest.mark.parametrize("indent", [None, 2])
def test_results_that_are_written_anew_are_recorded_as_they_are_at_the_end(
    lengths: tuple[int, ...], indent: int | None, tmp_path: Path
) -> None:
    """Where the beginning is as before, and the file no shorter, a reader does not see that it was written anew."""
    file, same = tmp_path / "results.json", {f"option_{number}": "x" for number in range(30)}
    sources, found = followed(tmp_path), []
    for epoch, length in enumerate(lengths, start=1):
        content = {"same": same, "epoch": epoch, "loss": epoch / 2, "name": "x" * length}
        file.write_text(json.dumps(content, indent=indent))
        found += sources.poll()
    found += sources.poll(is_final=True)
    assert steps(found)[-1] == ({"loss": 1.5}, 3)
    assert len(steps(found)) == 1 or indent is None
    assert steps(Sources([events(tmp_path)]).poll(is_final=True)) == [({"loss": 1.5}, 3)]


@pytest.mark.parametrize(
    ("content", "is_result"),
    [
        ({"lr": 0.1, "batch_size": 32, "epochs": 3}, False),
        ({"lr": 0.1, "test": {"acc": 0.5}}, True),
        ({"lr": 0.1, "epoch": 3.0}, True),
        ({"best": 0.1, "global_step": 3}, True),
    ],
)
def test_an_object_of_many_lines_is_a_result_if_it_has_a_metric_of_the_job_or_a_step(
    content: dict[str, object], is_result: bool, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content, indent=2))
    spec = replace(events(tmp_path), metrics=("loss", "test_acc"))
    for known in (spec, *read_specs(specs_as_text([spec]))):
        assert bool(steps(Sources([known]).poll(is_final=True))) == is_result
    assert steps(Sources([replace(spec, metrics=None)]).poll(is_final=True)), "as try-log shows it"
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert steps(Sources([spec]).poll(is_final=True)), "a line of JSON"


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
