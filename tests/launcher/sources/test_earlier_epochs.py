"""The epochs of an attempt are known to the attempt that goes on with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.sources.beginning import beginning_now
from launcher.sources.earlier_epochs import with_epochs
from launcher.sources.follow import Sources
from launcher.sources.source import Found, SourceSpec, read_specs, specs_as_text

TEMPLATE = "Epoch [{epoch}/{}], Step [{step}/{}], Loss: {loss}"


def lines(*epochs: int) -> str:
    return "".join(
        f"Epoch [{epoch}/9], Step [{step}/30], Loss: {epoch}.{step}\n" for epoch in epochs for step in (10, 20, 30)
    )


def objects(*epochs: int) -> str:
    return "".join(f'{{"epoch": {epoch}, "step": {step}, "loss": 0.5}}\n' for epoch in epochs for step in (10, 20, 30))


def steps(found: list[Found]) -> list[int | None]:
    return [each.step for each in found if each.step is not None]


@pytest.mark.parametrize(("kind", "is_json"), [("templates", False), ("auto", False), ("auto", True), ("json", True)])
def test_three_attempts_give_the_steps_of_one(kind: str, is_json: bool, tmp_path: Path) -> None:
    log, printed = tmp_path / "a.log", objects if is_json else lines
    log.write_text("an older attempt\n" + printed(1, 2, 3))
    known = {"kind": kind, "path": str(log), "templates": [TEMPLATE] * (kind == "templates"), "after_step": 0}
    spec = replace(SourceSpec.from_json(known), begins={str(log): len("an older attempt\n")})
    found = Sources([spec]).poll(is_final=True)
    assert steps(found) == list(range(10, 100, 10))
    for again in ((3, 4), (4, 5)):
        last = max(filter(None, steps(found)))
        (spec,) = beginning_now([with_epochs(replace(spec, after_step=last), read_specs(specs_as_text([spec])))])
        with log.open("a") as file:
            file.write(printed(*again))
        found = Sources(read_specs(specs_as_text([spec]))).poll(is_final=True)
        begin = 10 + 30 * (again[0] - 1)
        assert steps(found) == list(range(begin, begin + 60, 10))


def test_what_is_not_known_changes_nothing(tmp_path: Path) -> None:
    spec = SourceSpec(kind="templates", path=str(tmp_path / "a.log"), templates=(TEMPLATE,))
    assert with_epochs(spec, []) == spec
    assert with_epochs(spec, [spec]) == spec, "the file is missing"
    other = replace(spec, templates=("Loss: {loss}",))
    assert with_epochs(other, [spec]) == other
    for epochs in (3, {"a": 1}, {"a": [1, [1, 2], [1, 2, 3, None], [-1, 2, 3, 4]]}):
        content = json.loads(specs_as_text([spec]))[0] | {"epochs": epochs}
        assert not any(SourceSpec.from_json(content).epochs.values())
