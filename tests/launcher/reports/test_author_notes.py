"""What the author of a job wrote about it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from launcher.reports.author_notes import fill, parse

ROOT = Path(__file__).parents[3]


def test_notes_are_taken_apart_and_filled_in() -> None:
    values = {"a": 50257, "b": 7, "x": "t"}
    assert fill("${a} ${b} ${a // b} ${a * b} ${x} ${nope} ${a // x} $5", values) == (
        "50,257 7 7179 351,799 t ${nope} ${a // x} $5"
    )
    notes = parse("# T\n## Model\nm ${b}\n### Sub\n## Parameters\n- `b`: note\n  goes on\n## Odd\no\n", values)
    assert notes.title == "T"
    assert notes.text == {"Model": "m 7\n### Sub", "Observations": "### Odd\n\no"}
    assert notes.parameters == {"b": "note goes on"}


def test_the_notes_of_the_report_job_fit_its_job_file() -> None:
    """A description of an experiment that is gone, or a parameter that is none, would go stale unseen."""
    from minigpt.config import FIELDS

    notes = parse((ROOT / "jobs" / "report.md").read_text(), {})
    job = tomllib.loads((ROOT / "jobs" / "report.toml").read_text())
    assert list(notes.descriptions) == list(job["experiments"])
    assert set(notes.parameters) <= set(FIELDS)
    facts = {"parameters", "examples", "tokens_used", "tokens_available"}
    assert set(re.findall(r"\$\{(\w+)", (ROOT / "jobs" / "report.md").read_text())) <= facts | set(FIELDS)
    assert set(notes.text) == {"Model", "Dataset", "Training", "Observations"}
