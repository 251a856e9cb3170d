"""The reference pages say what the code does: they are what `make docs` makes, and explain every name there is."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass

import pytest

from docs import generate, source


@pytest.fixture(scope="module")
def pages() -> tuple[dict[str, str], list[str]]:
    return generate.pages()


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_is_what_the_generator_makes(name: str, pages: tuple[dict[str, str], list[str]]) -> None:
    made, problems = pages
    assert not problems, "\n".join(problems)
    written = (generate.FOLDER / name).read_text(encoding="utf-8")
    assert written == made[name], f'docs/reference/{name} is not what the code says: run "make docs"'


def test_there_is_no_other_page() -> None:
    assert {path.name for path in generate.FOLDER.iterdir()} == generate.PAGES.keys()


def test_a_name_without_a_meaning_and_a_meaning_without_a_name_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [field.name for field in fields(generate.samples.Sample)]
    changed = make_dataclass("Sample", ["melted_bytes" if name == "memory_bytes" else name for name in names])
    monkeypatch.setattr(generate.samples, "Sample", changed)
    _, problems = generate.pages()
    assert problems == [
        "melted_bytes has no meaning: write melted_bytes = \"…\" under ['telemetry'] of docs/meanings.toml.",
        "docs/meanings.toml explains memory_bytes under ['telemetry'], which is gone: remove the line.",
    ]


def test_a_key_of_the_job_file_has_a_meaning_in_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate.job, "SweepSettings", Keys)
    _, problems = generate.pages()
    assert [one.partition(" has no meaning")[0] for one in problems] == ["secret of [sweep]"]
    assert source.key_meanings(Keys) == {"target": "what to call, on two lines", "seed": "from here, or from there"}


@dataclass
class Keys:
    """Keys for a test.

    target: what to call,
        on two lines
    """

    target: str
    seed: int = 0  # from here, or from there
    secret: str = ""


def test_variables_and_kinds_of_records_are_found_in_the_source() -> None:
    assert {"CUDA_VISIBLE_DEVICES", "LAUNCHER_LOCKS"} <= set(source.variables())
    assert source.written_kinds()["resume"] == {"step"}
