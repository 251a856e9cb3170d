"""The page as a file: of hostile words, of many experiments, with its policy, without its script."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
from pathlib import Path
from typing import Any

import pytest

from launcher.reports.data import ReportData
from launcher.reports.html import page
from launcher.store.paths import Paths
from launcher.worker.last_lines import last_lines
from tests.launcher.reports.html.hostile import make_hostile
from tests.launcher.reports.html.made_sweep import make_sweep


def written(paths: Paths) -> str:
    """Write the page of a sweep and return it."""
    data = ReportData(paths)
    data.look()
    page.write(paths.report_html, paths, data.manifest, data.experiments, data.usage_curves, last_lines)
    return paths.report_html.read_text()


def data_of(content: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', content, re.S)
    assert found is not None
    return dict(json.loads(found[1]))


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
            assert name != "style", f"<{tag} style> is against the policy"
            if name in ("href", "src", "action", "data", "srcset", "xlink:href"):
                self.references.append(value or "")


def test_hostile_words_stay_words_in_the_page(tmp_path: Path) -> None:
    content = written(make_hostile(tmp_path))
    found = Elements()
    found.feed(content)
    assert found.tags.count("script") == 2, "the data and the script"
    assert not {"img", "b", "iframe", "object", "base", "form"} & set(found.tags)
    assert all(one.startswith("#") or one == "data:," for one in found.references), found.references
    own = content.replace(page._assets()["script"], "")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u202e]", own)
    assert "{{7*7}}" in content, "a text is no template"


def test_the_policy_allows_just_the_script_and_the_style_of_the_page(tmp_path: Path) -> None:
    content = written(make_hostile(tmp_path))
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', content)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    assert "unsafe" not in policy[1]
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        text = re.findall(rf"<{tag}>(.*?)</{tag}>", content, re.S)
        assert len(text) == 1
        digest = base64.b64encode(hashlib.sha256(text[0].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy[1]


def test_the_script_makes_no_markup_of_texts() -> None:
    folder = Path(page.__file__).parent / "scripts"
    for path in folder.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text()), path
    assert {path.stem for path in folder.glob("*.js")} == set(page._SCRIPTS)


def test_equal_failures_are_one_card(tmp_path: Path) -> None:
    content = written(make_sweep(tmp_path, 60, steps=20))
    cards = re.findall(r'<div class="card failure">(.*?)</div>', content, re.S)
    heads = [re.sub(r"<.*?>|\s+", " ", card.split("</h3>")[0]).strip() for card in cards]
    assert [re.sub(r" +", " ", head) for head in heads] == ["5 experiments ✗ failed", "2 experiments ✗ diverged"]
    assert cards[0].count("mat1 and mat2") == 2, "the reason once, and the log of the first"
    assert "%</" not in content
    assert not re.search(r"\d{4,}(\.\d+)?% (higher|lower)", content), "no share that says nothing"


def test_a_page_of_what_has_ended_says_when_it_was_made_and_of_nothing_that_it_runs(tmp_path: Path) -> None:
    content = written(make_sweep(tmp_path, 2, steps=5))
    assert re.search(r"this page was made \d{4}-\d\d-\d\d \d\d:", content)
    assert '<p class="running">' not in content


def test_a_metric_without_a_number_is_told_from_no_metric(tmp_path: Path) -> None:
    paths = make_sweep(tmp_path, 1, steps=2)
    records = paths.records("baseline")
    records.write_text(re.sub(r'"(loss|perplexity)": [\d.]+', r'"\1": "nan"', records.read_text()))
    assert "every value is NaN or infinite" in written(paths)
    records.unlink()
    assert "No metric has been recorded" in written(paths)


@pytest.mark.parametrize("num", [1, 5, 24])
def test_without_script_the_page_has_every_experiment_and_a_picture_of_each_metric(tmp_path: Path, num: int) -> None:
    paths = make_sweep(tmp_path, num, steps=30)
    content = written(paths)
    whole = content.partition('<script type="application/json"')[0]
    names = data_of(content)["experiments"]
    assert len(names) == num
    for name in names:
        assert f'<th scope="row" class="left">{name}</th>' in whole
    assert whole.count('<title id="t') == 2 + 2 + 1, "two metrics, two quantities of telemetry, the timeline"


def test_a_curve_is_in_the_page_to_six_digits(tmp_path: Path) -> None:
    paths = make_sweep(tmp_path, 2, steps=30)
    data = data_of(written(paths))
    (loss,) = [metric for metric in data["metrics"] if metric["name"] == "loss"]
    curve = loss["curves"][0]
    assert data["steps"][curve["s"]] == {"a": 1, "d": 1, "n": 30}
    assert len(base64.b64decode(curve["v"][1:])) == 4 * 30
    assert data["scales"]["tokens"][0] is not None
    assert data["config"]["keys"] == ["lr"], "what differs"


@pytest.mark.slow
def test_a_thousand_experiments_are_less_than_five_megabytes(tmp_path: Path) -> None:
    paths = make_sweep(tmp_path, 1000, steps=300)
    assert len(written(paths).encode()) < 5_000_000
    assert len(paths.report_html.read_text().splitlines()) < 20_000
