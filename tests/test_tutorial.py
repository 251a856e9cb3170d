"""The tutorial and the how-to pages, followed step by step in an empty folder: every file, command and printed line."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from pathlib import Path

import psutil
import pytest

from docs import generate, walkthrough
from tests.launcher.conftest import wait_for

pytestmark = pytest.mark.slow


ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ("argparse", "grid", "metrics-from-output", "one-line", "own-target", "resume", "seeds", "several-gpus")
FOLLOWED = ["tutorial.md", *(f"how-to/{name}.md" for name in PAGES)]  # each in a folder of its own


def follow(page: str, folder: Path) -> None:
    """Do what a page says; fail at the first block that does not do what the page says it does."""
    hidden = ("DEVICES", "CUDA_VISIBLE_DEVICES", "COLUMNS")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "LAUNCHER_LOCKS": str(folder / ".locks")}
    environment |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    for outcome in walkthrough.follow(DOCS / page, folder, environment):
        assert not outcome.problem, f"docs/{page}, {outcome.problem}"


@pytest.fixture(scope="module")
def spirals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a reader has followed the page on a training function."""
    folder = tmp_path_factory.mktemp("function")
    follow("how-to/training-function.md", folder)
    return folder


@pytest.mark.timeout(600)
def test_the_page_on_a_training_function_does_what_it_says(spirals: Path) -> None:
    plots = sorted(path.name for path in (spirals / "outcome" / "spirals").glob("*.png"))
    assert "loss_curves.png" in plots
    assert "loss_curve_long.png" in plots
    events = [json.loads(line) for line in (spirals / "outcome" / "spirals" / "events.jsonl").read_text().splitlines()]
    of_long = [(one["event"], one.get("ending"), one.get("goes_on")) for one in events if one["experiment"] == "long"]
    assert of_long == [
        ("started", None, False),
        ("ended", "interrupted", None),
        ("started", None, True),
        ("ended", "done", None),
    ], "the launcher was killed while the experiment ran, and the next one went on from its checkpoint"


@pytest.mark.timeout(600)
def test_the_page_on_reading_results_does_what_it_says(spirals: Path) -> None:
    if importlib.util.find_spec("duckdb") is None:
        pytest.skip("duckdb is not installed: pip install --constraint constraints.txt '.[test]'")
    follow("how-to/results.md", spirals)


@pytest.mark.timeout(600)
def test_the_cells_of_the_page_on_notebooks_do_what_it_says(tmp_path: Path) -> None:
    if importlib.util.find_spec("IPython") is None:
        pytest.skip("IPython is not installed: pip install --constraint constraints.txt '.[test]'")
    follow("how-to/notebook.md", tmp_path)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    follow(page, tmp_path)


def test_every_page_that_has_something_to_run_is_followed() -> None:
    runnable = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if "```" in page.read_text()}
    elsewhere = {"how-to/training-function.md", "how-to/results.md", "how-to/notebook.md", "cluster.md"}
    assert runnable == {*elsewhere, *FOLLOWED}, "indent by four spaces what is only to look at"


def test_every_page_is_reached_from_the_index() -> None:
    reached, left = set(), [DOCS / "README.md"]
    while left:
        page = left.pop().resolve()
        if page not in reached:
            reached.add(page)
            links = re.findall(r"\]\(([^)#\s:]+\.md)", page.read_text())
            left += [page.parent / link for link in links if (page.parent / link).is_relative_to(DOCS)]
    pages = {page.resolve() for page in DOCS.rglob("*.md") if page.parent.name != "decisions"}
    assert pages <= reached, f"no page links to {pages - reached}"


@pytest.mark.timeout(600)
def test_every_field_in_the_files_of_a_sweep_is_explained(spirals: Path) -> None:
    outcome = spirals / "outcome" / "spirals"
    meanings = generate.Meanings()

    def check(table: str, names: set[str]) -> None:
        known = {*meanings.keys(table), *meanings.keys(f"{table.partition('.')[0]}.every"), "kind"}
        assert names <= known, f"docs/meanings.toml, ['{table}'], does not explain {names - known}"

    lines = {path: [json.loads(line) for line in path.read_text().splitlines()] for path in outcome.rglob("*.jsonl")}
    of_records = [record for path, some in lines.items() if path.parent.name == "records" for record in some]
    assert {record.get("kind") for record in of_records} == {None, "start", "total", "phase", "resume", "end"}
    for record in of_records:
        kind = record.get("kind", "step")
        check(f"record.{kind}", record.keys() - ({"loss"} if kind == "step" else set()))
    for event in lines[outcome / "events.jsonl"]:
        check(f"event.{event['event']}", set(event))
    of_telemetry = [sample for path, some in lines.items() if path.parent.name == "telemetry" for sample in some]
    assert of_telemetry, "the long experiment was looked at"
    for sample in of_telemetry:
        check("telemetry", set(sample))
    document = json.loads((outcome / "sweep.json").read_text())
    check("sweep", set(document))
    check("sweep.launch", set(document["launch"]))
    for one in document["experiments"]:
        check("sweep.experiments", set(one))


def test_a_block_that_prints_something_else_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Write\n\n`a.txt`:\n\n```text\nhello 1\n```\n\n```sh\ncat a.txt; exit 3\n```\n\n```text\nhello 2\nbye\n```\n"
    )
    [outcome] = walkthrough.follow(page, tmp_path)
    assert (outcome.code, outcome.printed) == (3, "hello 1\n")
    assert outcome.problem.startswith("line 9: exit code 3, not printed:\n  bye\n")
    page.write_text("```toml\na = 1\n```\n")
    with pytest.raises(ValueError, match="has no file name before it"):
        walkthrough.read(page)


def test_the_cells_of_a_notebook_share_one_session_that_ends_with_the_first_error(tmp_path: Path) -> None:
    if importlib.util.find_spec("IPython") is None:
        pytest.skip("IPython is not installed: pip install --constraint constraints.txt '.[test]'")
    page = tmp_path / "page.md"
    cells = ["a = 2", "print(a)\na + 1", "a.b", "a"]
    page.write_text("<!-- notebook -->\n" + "".join(f"```python\n{cell}\n```\n" for cell in cells))
    first, second, third, fourth = walkthrough.follow(page, tmp_path)
    assert (first.code, first.printed.strip()) == (0, "")
    assert (second.code, second.printed.split()) == (0, ["2", "3"])
    assert third.code == 1
    assert "AttributeError" in third.printed
    assert fourth.code == 1
    assert not list(tmp_path.glob(".*")), "nothing of IPython is left"


def test_lines_are_compared_in_essence() -> None:
    printed = "wide: done, 300 steps, 3.4 s\n\nbaseline: started on cpu:1, pid 17\n------  ----\n  1e-05  x\n"
    assert not walkthrough.missing("…\nbaseline: started on cpu…, pid 9\nwide: done, 8 steps, 12.25 s\n", printed)
    assert not walkthrough.missing("wide: done, 1 step, 3 s\n", printed)
    assert not walkthrough.missing("---  ------------\n 0.5   x\n", printed)
    assert walkthrough.missing("wide: done, 300 steps, 3.4 s\nwide: done, 300 steps, 3.4 s\n", printed)
    assert walkthrough.missing("long: done, 300 steps, 3.4 s\n", printed) == ["long: done, 300 steps, 3.4 s"]


def test_a_block_that_does_not_end_is_stopped_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nsleep 600 & echo $!\nwait\n```\n")
    monkeypatch.setattr(walkthrough, "LIMIT_S", 1.0)
    [outcome] = walkthrough.follow(page, tmp_path)
    assert (outcome.code, outcome.printed.splitlines()[1:]) == (124, ["(stopped after 1 s)"])
    pid = int(outcome.printed.split()[0])
    wait_for(lambda: is_gone(pid))


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, whether or not anybody has asked for its exit code."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
