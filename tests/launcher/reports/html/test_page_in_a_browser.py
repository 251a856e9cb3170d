"""The page worked with in a real browser. Without Chromium, each test says why it is skipped."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from launcher.reports.analysis.student_t import quantile
from launcher.reports.data import ReportData
from launcher.reports.html import page, ticks
from launcher.reports.mean_curve import mean_curve
from launcher.reports.smoothing import Floats, running_mean
from launcher.store.experiment_state import ExperimentState
from launcher.store.manifest import Manifest, ManifestExperiment, write_manifest
from launcher.store.paths import Paths
from launcher.worker.last_lines import last_lines
from tests.launcher.chromium import Chromium, find_browser
from tests.launcher.conftest import wait_for
from tests.launcher.reports.html.hostile import make_hostile
from tests.launcher.reports.html.made_sweep import make_grid, make_sweep

SCRIPTS = Path(page.__file__).parent / "scripts"
STATUS = "document.querySelector('.tip').innerText"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium): the page is not looked at in a browser")
    opened = Chromium(program, tmp_path / "profile")
    yield opened
    opened.close()


def write(paths: Paths) -> list[ExperimentState]:
    data = ReportData(paths)
    data.look()
    page.write(paths.report_html, paths, data.manifest, data.experiments, data.usage_curves, last_lines)
    return data.experiments


def open_page(browser: Chromium, paths: Paths, width: int = 1280) -> list[ExperimentState]:
    experiments = write(paths)
    browser.view(width)
    browser.open(paths.report_html.absolute().as_uri())
    return experiments


def told(browser: Chromium) -> list[dict[str, Any]]:
    """Return what is in the console: errors, and what the policy has refused."""
    return [event for event in browser.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]


def press(browser: Chromium, text: str) -> None:
    """Press the button with a text."""
    named = f"[...document.querySelectorAll('button')].find(each => each.textContent === {json.dumps(text)})"
    browser.evaluate(f"{named}.click()")


def choose(browser: Chromium, label: str, option: str) -> None:
    """Choose an option of the list with a label."""
    browser.evaluate(f"""(() => {{
        const label = [...document.querySelectorAll('label')].find(each => each.textContent.startsWith('{label} '));
        const list = label.querySelector('select');
        list.value = [...list.options].find(each => each.textContent.startsWith('{option}')).value;
        list.dispatchEvent(new Event('change'));
    }})()""")


def plot_box(browser: Chromium) -> tuple[float, float, float, float]:
    """Return left, top, width and height of the plot of the curves, in the window."""
    browser.evaluate("document.querySelector('.plot').scrollIntoView({block: 'center'})")
    box = "document.querySelector('#curve-panel .u-over').getBoundingClientRect()"
    found = json.loads(browser.evaluate(f"JSON.stringify({box})"))
    return found["left"], found["top"], found["width"], found["height"]


def labels(browser: Chromium) -> str:
    """Return what describes the plot of the curves: its axes, and where the curves that are on end."""
    return str(browser.evaluate("document.querySelector('#curve-panel .plot').getAttribute('aria-label')"))


def rows_shown(browser: Chromium) -> list[str]:
    """Return the experiments in the table, in order."""
    return list(
        browser.evaluate(
            "[...document.querySelectorAll('#result-table tbody tr[data-e] th button')].map(b=>b.innerText)"
        )
    )


def downloaded(folder: Path, name: str) -> list[list[str]]:
    wait_for(lambda: (folder / name).exists())
    wait_for(lambda: not list(folder.glob("*.crdownload")))
    with (folder / name).open(newline="") as file:
        return list(csv.reader(file))


def test_hostile_words_stay_words_wherever_the_script_puts_them(tmp_path: Path, browser: Chromium) -> None:
    """No request leaves the page, no error is in the console, nothing is wider than the window."""
    paths = make_hostile(tmp_path)
    write(paths)
    url = paths.report_html.absolute().as_uri()
    for width in (390, 1280):
        for scheme in ("light", "dark"):
            browser.view(width, scheme)
            browser.open(url)
            asked = [
                event["params"]["request"]["url"]
                for event in browser.events
                if event["method"] == "Network.requestWillBeSent"
            ]
            assert {one for one in asked if not one.startswith("data:")} == {url}
            assert told(browser) == []
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"overflow at {width}"
            assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == (
                "rgb(246, 247, 249)" if scheme == "light" else "rgb(15, 18, 22)"
            )
    for place in range(4):
        browser.evaluate(f"document.querySelectorAll('#result-table tbody th button')[{place}].click()")
    assert browser.evaluate("document.querySelectorAll('tr.fold').length") == 4
    left, top, width_, height = plot_box(browser)
    browser.point(left + width_ / 2, top + height / 2)
    wait_for(lambda: "step" in browser.evaluate(STATUS))
    assert browser.evaluate("document.querySelectorAll('script').length") == 2
    assert browser.evaluate("document.querySelectorAll('img, iframe, object, main b').length") == 0
    assert browser.evaluate("document.title").startswith("</script><script>"), "it shows the words"
    words = browser.evaluate("document.body.innerText")
    assert not any(character in words for character in "\u202e\u2028\x07")
    assert told(browser) == []
    with pytest.raises(AssertionError):
        browser.evaluate("fetch('http://127.0.0.1:9/')")
    browser.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.owned = 1'}))"
    )
    assert browser.evaluate("window.owned === undefined"), "the policy lets no other script act"


def test_curves_tell_their_values_and_can_be_switched_zoomed_and_laid_out_anew(
    tmp_path: Path, browser: Chromium
) -> None:
    experiments = open_page(browser, make_sweep(tmp_path, 5, steps=100, faults=False))
    left, top, width, height = plot_box(browser)
    browser.point(left + width / 2, top + height * 0.9)
    wait_for(lambda: "step 50" in browser.evaluate(STATUS))
    at_50 = experiments[0].curves["loss"].values[49]
    assert f"baseline\t{at_50:.4f}, mean " in browser.evaluate(STATUS), "the recorded value is read, not the mean"
    assert "baseline ends at" in labels(browser)
    press(browser, "baseline (reference)")
    assert "baseline ends at" not in labels(browser), "its curve is off"
    browser.point(left + width / 2, top + height * 0.88)
    wait_for(lambda: "step" in browser.evaluate(STATUS))
    assert "baseline" not in browser.evaluate(STATUS), "and not under the pointer"
    press(browser, "baseline (reference)")

    browser.evaluate("""document.querySelector('#curve-panel .plot').dispatchEvent(
        new KeyboardEvent('keydown', {key: 'PageDown'}))""")
    assert "step" in browser.evaluate(STATUS), "the keyboard moves the pointer too"

    back = "[...document.querySelectorAll('button')].find(each => each.textContent === 'Whole curves')"
    assert browser.evaluate(f"{back}.disabled")
    browser.drag(left + width * 0.5, top + height / 2, left + width * 0.75, top + height / 2)
    wait_for(lambda: not browser.evaluate(f"{back}.disabled"))
    browser.point(left + width * 0.999, top + height * 0.5)
    wait_for(lambda: "step 75" in browser.evaluate(STATUS))
    press(browser, "Whole curves")
    assert browser.evaluate(f"{back}.disabled")

    choose(browser, "by", "training tokens")
    browser.point(left + width / 2 + 2, top + height * 0.9)
    wait_for(lambda: "training tokens 102,400" in browser.evaluate(STATUS))
    choose(browser, "by", "share of training")
    browser.point(left + width / 2, top + height * 0.9)
    wait_for(lambda: "share of training 50" in browser.evaluate(STATUS))
    choose(browser, "by", "time")
    assert labels(browser).startswith("loss by time in seconds")
    choose(browser, "metric", "perplexity")
    assert labels(browser).startswith("perplexity by time in seconds")
    is_log = browser.evaluate("document.querySelector('#curve-panel input[type=checkbox]').checked")
    browser.evaluate("document.querySelector('#curve-panel input[type=checkbox]').click()")
    assert ("logarithmic" in labels(browser)) == (not is_log)
    smoothing = "document.querySelector('#curve-panel input[type=range]')"
    browser.evaluate(f"{smoothing}.value = 0; {smoothing}.dispatchEvent(new Event('input'))")
    browser.point(left + width / 2, top + height * 0.8)
    wait_for(lambda: "mean" not in browser.evaluate(STATUS))
    assert told(browser) == []


def test_the_table_filters_sorts_groups_folds_out_and_is_exported(tmp_path: Path, browser: Chromium) -> None:
    experiments = open_page(browser, make_sweep(tmp_path, 24, steps=40))
    browser.save_downloads(tmp_path)
    by_best = sorted(
        (each for each in experiments if not each.has_failed),
        key=lambda each: each.curves["loss"].best or math.inf,
    )
    assert rows_shown(browser)[: len(by_best)] == [each.name for each in by_best], "the best first"
    chips = "document.querySelectorAll('#curve-panel .legend button').length"
    assert browser.evaluate(chips) == 6, "the best five and the reference"

    left, top, width, height = plot_box(browser)
    browser.drag(left + width * 0.1, top + height * 0.6, left + width * 0.9, top + height * 0.6)
    back = "[...document.querySelectorAll('button')].find(each => each.textContent === 'Whole curves')"
    wait_for(lambda: not browser.evaluate(f"{back}.disabled"))
    browser.click(left + width * 0.5, top + height * 0.5, times=2)
    wait_for(lambda: browser.evaluate(f"{back}.disabled"))
    browser.evaluate("new Promise(resolve => setTimeout(resolve, 300))")
    assert browser.evaluate(chips) == 6, "neither a drag nor a double click switches a grey curve on"
    near = "document.querySelector('.tip .near').innerText"
    coloured = browser.evaluate("[...document.querySelectorAll('.legend button')].map(each => each.title)")
    places = ((across / 20, down / 20) for across in range(1, 20) for down in range(1, 20))
    for across, down in places:
        browser.point(left + width * across, top + height * down)
        if (named := browser.evaluate(near).split("\t")[1]) not in coloured:
            break
    browser.click(left + width * across, top + height * down)
    wait_for(lambda: browser.evaluate(chips) == 7)
    assert browser.evaluate("[...document.querySelectorAll('.legend button')].at(-1).title") == named
    press(browser, "first choice")

    search = "document.querySelector('#result-tools input[type=search]')"
    browser.evaluate(f"{search}.value = 'width_128 done'; {search}.dispatchEvent(new Event('input'))")
    shown = rows_shown(browser)
    assert shown
    assert all("width_128" in name for name in shown)
    press(browser, "only the rows shown")
    assert browser.evaluate("document.querySelectorAll('#result-table th input:checked').length") == len(shown)
    press(browser, "Table as CSV")
    head, *rows = downloaded(tmp_path, "grid-results.csv")
    assert head[:3] == ["experiment", "overrides", "ending"]
    assert [row[0] for row in rows] == shown
    by_name = {each.name: each for each in experiments}
    assert float(rows[0][head.index("best loss")]) == by_name[shown[0]].curves["loss"].best, "to the last digit"
    press(browser, "Curves as CSV")
    head, *rows = downloaded(tmp_path, "grid-loss.csv")
    assert head == ["experiment", "step", "tokens", "time_s", "loss"]
    assert {row[0] for row in rows} == set(shown)
    assert len(rows) == sum(len(by_name[name].curves["loss"].values) for name in shown)
    assert rows[0][1:3] == ["1", "2048"]
    assert float(rows[0][4]) == pytest.approx(by_name[rows[0][0]].curves["loss"].values[0], rel=1e-6)

    browser.evaluate(f"{search}.value = ''; {search}.dispatchEvent(new Event('input'))")
    click = "document.querySelector('#result-table th button').click()"
    browser.evaluate(click)
    assert rows_shown(browser)[0] == "baseline"
    browser.evaluate(click)
    assert rows_shown(browser)[-1] == "baseline"
    choose(browser, "group by", "width")
    groups = browser.evaluate("[...document.querySelectorAll('tr.group')].map(row => row.innerText)")
    assert [group.split(" ·")[0] for group in groups] == ["width = 64", "width = 128", "width = 256", "width = 512"]
    assert "mean of best loss" in groups[0]

    browser.evaluate(
        "[...document.querySelectorAll('#result-table th button')].find(b=>b.innerText==='baseline').click()"
    )
    fold = "document.querySelector('tr.fold')"
    wait_for(lambda: browser.evaluate(f"{fold}?.querySelectorAll('canvas').length") == 4)
    words = browser.evaluate(f"{fold}.innerText")
    for wanted in (
        "The others are compared with this one",
        "step 40 loss",
        "follow baseline --job",
        "--curves baseline",
    ):
        assert wanted in words
    browser.evaluate("document.querySelectorAll('#result-tools details input')[0].click()")
    hidden = "getComputedStyle(document.querySelectorAll('#result-table tbody tr[data-e] td')[0]).display"
    assert browser.evaluate(hidden) == "none", "the column of the overrides"
    assert told(browser) == []


def make_odd(folder: Path, curves: dict[str, list[Any]], scale: str = "auto", lr: Any = 0.1) -> Paths:
    """Write a sweep with these values of the loss. Its first metric was never logged."""
    paths = Paths(folder / "outcome", folder / "logs")
    paths.create()
    values = [0.1 if index else lr for index in range(len(curves))]
    planned = [
        ManifestExperiment(name, {"lr": own}, {"lr": own}, name) for name, own in zip(curves, values, strict=True)
    ]
    details = {"loss": {"scale": scale}}
    write_manifest(paths, Manifest("odd", "j.toml", "t:f", 0, ["los", "loss"], [], planned, metric_details=details))
    for name, values in curves.items():
        rows: list[dict[str, Any]] = [{"kind": "start"}]
        rows += [{"step": step, "loss": value} for step, value in enumerate(values, 1)]
        lines = [json.dumps({"n": n, "attempt": 1, "at_s": n / 10, **row}) for n, row in enumerate(rows, 1)]
        paths.records(name).write_text("\n".join(lines) + "\n" if values else "")
    return paths


ODD: dict[str, tuple[dict[str, list[Any]], str]] = {
    "nothing": ({"a": [], "b": []}, "auto"),
    "no number": ({"a": ["nan"] * 5, "b": ["inf"]}, "auto"),
    "one step": ({"a": [1.5]}, "auto"),
    "the same": ({"a": [0] * 30, "b": [0] * 30}, "auto"),
    "negative": ({"a": [-i for i in range(40)], "b": [i * 1e-9 for i in range(40)]}, "log"),
    "huge": ({"a": [1e308, 1e307, 3.0] * 20, "b": [1e50 * i for i in range(60)]}, "auto"),
    "tiny": ({"a": [1e-200, 1e-199] * 20}, "log"),
    "gaps": ({"a": [1, "inf", 2, "-inf"] * 20, "b": [3.0] * 5000}, "linear"),
}


def test_no_value_stops_the_script(tmp_path: Path, browser: Chromium) -> None:
    for name, (curves, scale) in ODD.items():
        open_page(browser, make_odd(tmp_path / name, curves, scale))
        browser.evaluate("""(() => {
            for (const box of document.querySelectorAll('#curve-panel input[type=checkbox]')) box.click();
            for (const list of document.querySelectorAll('#curve-panel select')) {
                for (const option of list.options) {
                    list.value = option.value;
                    list.dispatchEvent(new Event('change'));
                }
            }
            for (const opener of document.querySelectorAll('#result-table tbody th button')) opener.click();
        })()""")
        assert browser.evaluate("document.querySelectorAll('tr.fold').length") == len(curves), name
        assert told(browser) == [], name


def test_a_spreadsheet_finds_no_formula_in_the_csv(tmp_path: Path, browser: Chromium) -> None:
    open_page(browser, make_odd(tmp_path, {"a": [-2.0, -3.0], "b": [1.0]}, lr="=1+1"))
    browser.save_downloads(tmp_path)
    hidden = "[...document.querySelectorAll('#result-tools details input')].filter(box => !box.checked)"
    browser.evaluate(f"{hidden}.forEach(box => box.click())")
    press(browser, "Table as CSV")
    head, *rows = downloaded(tmp_path, "odd-results.csv")
    assert rows[0][head.index("best loss")] == "-3.0", "a number stays a number"
    assert rows[0][head.index("lr")] == "'=1+1"
    for cell in (cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))):
        assert cell == "-" or float(cell), cell


def test_without_script_the_pictures_and_the_whole_table_are_there(tmp_path: Path, browser: Chromium) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    open_page(browser, make_sweep(tmp_path, 14, steps=20))
    assert browser.evaluate("document.querySelectorAll('.live:not([hidden])').length") == 0
    shown = "[...document.querySelectorAll('.still svg[role=img]')].filter(each => each.clientWidth > 200).length"
    assert browser.evaluate(shown) == 4
    assert browser.evaluate("document.querySelectorAll('#result-table tbody tr').length") == 14
    assert "and 8 others, thin and grey" in browser.evaluate("document.querySelector('.still .legend').innerText")


def test_a_page_of_many_is_readable_on_paper(tmp_path: Path, browser: Chromium) -> None:
    open_page(browser, make_sweep(tmp_path, 100, steps=5))
    browser.view(794, medium="print")  # A4 with 96 dots an inch
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.evaluate("getComputedStyle(document.querySelector('.still')).display") == "block", "the pictures"
    assert browser.evaluate("getComputedStyle(document.querySelector('#curve-panel')).display") == "none"
    narrow = """[...document.querySelectorAll('#result-table tr:nth-child(-n+40) > *')]
        .filter(cell => getComputedStyle(cell).display !== 'none')
        .filter(cell => { const range = document.createRange(); range.selectNodeContents(cell);
                          return range.getClientRects().length > 4; }).map(cell => cell.innerText)"""
    assert browser.evaluate(narrow) == [], "no cell has its text in five lines or more"
    assert browser.evaluate("document.documentElement.scrollWidth <= 794")
    pdf = browser.call("Page.printToPDF", printBackground=False)["data"]
    assert len(pdf) > 10_000


def test_with_several_seeds_a_line_and_a_row_are_a_configuration(tmp_path: Path, browser: Chromium) -> None:
    paths = make_grid(tmp_path)
    open_page(browser, paths)
    names = sorted(rows_shown(browser))
    assert len(names) == 8
    assert not [name for name in names if name.endswith(("+s1", "+s2"))]
    legend = browser.evaluate("[...document.querySelectorAll('#curve-panel .legend button')].map(b => b.innerText)")
    assert len(legend) == 8
    assert [name for name in legend if "2/3 seeds" in name] == [name for name in legend if "lr=0.0008" in name]
    assert "lr=0.0001+size=size0 ends at 2." in labels(browser)
    assert told(browser) == []


def test_a_row_of_a_configuration_opens_its_seeds_and_these_their_details(tmp_path: Path, browser: Chromium) -> None:
    open_page(browser, make_grid(tmp_path))
    first = rows_shown(browser)[0]
    browser.evaluate("document.querySelector('#result-table tbody th button').click()")
    assert rows_shown(browser)[:5] == [first, first, f"{first}+s1", f"{first}+s2", rows_shown(browser)[4]]
    browser.evaluate("document.querySelectorAll('#result-table tr.seed th button')[1].click()")
    assert f"{first}+s1" in browser.evaluate("document.querySelector('tr.fold h4').innerText")
    browser.evaluate("document.querySelector('#result-table tbody th button').click()")
    assert len(rows_shown(browser)) == 8, "the seeds are folded away, with what was open below them"
    browser.evaluate("document.querySelector('#result-table tbody th button').click()")
    assert browser.evaluate("document.querySelectorAll('tr.fold').length") == 1, "and come back as they were"
    choose(browser, "group by", "size")
    heads = browser.evaluate("[...document.querySelectorAll('tr.group')].map(row => row.innerText)")
    assert [head.split(" · ")[1] for head in heads] == ["4 configurations", "4 configurations"]
    assert "mean of loss ± sd" in heads[0]
    assert told(browser) == []


def test_the_page_of_a_grid_has_pictures_and_importance_at_every_width(tmp_path: Path, browser: Chromium) -> None:
    paths = make_grid(tmp_path, 8, 3, 5)
    write(paths)
    for width, scheme in ((390, "dark"), (1280, "light")):
        browser.view(width, scheme)
        browser.open(paths.report_html.absolute().as_uri())
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        titles = browser.evaluate(
            "[...document.querySelectorAll('#parameters figcaption')].map(each => each.textContent)"
        )
        assert titles[0].startswith("loss at the end by")
        assert "loss and the parameters" in titles
        rows = browser.evaluate("document.querySelectorAll('.importance')[0].textContent")
        assert "noise, between seeds" in rows
        assert told(browser) == []


def array(values: Floats) -> str:
    """Return an array as JavaScript."""
    listed = ", ".join("NaN" if math.isnan(value) else repr(value) for value in values.tolist())
    return f"Float64Array.of({listed})"


def test_script_and_python_take_the_same_mean_over_seeds(browser: Chromium) -> None:
    script = (SCRIPTS / "mean.js").read_text()
    chance = np.random.default_rng(0)
    for lengths in ((40, 40, 40), (40, 30, 35, 40, 38), (12,), (50,) * 10):
        curves = []
        for place, length in enumerate(lengths):
            stride = 2 if place == 1 and len(set(lengths)) > 1 else 1
            values = chance.normal(3.0, 1.0, length)
            values[chance.random(length) < 0.05] = np.nan
            curves.append((np.arange(1, 1 + stride * length, stride, dtype=float), values))
        listed = ", ".join(f"{{steps: {array(steps)}, values: {array(values)}}}" for steps, values in curves)
        quantiles = json.dumps({num: quantile(0.95, num - 1) for num in range(5, 11)})
        plain = (
            "found => ({...found, steps: [...found.steps], mean: [...found.mean], low: found.low && [...found.low]})"
        )
        made = f"({plain})(meanCurve([{listed}], {quantiles}))"
        code = f"(() => {{ {script}; return JSON.stringify({made}); }})()"
        found, expected = json.loads(browser.evaluate(code)), mean_curve(curves)
        assert expected is not None
        assert found["steps"] == expected.steps.tolist()
        assert (found["isCut"], found["num"]) == (expected.is_cut, expected.num_seeds)
        for name, own in (("mean", expected.mean), ("low", expected.low)):
            theirs = None if found[name] is None else [math.nan if v is None else v for v in found[name]]
            assert theirs == (None if own is None else pytest.approx(own.tolist(), rel=1e-9, nan_ok=True)), name


def test_script_and_python_smooth_and_divide_axes_alike(browser: Chromium) -> None:
    scripts = "".join((SCRIPTS / f"{name}.js").read_text() for name in ("smooth", "axes"))

    def evaluate(expression: str) -> Any:
        return json.loads(browser.evaluate(f"(() => {{ {scripts}; return JSON.stringify({expression}); }})()"))

    chance = np.random.default_rng(0)
    for length in (1, 9, 10, 30, 50, 333, 1000):
        values = chance.normal(3.0, 1.0, length) + 20 / (1 + np.arange(length))
        values[chance.random(length) < 0.1] = np.nan
        counts = chance.integers(1, 9, length).astype(float)
        listed = ", ".join("NaN" if math.isnan(value) else repr(float(value)) for value in values)
        for own, theirs in ((None, "null"), (counts, str(counts.tolist()))):
            smooth = evaluate(f"Array.from(runningMean(Float64Array.of({listed}), {theirs}, 0.05))")
            found = [math.nan if value is None else value for value in smooth]
            expected = running_mean(values, own).tolist()
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), length
    for low, high in ((0.0, 1.0), (-3.7, 12.0), (0.0, 136.0), (1e6, 2e6)):
        assert evaluate(f"ticks({low}, {high})") == pytest.approx(ticks.ticks(low, high))
    for low, high in ((1.5, 25.0), (1e-4, 1e6), (3.0, 2000.0)):
        assert evaluate(f"logTicks({low}, {high})") == pytest.approx(ticks.log_ticks(low, high))
    for value in (0.0, 0.25, 20.0, 50_000.0, 1.2e6):
        assert evaluate(f"tickLabel({value})") == ticks.tick_label(value)
