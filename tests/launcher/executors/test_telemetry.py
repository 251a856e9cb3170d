"""Telemetry: samples recorded and read again, seen in the table, and nothing disturbed by it."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.executors.telemetry import Telemetry
from launcher.planning.job import load
from launcher.reports import results_text, table
from launcher.store.experiment_state import ExperimentState
from launcher.store.history import first_difference
from launcher.store.line_log import LineLog
from launcher.store.manifest import Manifest, ManifestExperiment
from launcher.store.paths import Paths
from launcher.store.samples import Sample, read_samples, summarise
from tests.launcher.conftest import Workplace, marked, spawn, wait_for


@pytest.fixture
def sleeper(place: Workplace) -> Iterator[subprocess.Popen[str]]:
    """Something to watch that does nothing."""
    with spawn(place, "sleep", "300") as process:
        yield process
        process.kill()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path / "outcome", tmp_path / "logs")
    paths.create()
    return paths


def sample(at_s: float, cpu_percent: float, attempt: int = 1, **values: float) -> Sample:
    return Sample(attempt, at_s, cpu_percent, 10, 20, 1, **values)  # type: ignore[arg-type]


def told(message: str) -> None:
    raise AssertionError(f"nothing is wrong, but it says: {message}")


def test_samples_are_recorded_at_their_time_and_the_file_outlives_them(
    paths: Paths, sleeper: subprocess.Popen[str]
) -> None:
    with contextlib.closing(Telemetry(paths.telemetry, 2.0, told)) as telemetry:
        telemetry.watch("a", 3, sleeper.pid, [], began_s=100.0)
        telemetry.tick(100.5)
        assert telemetry.latest == {}, "a quarter of the interval says nothing"
        for now_s in (102.5, 102.6, 104.4, 104.6):
            telemetry.tick(now_s)
        newest = telemetry.latest["a"]
        assert (newest.attempt, newest.at_s, newest.num_processes) == (3, 4.6, 1)
        assert newest.peak_memory_bytes >= newest.memory_bytes > 0
        telemetry.forget("a")
        telemetry.tick(200.0)
        assert telemetry.latest == {}
    assert [one.at_s for one in read_samples(paths.telemetry("a"))] == [2.5, 4.6]
    assert read_samples(paths.telemetry("a"))[-1] == newest
    assert "gpu" not in paths.telemetry("a").read_text(), "what is not known is left out"


def test_no_interval_means_no_telemetry(paths: Paths, sleeper: subprocess.Popen[str]) -> None:
    with contextlib.closing(Telemetry(paths.telemetry, 0.0, told)) as telemetry:
        telemetry.watch("a", 1, sleeper.pid, ["GPU-0"], began_s=100.0)
        telemetry.tick(200.0)
        assert telemetry.latest == {}
    assert not paths.telemetry("a").exists()


def test_a_torn_line_is_passed_over_and_a_later_attempt_cuts_it_off(
    paths: Paths, sleeper: subprocess.Popen[str]
) -> None:
    for attempt in (1, 2):
        with contextlib.closing(Telemetry(paths.telemetry, 2.0, told)) as telemetry:
            telemetry.watch("a", attempt, sleeper.pid, [], began_s=100.0)
            telemetry.tick(102.0)
        with paths.telemetry("a").open("ab") as file:
            file.write(b'{"attempt": 1, "at_s": 4.0, "cpu_per')
        assert [one.attempt for one in read_samples(paths.telemetry("a"))] == list(range(1, attempt + 1))
    assert paths.telemetry("a").read_bytes().count(b"cpu_per") == 3, "two samples, and what is torn now"


GOOD = '{"attempt": 1, "at_s": 2, "cpu_percent": 1, "memory_bytes": 1, "peak_memory_bytes": 1, "num_processes": 1}'


@pytest.mark.parametrize(
    "line",
    [
        *("[]", "null", "\x80", "[" * 100_000, '{"attempt": 1}'),
        *(GOOD.replace('"at_s": 2', f'"at_s": {value}') for value in ('"x"', "true", "null", "NaN", "1e999")),
    ],
)
def test_foreign_lines_are_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(f"{line}\n{GOOD}\n".encode("latin-1"))
    assert read_samples(tmp_path / "a.jsonl") == [Sample(1, 2, 1, 1, 1, 1)]
    assert read_samples(tmp_path / "none.jsonl") == read_samples(tmp_path / "a.jsonl" / "none") == []


def test_a_full_disk_is_told_once(
    paths: Paths, sleeper: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []

    def _refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(LineLog, "write", _refuse)
    with contextlib.closing(Telemetry(paths.telemetry, 2.0, messages.append)) as telemetry:
        for name in "ab":
            telemetry.watch(name, 1, sleeper.pid, [], began_s=100.0)
        for now_s in (102.0, 104.0):
            telemetry.tick(now_s)
        assert set(telemetry.latest) == {"a", "b"}, "the screen still has them"
    assert messages == [f"{paths.telemetry('a')} cannot be written: No space left on device. Training goes on."]


def test_means_are_over_time_and_peaks_over_all_attempts() -> None:
    samples = [sample(2.0, 100), sample(3.0, 40), sample(5.0, 50, 2, gpu_percent=30.0, gpu_memory_bytes=7)]
    cells = summarise(samples)
    assert cells == {
        "mean_cpu_percent": round((2 * 100 + 1 * 40 + 5 * 50) / 8, 1),
        "peak_tree_memory_bytes": 20,
        "mean_gpu_percent": 30.0,
        "peak_gpu_memory_used_bytes": 7,
    }
    assert summarise([]) == {}


def test_the_table_has_the_columns_that_are_known_and_empty_cells(paths: Paths, place: Workplace) -> None:
    document = Manifest(
        "s", "job.toml", "t:f", 0, [], [], [ManifestExperiment(name, {}, {}, name) for name in ("short", "long")]
    )
    experiments = [ExperimentState(name=name) for name in ("short", "long")]
    usage = {"short": {}, "long": summarise([sample(2.0, 99.4)])}
    rows = table.make_table(document, experiments, usage)
    table.write_csv(paths.table_csv, rows)
    short, long = csv.DictReader(io.StringIO(paths.table_csv.read_text()))
    assert (short["mean_cpu_percent"], long["mean_cpu_percent"]) == ("", "99.4")
    assert list(long).index("peak_tree_memory_bytes") < list(long).index("ending")
    assert "mean_gpu_percent" not in long
    results_text.write(paths.table_txt, document, experiments, usage)
    heading, _, short_row, long_row = paths.table_txt.read_text().splitlines()[-4:]
    assert ("CPU" in heading, "GPU" in heading) == (True, False)
    assert ("99%" in long_row, "%" in short_row) == (True, False)


@pytest.mark.parametrize("value", ["-1", "0.05", "inf", "nan"])
def test_the_interval_is_checked(place: Workplace, value: str) -> None:
    job = place.job(f'[sweep]\ntarget = "toy:train"\ntelemetry_s = {value}\n[experiments]\na = {{}}\n')
    with pytest.raises(InputError, match="telemetry_s is"):
        load(job)


def hog(place: Workplace) -> None:
    """Write a target whose child burns CPU and holds 100 MB, while the worker itself waits for the file `go`."""
    (place.folder / "hog.py").write_text(
        "import subprocess, sys\nfrom toy import ToyConfig, train\n"
        "def run(config: ToyConfig, run) -> None:\n"
        "    code = 'block = b\"x\" * 100_000_000\\nwhile True: pass'\n"
        "    with subprocess.Popen([sys.executable, '-c', code]) as child:\n"
        "        train(config, run)\n        child.kill()\n"
    )


def test_a_worker_is_seen_with_its_children(place: Workplace) -> None:
    hog(place)
    go = place.folder / "go"
    place.toy({"a": {"steps": 2, "barrier": str(go)}}, target="hog:run", telemetry_s=0.1)
    process = place.start("job.toml")
    file = place.paths.telemetry("a")
    # Half a second of CPU, which only the child can have used.
    wait_for(lambda: any(one.num_processes == 2 and one.memory_bytes > 10**8 for one in read_samples(file)))
    wait_for(lambda: sum(one.cpu_percent * 0.25 for one in read_samples(file)) > 50)
    go.touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert " CPU " in place.paths.table_txt.read_text()
    (row,) = csv.DictReader(io.StringIO(place.paths.table_csv.read_text()))
    assert float(row["peak_tree_memory_bytes"]) > 10**8 > float(row["peak_memory_bytes"])
    assert float(row["mean_cpu_percent"]) > 0


@pytest.mark.slow
def test_a_resumed_attempt_appends_and_one_begun_anew_starts_a_new_file(place: Workplace) -> None:
    go = place.folder / "go"
    toy = {"steps": 4, "barrier": str(go)}

    def wait_for_attempts(*expected: int) -> None:
        wait_for(lambda: {one.attempt for one in read_samples(place.paths.telemetry("a"))} == set(expected))

    place.toy({"a": toy | {"act": "checkpoint"}}, checkpoint_s=0, telemetry_s=0.1)
    process = place.start("job.toml")
    wait_for_attempts(1)
    wait_for(lambda: len(place.history("a").steps) == 3)
    process.kill()
    process.communicate()
    wait_for(lambda: not marked(place.mark))
    process = place.start("job.toml")
    wait_for_attempts(1, 2)
    go.touch()
    assert process.communicate(timeout=60)[1].count("resume a") == 1
    go.unlink()
    place.toy({"a": toy}, telemetry_s=0.1)  # another configuration: trained again
    process = place.start("job.toml")
    wait_for_attempts(3)
    go.touch()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_telemetry_that_cannot_be_written_costs_no_experiment(place: Workplace) -> None:
    go = place.folder / "go"
    place.toy({"a": {"steps": 2, "barrier": str(go)}, "b": {}}, telemetry_s=0.1)
    process = place.start("job.toml")
    file = place.paths.telemetry("a")
    wait_for(lambda: read_samples(file))
    # From now on every file of the launcher is full: it, not the worker, can make none longer than it is.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (10, 10))
    assert process.stderr is not None
    wait_for(
        lambda: "telemetry/a.jsonl cannot be written: File too large. Training goes on." in process.stderr.readline()
    )
    go.touch()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "telemetry" in err) == (5, False), err
    assert (len(place.history("a").steps), len(place.history("b").steps)) == (2, 5)
    assert file.read_bytes().endswith(b"}\n")


@pytest.mark.slow
def test_telemetry_changes_no_number_of_the_training(place: Workplace) -> None:
    (place.folder / "held.py").write_text(
        "import pathlib, time\nfrom torchy import TorchConfig, train\n"
        "def run(config: TorchConfig, run) -> None:\n    train(config, run)\n"
        "    while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
    )
    go = place.folder / "go"
    place.toy({"a": {"steps": 20}}, target="held:run", preload=["torch"], telemetry_s=0.1)
    process = place.start("job.toml")
    wait_for(lambda: read_samples(place.paths.telemetry("a")))
    go.touch()
    process.communicate(timeout=60)
    watched = place.history("a")
    place.toy({"a": {"steps": 20}}, target="held:run", preload=["torch"], telemetry_s=0)
    assert "keep   a" in place.launch("job.toml").err, "it is no part of what an experiment is"
    assert place.launch("job.toml", "--fresh").code == 0
    unwatched = place.history("a")
    assert not place.paths.telemetry("a").exists()
    assert len(watched.steps) == len(unwatched.steps) == 20
    assert first_difference(watched.steps, unwatched.steps) is None
