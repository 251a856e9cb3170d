"""The report: its observations from plain values, its page and Markdown from files, in hostile words and in a browser."""

from __future__ import annotations

import html.parser
import json
import math
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher.commit import commit
from launcher.findings import compare, observations, rank
from launcher.launch import environment
from launcher.paths import Paths
from launcher.prose import fill, parse
from launcher.report import Report
from launcher.reproduce import command_line, commands
from launcher.results import Curve, Result, differing, running_mean
from launcher.state import Document, Planned, write_document
from launcher.timeline import Span, idle_gaps, lanes, read_spans
from launcher.usage import read_usage
from launcher.views.chart import log_ticks, thin, ticks
from launcher.views.markdown import code, plain
from launcher.views.text import rounded, with_spread
from launcher.views.theme import DARK, LIGHT
from tests.launcher.chromium import Chromium, find_browser

HOSTILE = "</script><script>document.title='owned'</script>\"'&]]>--><img src=http://evil.example/x>\x00\x07\u202e|`*_"
ROOT = Path(__file__).parents[2]


def made(name: str, values: list[float], ending: str = "done", **more: Any) -> Result:
    index, overrides = more.pop("index", 0), more.pop("overrides", {})
    curves = {"loss": Curve(list(range(1, len(values) + 1)), values)} if values else {}
    return Result(name, index, overrides, overrides, {}, curves, ending, steps=len(values), **more)


def test_the_end_of_a_curve_is_its_last_tenth_and_at_least_five_steps() -> None:
    end = Curve(list(range(100)), [float(value) for value in range(100)]).end
    assert end is not None
    assert (end.count, end.level, end.before) == (10, 94.5, 84.5)
    short = Curve([1, 2, 3], [1.0, math.nan, 3.0]).end
    assert short is not None
    assert (short.count, short.level, short.spread, short.before) == (2, 2.0, 1.0, None)
    assert Curve([1], [math.inf]).end is None


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
    low.curves["loss"] = Curve(low.curves["loss"].steps, low.curves["loss"].values, max)
    high.curves["loss"] = Curve(high.curves["loss"].steps, high.curves["loss"].values, max)
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
    [(5.1037, 0.4056, "5.10 ± 0.41"), (348.85, 89.36, "349 ± 89"), (2.0, 0.0, "2.0000 ± 0.0000")],
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
    path.write_text(
        '{"attempt": 1, "at_s": 1.0, "cpu_percent": 50.0, "memory_bytes": 1000000}\n{"attempt": 1, "at_s": 2.0}\n[]\n'
        '{"attempt": 2, "at_s": 1.5, "cpu_percent": 99.0, "gpu_percent": null}\n{"attempt": 2, "at_s'
    )
    found = read_usage(path)
    assert found["cpu_percent"].at_s == [1.0, 3.5]
    assert found["memory_bytes"].values == [1.0]
    assert found.keys() == {"cpu_percent", "memory_bytes"}
    assert read_usage(tmp_path / "absent") == {}


def test_commands_are_quoted_and_name_the_same_devices_and_threads(tmp_path: Path) -> None:
    slots = [{"device": "GPU 1", "threads": 2}, {"device": "GPU 3", "threads": 2}]
    argv = ["/x/launcher/__main__.py", "run", "jobs/my job.toml", "--devices", "1,3"]
    launch = {"cwd": "/home/a b", "commit": "abc-dirty", "argv": argv, "slots": slots, "mode": "parallel"}
    shown = commands(Document("s", "jobs/my job.toml", "t:f", 0, [], [], [], launch), Paths(Path("o"), Path("l")))
    assert "cd '/home/a b'\ngit checkout abc  # tracked files differed" in shown
    assert "python -m launcher run 'jobs/my job.toml' --devices 1,3\n" in shown
    assert "--parallel --devices 1,3 --threads 2 --outcome o-again --logs l-again" in shown
    assert command_line(["jobs/run.py", "x"]) == ["python", "jobs/run.py", "x"]
    assert command_line(["/usr/bin/sweep-launcher", "run"]) == ["sweep-launcher", "run"]
    assert command_line(["-c"]) == []
    assert "python -m launcher report" in commands(
        Document("s", "j", "t:f", 0, [], [], []), Paths(Path("o"), Path("l"))
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


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_their_background(scheme: dict[str, str]) -> None:
    for back in ("back", "card"):
        for name in ("text", "muted", "link", "good", "bad"):
            assert contrast(scheme[name], scheme[back]) >= 4.5, f"{name} on {back}"
    for back in ("bar", "badbar"):  # of bars, and of the row that is lit
        assert contrast(scheme["text"], scheme[back]) >= 4.5
        assert contrast(scheme["muted"], scheme["bar"]) >= 4.5
    for number in range(7):
        assert contrast(scheme[f"c{number}"], scheme["card"]) >= 3, f"line {number}"


@pytest.fixture
def hostile(tmp_path: Path) -> Paths:
    """A sweep whose every word wants to be markup: two done, one failed, one resumed, one that never ran."""
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    paths.telemetry("a").parent.mkdir()
    paths.telemetry("a").write_text(
        '{"attempt": 1, "at_s": 1, "cpu_percent": 9}\n{"attempt": 1, "at_s": 2, "cpu_percent": 8}\n'
    )
    planned = [
        Planned(name, {"note": HOSTILE + name}, {"note": HOSTILE + name, "same": HOSTILE}, name) for name in "abcd"
    ]
    launch = environment() | {
        "argv": ["x.py", HOSTILE],
        "commit": HOSTILE,
        "host": HOSTILE,
        "slots": [{"device": HOSTILE}],
    }
    write_document(paths, Document(HOSTILE, HOSTILE + ".toml", HOSTILE, 0, ["loss"], [], planned, launch))
    events = []
    for place, name in enumerate("abc"):
        ending = "failed" if name == "b" else "done"
        about = {"experiment": name, "device": HOSTILE, "threads": 1}
        events.append({"at": f"2026-01-01T00:0{place}:00+00:00", "event": "started", "attempt": 1, **about})
        events.append({"event": "ended", "attempt": 1, "ending": ending, "why": HOSTILE * 20, "seconds": 50, **about})
        lines = [{"kind": "start"}, {"kind": "info", HOSTILE: HOSTILE + name, "shared": HOSTILE}]
        lines += [{"step": step, "loss": "nan" if step == 7 else 9.0 / step, "tokens": step} for step in range(1, 30)]
        lines += [{"kind": "end", "ending": ending, "error": HOSTILE}]
        rows = [json.dumps({"n": n, "attempt": 1, "at_s": n / 10, **line}) for n, line in enumerate(lines, start=1)]
        paths.records(name).write_text("\n".join(rows) + "\n")
        paths.log(name).write_bytes((HOSTILE * 30 + "\n").encode() + b"\xff\x00\x1b[31m\n")
    paths.events.write_text("".join(json.dumps(event) + "\n" for event in events))
    return paths


class Elements(html.parser.HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name in ("href", "src", "action", "data", "srcset", "xlink:href"):
                self.references.append(value or "")


def test_hostile_words_stay_words_in_the_page(hostile: Paths) -> None:
    assert [one for one in Report(hostile).draw() if "report" in one] == []
    page = hostile.report_html.read_text()
    found = Elements()
    found.feed(page)
    assert found.tags.count("script") == 1
    assert "img" not in found.tags
    assert all(one.startswith("#") or one == "data:," for one in found.references), found.references
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", page)
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page


def test_hostile_words_stay_words_in_markdown(hostile: Paths) -> None:
    Report(hostile).draw()
    content = hostile.report_md.read_text()
    headings = re.findall(r"^## .*", content, re.M)
    assert headings == [
        "## 1. Model Architecture and Parameters",
        "## 2. Dataset Details",
        "## 3. Training Setup and Hyperparameter Experiments",
        "## 4. Observations and Challenges",
    ]
    outside = re.sub(r"^```.*?^```|`[^`\n]*`", "", content, flags=re.M | re.S)
    assert not re.search(r"(?<!\\)<", outside), "no tag outside of code"
    for block in re.findall(r"(?:^\|.*\n)+", content, re.M):
        rows = [re.sub(r"\\.|`[^`]*`", "", row).count("|") for row in block.splitlines()]
        assert len(set(rows)) == 1, f"a cell has broken its table:\n{block[:500]}"
    assert plain("a|b`c\n# d") == r"a\|b\`c \# d"
    assert code("a|b") == r"a\|b"
    assert code("x_y") == "`x_y`"


def test_one_report_that_cannot_be_written_costs_no_other(hostile: Paths) -> None:
    hostile.report_html.mkdir()
    problems = Report(hostile).draw()
    assert [one for one in problems if "report.html cannot be written" in one]
    assert hostile.report_md.exists()
    assert hostile.table_csv.exists()


def test_the_time_of_a_step_is_that_of_all_attempts(tmp_path: Path) -> None:
    from launcher.records import History

    history = History()
    steps = [(1, 1.0, 1), (1, 2.0, 2), (2, 0.5, 2), (2, 1.5, 3)]
    for n, (attempt, at_s, step) in enumerate(steps):
        history.add({"n": n, "attempt": attempt, "at_s": at_s, "step": step, "loss": 1.0})
    assert history.at_s == {1: 1.0, 2: 2.5, 3: 3.5}
    assert list(history.steps) == [1, 2, 3]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium): the page is not looked at in a browser")
    opened = Chromium(program, tmp_path / "profile")
    yield opened
    opened.close()


def test_the_page_in_a_browser(hostile: Paths, browser: Chromium) -> None:
    """No request leaves it, no error is in the console, nothing is wider than the window; it sorts and lights."""
    Report(hostile).draw()
    url = hostile.report_html.absolute().as_uri()
    for width in (390, 1280):
        for scheme in ("light", "dark"):
            browser.view(width, scheme)
            browser.open(url)
            asked = [
                one["params"]["request"]["url"]
                for one in browser.events
                if one["method"] == "Network.requestWillBeSent"
            ]
            assert {one for one in asked if not one.startswith("data:")} == {url}
            told = [one for one in browser.events if one["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
            assert told == []
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"overflow at {width}"
            assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == (
                "rgb(246, 247, 249)" if scheme == "light" else "rgb(15, 18, 22)"
            )
    assert "owned" not in browser.evaluate("document.title").split("'")[0]
    assert browser.evaluate("document.querySelectorAll('svg title').length") > 3
    order = "[...document.querySelectorAll('#results tbody')[0].rows].map(r=>r.cells[0].innerText).join('')"
    assert browser.evaluate(order) == "abcd"
    click = "document.querySelector('#results th button').click();"
    assert browser.evaluate(click + click + order) == "dcba"
    lit = "getComputedStyle(document.querySelector('#curves .line[data-e=\"0\"]:not(.faint):not(.swatch *)')).opacity"
    pick = "document.querySelector('.legend button[data-pick=\"1\"]').click();"
    assert browser.evaluate(lit) == "1"
    assert browser.evaluate(pick + lit) == "0.1"
    assert browser.evaluate(pick + lit) == "1"
    browser.view(800, medium="print")
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    with pytest.raises(AssertionError):
        browser.evaluate("fetch('http://127.0.0.1:9/')")


def test_a_hundred_experiments_of_a_thousand_steps_are_a_page_of_three_megabytes(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    names = [f"experiment_{number:03}" for number in range(100)]
    planned = [Planned(name, {"lr": place / 7}, {"lr": place / 7}, name) for place, name in enumerate(names)]
    write_document(paths, Document("s", "j.toml", "t:f", 0, ["loss", "perplexity"], [], planned))
    for name in names:
        rows = [
            f'{{"n":{n},"attempt":1,"at_s":{n / 7},"step":{n},"loss":{5 + math.sin(n)},"perplexity":{n % 89},"tokens":{n}}}'
            for n in range(1, 1001)
        ]
        paths.records(name).write_text("\n".join(rows) + "\n")
    report = Report(paths)
    report._tables = list  # type: ignore[method-assign]  # only the report is of interest here
    report._plots = lambda renew: []  # type: ignore[method-assign]
    assert report.draw() == []
    assert paths.report_html.stat().st_size < 3_000_000
