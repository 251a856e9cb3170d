"""The report as files: of hostile words, of many experiments, and looked at in a real browser."""

from __future__ import annotations

import html.parser
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.reports.build import Report
from launcher.reports.html.theme import DARK, LIGHT
from launcher.reports.markdown import code, plain
from launcher.store.launch_info import Placement
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.store.provenance import environment
from tests.launcher.chromium import Chromium, find_browser

HOSTILE = "</script><script>document.title='owned'</script>\"'&]]>--><img src=http://evil.example/x>\x00\x07\u202e|`*_"
ROOT = Path(__file__).parents[3]


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
    for name in ("muted", "good", "bad"):
        assert contrast(scheme[name], scheme["bar"]) >= 4.5, f"{name} in a row that is lit"
    for number in range(7):
        assert contrast(scheme[f"c{number}"], scheme["card"]) >= 3, f"line {number}"


@pytest.fixture
def hostile(tmp_path: Path) -> Paths:
    """A sweep whose every word wants to be markup: two done, one failed, one resumed, one that never ran."""
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    paths.telemetry("a").parent.mkdir(exist_ok=True)
    paths.telemetry("a").write_text(
        '{"attempt": 1, "at_s": 1, "cpu_percent": 9}\n{"attempt": 1, "at_s": 2, "cpu_percent": 8}\n'
    )
    planned = [
        ManifestExperiment(name, {"note": HOSTILE + name}, {"note": HOSTILE + name, "same": HOSTILE}, name)
        for name in "abcd"
    ]
    launch = replace(
        environment(), argv=["x.py", HOSTILE], commit=HOSTILE, host=HOSTILE, slots=[Placement(device=HOSTILE)]
    )
    write_manifest(paths, Manifest(HOSTILE, HOSTILE + ".toml", HOSTILE, 0, ["loss"], [], planned, launch))
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
    assert plain("a|b`c\n# d") == r"a\|b\`c # d"
    assert plain("lr_1e-3 _x_ *y*") == r"lr_1e-3 \_x\_ \*y\*"
    assert [plain(text) for text in ("# a", "- a", "1. a", "1) a")] == [r"\# a", r"\- a", r"1\. a", r"1\) a"]
    assert code("a|b") == r"a\|b"
    assert code("x_y") == "`x_y`"


def test_one_report_that_cannot_be_written_costs_no_other(hostile: Paths) -> None:
    hostile.report_html.mkdir()
    problems = Report(hostile).draw()
    assert [one for one in problems if "report.html cannot be written" in one]
    assert hostile.report_md.exists()
    assert hostile.table_csv.exists()


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


@pytest.mark.slow
def test_a_hundred_experiments_of_a_thousand_steps_are_a_page_of_three_megabytes(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    names = [f"experiment_{number:03}" for number in range(100)]
    planned = [ManifestExperiment(name, {"lr": place / 7}, {"lr": place / 7}, name) for place, name in enumerate(names)]
    write_manifest(paths, Manifest("s", "j.toml", "t:f", 0, ["loss", "perplexity"], [], planned))
    for name in names:
        rows = [
            json.dumps(
                {"n": n, "attempt": 1, "at_s": n / 7, "step": n, "loss": math.sin(n), "perplexity": n, "tokens": n}
            )
            for n in range(1, 1001)
        ]
        paths.records(name).write_text("\n".join(rows) + "\n")
    report = Report(paths)
    report._tables = list  # type: ignore[method-assign]  # only the report is of interest here
    report._lines = dict  # type: ignore[method-assign]
    assert report.draw() == []
    assert paths.report_html.stat().st_size < 3_000_000
