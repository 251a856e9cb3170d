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


EPOCHS = [{"epoch": 0, "train": {"loss": 3.5}}, {"epoch": 1, "train": {"loss": 2.5}, "note": "best"}]


@pytest.mark.parametrize("text", [json.dumps(EPOCHS), json.dumps(EPOCHS, indent=1) + "\n",
                                  "[\n" + ",\n".join(map(json.dumps, EPOCHS)) + "\n]\n"])  # fmt: skip
def test_a_list_of_objects_is_a_row_each(text: str, tmp_path: Path) -> None:
    sources, file = followed(tmp_path), tmp_path / "history.json"
    file.write_text(text)
    assert steps(sources.poll()) == []
    found = sources.poll(is_final=True)
    assert steps(found) == [({"train_loss": 3.5}, 0), ({"train_loss": 2.5}, 1)]
    assert [each.src for each in found[-2:]] == [(1, 1), (1, len(text))]


def test_lists_of_numbers_are_columns(tmp_path: Path) -> None:
    """As of Keras: `json.dump(model.fit(…).history, file)`."""
    history = {"loss": [3.0, float("nan"), 1.0], "val_loss": [4.0], "test": {"acc": 0.75}, "sizes": [[1, 2]]}
    (tmp_path / "history.json").write_text(json.dumps(history))
    found = steps(Sources([replace(events(tmp_path), metrics=("loss",))]).poll(is_final=True))
    assert str(found) == str([
        ({"loss": 3.0, "val_loss": 4.0}, 1), ({"loss": float("nan")}, 2), ({"test_acc": 0.75, "loss": 1.0}, 3),
    ])  # fmt: skip


@pytest.mark.parametrize("content", [{"betas": [0.9, 0.99], "layers": [64, 64]}, [{"id": 1}, {"id": 2}], [1, 2], []])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_has_no_metric_of_the_job_is_no_history(content: object, indent: int | None, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(content, indent=indent))
    assert steps(Sources([replace(events(tmp_path), metrics=("loss",))]).poll(is_final=True)) == []


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("is_kept", [True, False])
def test_rows_without_a_step_are_counted_from_the_first_one_of_all_attempts(
    is_kept: bool, indent: int | None, tmp_path: Path
) -> None:
    """A script that goes on writes the rows of before again, or only its own."""
    file, before = tmp_path / "history.json", [{"loss": 3.125}, {"loss": 2.5}]
    file.write_text(json.dumps(before, indent=indent))
    sources = Sources(beginning_now([replace(events(tmp_path), after_step=2)]))
    own = [{"loss": 1.5}, {"loss": 1.25}]
    file.write_text(json.dumps(before + own if is_kept else own, indent=indent))
    found = steps(sources.poll(is_final=True))
    assert [step for _, step in found] == ([1, 2, 3, 4] if is_kept else [3, 4])
