"""The product as it is shipped: make targets, the smoke job end to end, the report's own script."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.store.history import comparable, read_history

ROOT = Path(__file__).parent.parent
METRICS = ("loss", "perplexity")
NAMES = ("one_layer", "two_layers")


def call(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if key not in ("DEVICES", "MAKEFLAGS", "JOB")}
    return subprocess.run(
        command, cwd=cwd, env=inherited | environment, capture_output=True, text=True, timeout=110, check=False
    )


pytestmark = pytest.mark.slow  # real sweeps of MiniGPT, which take half a minute


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the smoke job on the default text, in two ways with an outcome folder each: `parallel` and `sequential`."""
    folder = tmp_path_factory.mktemp("smoke")
    made = call(sys.executable, "-m", "minigpt.data", "--out", str(folder / "data"))
    assert made.returncode == 0, made.stderr
    text = (ROOT / "jobs" / "smoke.toml").read_text()
    (folder / "smoke.toml").write_text(text.replace("[config]\n", f'[config]\ndata_dir = "{folder / "data"}"\n'))
    for outcome, mode in (("parallel", ["--parallel"]), ("sequential", [])):
        arguments = ["smoke.toml", *mode, "--threads", "1", "--outcome", outcome, "--logs", f"{outcome}/logs"]
        done = call(sys.executable, "-m", "launcher", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_every_file_of_a_sweep_is_there_and_nothing_else(smoke: Path) -> None:
    expected = {"results_table.txt", "results_table.csv", "report.html", "report.md"}
    expected |= {"sweep.json", "events.jsonl", ".lock", ".views.json", "logs/.origin.json"}
    expected |= {f"{metric}_curves.png" for metric in METRICS}
    for name in NAMES:
        expected |= {f"records/{name}.jsonl", f"logs/{name}.log", f"mini_gpt_{name}.pt", f"mini_gpt_{name}.json"}
        expected |= {f"{metric}_curve_{name}.png" for metric in METRICS}
    found = {str(path.relative_to(smoke / "parallel")) for path in (smoke / "parallel").rglob("*") if path.is_file()}
    samples = {f"telemetry/{name}.jsonl" for name in NAMES}  # there where an experiment took two seconds
    assert found - samples == expected


def test_each_step_is_recorded_once_and_the_table_ends_with_the_last_record(smoke: Path) -> None:
    table = (smoke / "parallel" / "results_table.csv").read_text()
    rows = {row["experiment"]: row for row in csv.DictReader(io.StringIO(table))}
    for name in NAMES:
        lines = [
            json.loads(line) for line in (smoke / "parallel" / "records" / f"{name}.jsonl").read_text().splitlines()
        ]
        steps = [line for line in lines if "kind" not in line]
        assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
        assert float(rows[name]["final_loss"]) == steps[-1]["loss"]
        assert float(rows[name]["first_loss"]) == steps[0]["loss"]
        assert int(rows[name]["parameters"]) > 1_600_000


def test_E4_log_report_and_sweep_json_tell_which_data_were_read(smoke: Path) -> None:
    """Also how many loader processes there really were: num_workers is 4, and each experiment has one thread."""
    data = smoke / "data" / "tokenized_data.pt"
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    for planned in json.loads((smoke / "parallel" / "sweep.json").read_text())["experiments"]:
        assert planned["inputs"] == {str(data): digest}
    log = (smoke / "parallel" / "logs" / "one_layer.log").read_text()
    (facts,) = (line for line in log.splitlines() if line.startswith("info "))
    targets = re.search(r"targets (\d+)", facts)
    assert targets is not None
    assert f"data_file {data}" in facts
    assert f"data_sha256 {digest[:16]}" in facts
    assert "loader_processes 1" in facts
    report = (smoke / "parallel" / "report.md").read_text()
    assert "`data_file`" in report
    assert f"| `targets` | {int(targets[1]):,} |" in report


def test_parallel_and_sequential_runs_are_the_same_bit_for_bit(smoke: Path) -> None:
    compared = call(sys.executable, str(ROOT / "bench" / "same_numbers.py"), "parallel", "sequential", cwd=smoke)
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert compared.stdout.count("records identical; weights identical") == 2


def test_the_comparison_finds_a_difference(smoke: Path, tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "sweep.json").write_bytes((smoke / "parallel" / "sweep.json").read_bytes())
    for name in NAMES:
        text = (smoke / "parallel" / "records" / f"{name}.jsonl").read_text()
        (tmp_path / "records" / f"{name}.jsonl").write_text(text.replace('"step":5,"loss":1', '"step":5,"loss":2'))
    compared = call(sys.executable, str(ROOT / "bench" / "same_numbers.py"), str(smoke / "parallel"), str(tmp_path))
    assert compared.returncode == 1
    assert "records differ first at step 5" in compared.stdout


def test_verify_trains_again_and_finds_what_differs(smoke: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "launcher",
        "verify",
        "--job",
        "smoke.toml",
        "--outcome",
        "parallel",
        "--steps",
        "3",
    ]
    same = call(*command, cwd=smoke)
    assert (same.returncode, same.stdout) == (
        0,
        "one_layer: 3 steps, all identical\ntwo_layers: 3 steps, all identical\n",
    ), same.stderr
    records = smoke / "parallel" / "records" / "one_layer.jsonl"
    text = records.read_text()
    loss = read_history(records).steps[2]["loss"]
    records.write_text(text.replace(f'"loss":{loss!r}', f'"loss":{math.nextafter(loss, 0)!r}'))
    try:
        differs = call(*command, "one_layer", cwd=smoke)
    finally:
        records.write_text(text)
    assert differs.returncode == 1
    assert (
        f"step 2 is the first that differs: loss {math.nextafter(loss, 0)!r} recorded, {loss!r} now" in differs.stdout
    )
    unknown = call(*command, "one_layr", cwd=smoke)
    assert (unknown.returncode, 'Did you mean "one_layer"?' in unknown.stderr) == (2, True)


def test_a_checkpoint_of_the_sweep_makes_text(smoke: Path) -> None:
    path = str(smoke / "parallel" / "mini_gpt_one_layer.pt")
    sampled = call(sys.executable, "-m", "minigpt.sample", path, "--prompt", "The", "--tokens", "5")
    assert sampled.returncode == 0, sampled.stderr
    assert sampled.stdout.startswith("The")


@pytest.mark.slow
def test_a_resumed_minigpt_run_has_the_same_bits(smoke: Path) -> None:
    """Stop the sweep while it trains, again and again, until it is done; then compare with the undisturbed one."""
    text = (smoke / "smoke.toml").read_text()
    text = text.replace("[config]", "checkpoint_s = 0\n\n[config]")
    (smoke / "stopped.toml").write_text(text)
    command = [
        sys.executable,
        "-m",
        "launcher",
        "stopped.toml",
        "--threads",
        "1",
        "--outcome",
        "resumed",
        "--logs",
        "l3",
    ]
    records = smoke / "resumed" / "records" / "one_layer.jsonl"
    environment = {key: value for key, value in os.environ.items() if key != "DEVICES"}
    process = subprocess.Popen(
        command, cwd=smoke, env=environment, stderr=subprocess.PIPE, text=True, stdout=subprocess.PIPE
    )
    while not read_history(records).steps and process.poll() is None:
        pass
    process.kill()
    process.communicate()
    done = call(*command, cwd=smoke)
    assert done.returncode == 0, done.stderr
    for name in NAMES:
        whole, again = (
            read_history(smoke / folder / "records" / f"{name}.jsonl") for folder in ("parallel", "resumed")
        )
        assert list(map(comparable, whole.steps.values())) == list(map(comparable, again.steps.values()))
    compared = call(sys.executable, str(ROOT / "bench" / "same_numbers.py"), "parallel", "resumed", cwd=smoke)
    assert compared.returncode == 0, compared.stdout


@pytest.mark.parametrize(
    "devices", ["0;touch pwn", "$(touch pwn)", "`touch pwn`", "$(shell touch pwn)", "'; touch pwn; '"]
)
def test_devices_with_shell_text_are_only_ever_text(devices: str, smoke: Path) -> None:
    make = ["make", "--no-print-directory", f"PYTHON={sys.executable}", f"JOB={smoke / 'smoke.toml'}", "DATA="]
    done = call(*make, "sweep", f"DEVICES={devices}")
    assert done.returncode == 2
    assert "is not a device id" in done.stderr
    assert not (ROOT / "pwn").exists()


def test_the_reports_own_script_says_what_is_wrong() -> None:
    done = call(sys.executable, "jobs/run_experiments.py", "--devices", "1,1")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --devices 1,1: 1 is named more than once")
    assert "--devices" in call(sys.executable, "jobs/run_experiments.py", "--help").stdout
