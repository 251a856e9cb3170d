"""What the report says: observations, ticks, spans, commands and words, from plain values."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from launcher.planning.provenance import commit
from launcher.reports.analysis import compare, observations, rank
from launcher.reports.author_notes import fill, parse
from launcher.reports.html.charts import log_ticks, thin, ticks
from launcher.reports.reproduce import commands
from launcher.reports.results import Result, differing, running_mean
from launcher.reports.timeline import Span, idle_gaps, lanes, read_spans
from launcher.reports.usage_curves import over_time
from launcher.store.curve import Curve
from launcher.store.manifest import Manifest
from launcher.store.paths import Paths
from launcher.store.samples import read_samples
from launcher.text import rounded, with_spread

HOSTILE = "</script><script>document.title='owned'</script>\"'&]]>--><img src=http://evil.example/x>\x00\x07\u202e|`*_"
ROOT = Path(__file__).parents[3]


def made(name: str, values: list[float], ending: str = "done", **more: Any) -> Result:
    index, overrides = more.pop("index", 0), more.pop("overrides", {})
    curves = {"loss": Curve(list(range(1, len(values) + 1)), values)} if values else {}
    return Result(name, index, overrides, overrides, {}, curves, ending, steps=len(values), **more)


def test_a_difference_is_clear_only_beyond_both_spreads() -> None:
    base = made("base", [2.0, 2.2, 2.0, 2.2, 2.0, 2.2])
    near = made("near", [1.9, 2.1, 1.9, 2.1, 1.9, 2.1], overrides={"lr": 1})
    far = made("far", [1.0, 1.2, 1.0, 1.2, 1.0, 1.2], overrides={"lr": 2})
    _, found = compare([base, near, far], "loss")
    assert [(one.one.name, one.is_better, one.is_clear) for one in found] == [
        ("near", True, False),
        ("far", True, True),
    ]
    said = " ".join(observations([base, near, far], ["loss"]))
    assert "near (lr=1): no clear effect" in said
    assert "far (lr=2): it helped" in said
    assert "one seed" in said


def test_more_is_better_where_the_job_says_so() -> None:
    low, high = made("low", [1.0] * 6), made("high", [2.0] * 6)
    low.curves["loss"] = Curve(low.curves["loss"].steps, low.curves["loss"].values, True)
    high.curves["loss"] = Curve(high.curves["loss"].steps, high.curves["loss"].values, True)
    assert [one.name for one, _ in rank([low, high], "loss").ends] == ["high", "low"]


def test_what_failed_is_told_and_never_ranked() -> None:
    one = made("fine", [3.0] * 9)
    other = made("lost", [1.0, math.nan], "diverged", why="loss is nan at step 2", total=9, last_step=2)
    said = " ".join(observations([one, other, made("idle", [], "")], ["loss"]))
    assert "lost ended after step 2 of 9: diverged, loss is nan at step 2. It is not ranked." in said
    assert "lost (1, the first at step 2)" in said
    assert "idle has not been started" in said
    assert [one.name for one, _ in rank([one, other], "loss").ends] == ["fine"]


def test_costs_are_in_relation_to_the_reference() -> None:
    base = made("base", [2.0] * 6, seconds=100.0, peak_memory_bytes=1e9)
    wide = made("wide", [1.0] * 6, overrides={"width": 2}, seconds=150.0, peak_memory_bytes=1e9)
    assert "Cost: +50% time, the same steps and memory." in " ".join(observations([base, wide], ["loss"]))


def test_a_thousand_experiments_are_still_a_short_list() -> None:
    many = [made(f"e{number}", [float(number)] * 6, overrides={"n": number}) for number in range(1000)]
    many += [made(f"f{number}", [math.nan], "failed", attempts=2) for number in range(1000)]
    said = observations(many, ["loss"])
    assert len(said) < 50
    assert max(map(len, said)) < 1000


def test_thinning_loses_no_extreme() -> None:
    values = [math.sin(place / 50) for place in range(10_000)]
    values[1234], values[7777], values[5000] = 99.0, -99.0, math.nan
    places = thin(values, 200)
    assert len(places) <= 202
    assert {0, 1234, 7777, 9_999} <= set(places)
    assert thin([math.nan] * 1000, 10)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3.7, 12), (1e-12, 3e-12), (1e15, 2e15), (0.0, 136.0), (5.0, 5.0), (-1e99, 1e99)]
)
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 11
    margin = (high - low) * 1e-6
    assert all(low - margin <= value <= high + margin for value in found)
    assert all(1 <= value <= 1e6 for value in log_ticks(1.0, 1e6))
    assert len(log_ticks(1e-90, 1e90)) < 12


def test_the_running_mean_keeps_ends_and_passes_over_what_is_not_finite() -> None:
    assert running_mean([float(place) for place in range(50)]) == pytest.approx(range(50))
    assert running_mean([1.0, math.nan, 1.0, math.inf, 1.0]) == [1.0] * 5
    assert math.isnan(running_mean([math.nan])[0])


def test_differing_keys_are_those_of_any_experiment() -> None:
    assert differing([{"a": 1, "b": 1}, {"a": 1, "b": 1.0}, {"a": 1, "b": 1, "c": None}]) == ["b", "c"]


@pytest.mark.parametrize(
    ("level", "spread", "shown"),
    [(5.1037, 0.4056, "5.10 ± 0.41"), (348.85, 89.36, "349 ± 89"), (2.0, 0.0, "2.0000 ± 0")],
)
def test_a_level_has_the_digits_its_spread_allows(level: float, spread: float, shown: str) -> None:
    assert with_spread(level, spread) == shown


def test_differences_have_three_digits() -> None:
    assert [rounded(value) for value in (0.71654, 91.05, 1234.5, 1e-9, 0.0)] == ["0.717", "91.0", "1,234", "1e-09", "0"]


def test_spans_begin_with_the_attempt_that_began_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [
        {"at": "2026-01-01T00:00:00+00:00", "event": "started", "experiment": "a", "attempt": 1, "device": "cpu:0"},
        {"event": "ended", "experiment": "a", "attempt": 1, "ending": "done", "seconds": 9.0},
        {"at": "2026-01-01T01:00:00+00:00", "event": "started", "experiment": "a", "attempt": 1, "device": "cpu:1"},
        {"event": "ended", "experiment": "a", "attempt": 1, "ending": "interrupted", "seconds": 5.0, "why": "w"},
        {"at": "2026-01-01T02:00:00+00:00", "event": "started", "experiment": "a", "attempt": 2, "device": "cpu:1",
         "goes_on": True},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + 'null\n{"event": "started"}\n[1]\n{"at')
    spans = read_spans(path, ["a", "b"])
    assert [(span.attempt, span.device, span.seconds, span.ending) for span in spans] == [
        (1, "cpu:1", 5.0, "interrupted"),
        (2, "cpu:1", None, ""),
    ]
    assert read_spans(tmp_path / "absent", ["a"]) == []


def test_overlapping_attempts_on_a_device_get_lanes_and_long_pauses_are_gaps() -> None:
    spans = [Span("a", 1, "GPU 0", 0.0, 10.0), Span("b", 1, "GPU 0", 5.0, 10.0), Span("c", 1, "GPU 0", 10.0, 3.0)]
    assert [[span.experiment for span in lane] for lane in lanes(spans)["GPU 0"]] == [["a", "c"], ["b"]]
    assert idle_gaps([*spans, Span("d", 1, "GPU 0", 1000.0, 1.0)]) == [(15.0, 1000.0)]


def test_telemetry_is_read_with_attempts_one_after_another(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rest = {"peak_memory_bytes": 0, "num_processes": 1}
    samples = [
        {"attempt": 1, "at_s": 1.0, "cpu_percent": 50.0, "memory_bytes": 1000000},
        {"attempt": 1, "at_s": 2.0, "cpu_percent": 60.0, "memory_bytes": 2000000, "gpu_percent": 7},
        {"attempt": 2, "at_s": 1.5, "cpu_percent": 99.0, "memory_bytes": 3000000},
    ]
    path.write_text("".join(json.dumps(sample | rest) + "\n" for sample in samples) + '[]\n{"attempt": 2, "at_s')
    found = over_time(read_samples(path))
    assert found["cpu_percent"].at_s == [1.0, 2.0, 3.5]
    assert found["memory_bytes"].values == [1.0, 2.0, 3.0]
    assert found["gpu_percent"].values == [7.0]
    assert found.keys() == {"cpu_percent", "memory_bytes", "gpu_percent"}
    assert over_time(read_samples(tmp_path / "absent")) == {}


def test_commands_are_quoted_and_name_the_same_devices_and_threads(tmp_path: Path) -> None:
    slots = [{"device": "GPU 1", "threads": 2}, {"device": "GPU 3", "threads": 2}]
    argv = ["/x/launcher/__main__.py", "run", "jobs/my job.toml", "--devices", "1,3"]
    launch = {"cwd": "/home/a b", "commit": "abc-dirty", "argv": argv, "slots": slots, "mode": "parallel"}
    shown = commands(Manifest("s", "jobs/my job.toml", "t:f", 0, [], [], [], launch), Paths(Path("o"), Path("l")))
    assert "cd '/home/a b'\ngit checkout abc  # tracked files differed" in shown
    assert "python -m launcher run 'jobs/my job.toml' --devices 1,3\n" in shown
    assert "--parallel --devices 1,3 --threads 2 --outcome o-again --logs l-again" in shown
    assert "python -m launcher report" in commands(
        Manifest("s", "j", "t:f", 0, [], [], []), Paths(Path("o"), Path("l"))
    )


def test_the_commit_is_that_of_the_folder_and_says_if_it_is_dirty(tmp_path: Path) -> None:
    assert commit(tmp_path / "absent") == ""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}

    def git(*words: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True, env=clean)

    git("init")
    assert commit(tmp_path) == "", "no commit yet"
    (tmp_path / "f").write_text("1")
    git("add", "f")
    git("commit", "-m", "m")
    assert re.fullmatch(r"[0-9a-f]{40}", commit(tmp_path))
    (tmp_path / "f").write_text("2")
    assert re.fullmatch(r"[0-9a-f]{40}-dirty", commit(tmp_path))


def test_prose_is_taken_apart_and_filled_in() -> None:
    values = {"a": 50257, "b": 7, "x": "t"}
    assert fill("${a} ${b} ${a // b} ${a * b} ${x} ${nope} ${a // x} $5", values) == (
        "50,257 7 7179 351,799 t ${nope} ${a // x} $5"
    )
    prose = parse("# T\n## Model\nm ${b}\n### Sub\n## Parameters\n- `b`: note\n  goes on\n## Odd\no\n", values)
    assert prose.title == "T"
    assert prose.text == {"Model": "m 7\n### Sub", "Observations": "### Odd\n\no"}
    assert prose.notes == {"b": "note goes on"}


def test_the_words_of_the_report_job_fit_its_job_file() -> None:
    """A description of an experiment that is gone, or a parameter that is none, would go stale unseen."""
    import tomllib

    from minigpt.config import FIELDS

    words = parse((ROOT / "jobs" / "report.md").read_text(), {})
    job = tomllib.loads((ROOT / "jobs" / "report.toml").read_text())
    assert list(words.descriptions) == list(job["experiments"])
    assert set(words.notes) <= set(FIELDS)
    facts = {"parameters", "examples", "tokens_used", "tokens_available"}
    assert set(re.findall(r"\$\{(\w+)", (ROOT / "jobs" / "report.md").read_text())) <= facts | set(FIELDS)
    assert set(words.text) == {"Model", "Dataset", "Training", "Observations"}


def test_the_time_of_a_step_is_that_of_all_attempts(tmp_path: Path) -> None:
    from launcher.store.history import History

    history = History()
    steps = [(1, 1.0, 1), (1, 2.0, 2), (2, 0.5, 2), (2, 1.5, 3)]
    for n, (attempt, at_s, step) in enumerate(steps):
        history.add({"n": n, "attempt": attempt, "at_s": at_s, "step": step, "loss": 1.0})
    assert history.at_s == {1: 1.0, 2: 2.5, 3: 3.5}
    assert list(history.steps) == [1, 2, 3]
