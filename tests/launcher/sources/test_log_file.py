"""A log that a script writes into a file of its own is read by the templates of the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launcher.sources.beginning import beginning_now
from launcher.sources.follow import Sources
from launcher.sources.source import Found, SourceSpec, read_specs, specs_as_text

TEMPLATE = "Epoch {epoch}, step {step}: loss {loss}"


def spec(folder: Path, **more: Any) -> SourceSpec:
    return SourceSpec(kind="events", path=str(folder / "*"), **more)


def steps(found: list[Found]) -> list[tuple[int | None, Any]]:
    return [(each.step, each.fields.get("loss")) for each in found if each.step is not None]


@pytest.mark.parametrize("more", [{"templates": (TEMPLATE,)}, {"is_auto": True}], ids=["templates", "auto"])
@pytest.mark.parametrize("name", ["train.log", "log.txt", "a.out"])
def test_lines_and_objects_of_a_log_are_recorded(name: str, more: dict[str, Any], tmp_path: Path) -> None:
    (kept,) = read_specs(specs_as_text([spec(tmp_path, **more)]))
    sources = Sources([kept])
    (tmp_path / name).write_text('INFO begins\nINFO Epoch 1, step 1: loss 0.5\n{"step": 2, "loss": 0.25}\n')
    assert steps(sources.poll()) == [(1, 0.5), (2, 0.25)]


def test_other_files_hold_objects_alone(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('Epoch 1, step 1: loss 0.5\n{"step": 2, "loss": 0.25}\n')
    assert steps(Sources([spec(tmp_path, templates=(TEMPLATE,))]).poll()) == [(2, 0.25)]
    (tmp_path / "train.log").write_text("Epoch 1, step 1: loss 0.5\n")
    assert steps(Sources([spec(tmp_path)]).poll()) == [(2, 0.25)], "the job takes nothing from lines of text"


def test_the_epochs_of_earlier_attempts_are_known_where_the_script_appends(tmp_path: Path) -> None:
    def epoch(number: int) -> str:
        return "".join(f"Epoch {number}, step {step}: loss {number}.{step}\n" for step in range(3))

    file = tmp_path / "train.log"
    file.write_text(epoch(1) + epoch(2)[:-10])
    sources = Sources(beginning_now([spec(tmp_path, templates=(TEMPLATE,), after_step=4)]))
    with file.open("a") as log:
        log.write("\n" + epoch(2) + epoch(3))
    assert steps(sources.poll()) == [(3, 2.0), (4, 2.1), (5, 2.2), (6, 3.0), (7, 3.1), (8, 3.2)]
