"""A plan starts nothing and writes nothing, and keeps out of the folder of another sweep."""

from __future__ import annotations

from tests.launcher.conftest import Workplace


def test_another_sweeps_folder_is_refused(place: Workplace) -> None:
    place.toy({"a": {}})
    assert place.launch("job.toml").code == 0
    place.toy({"a": {}}, name="other", outcome="outcome/job")
    result = place.launch("job.toml")
    assert result.code == 2
    assert 'holds the sweep "job", and this one is "other"' in result.err


def test_plan_starts_and_writes_nothing(place: Workplace) -> None:
    place.toy({"a": {}, "b": {}})
    before = sorted(place.folder.rglob("*"))
    for arguments in (("plan", "job.toml"), ("job.toml", "--dry-run")):
        result = place.launch(*arguments)
        assert result.code == 0
        assert "2 of 2 to run" in result.out
    assert [path for path in sorted(place.folder.rglob("*")) if "__pycache__" not in path.parts] == before
