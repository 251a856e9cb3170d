"""The line of a key in a job file, for messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.planning.source_lines import SourceLines

TEXT = """[sweep]
target = "a:b"

[config]
model.width = 3

[experiments]
"lr_1.5" = { lr = 1.5 }
plain = {}
[experiments.long]
lr = 2
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("sweep", "target"), 2),
        (("config", "model", "width"), 5),
        (("experiments", "lr_1.5"), 8),
        (("experiments", "lr_1.5", "lr"), 8),
        (("experiments", "long", "lr"), 11),
        (("experiments", "long", "other"), 10),
        (("config", "nowhere"), 4),
    ],
)
def test_a_key_or_the_table_around_it_has_a_line(path: tuple[str, ...], line: int) -> None:
    assert SourceLines(Path("job.toml"), TEXT).where(*path) == f"job.toml:{line}: "


def test_what_is_not_found_is_told_with_the_file_alone() -> None:
    assert SourceLines(Path("job.toml"), TEXT).where("nothing") == "job.toml: "
