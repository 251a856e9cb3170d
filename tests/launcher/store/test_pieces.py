"""Smaller pieces: locks, endings, checkpoints, the command line's bad input, and what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.engine.classify_ending import Circumstances, Ending, classify
from launcher.errors import InUseError
from launcher.executors.base import ProcessExit
from launcher.store.checkpoints import Checkpoints
from launcher.store.history import History
from launcher.store.locks import lock_folder
from launcher.worker.last_lines import last_lines
from tests.launcher.conftest import Workplace


@pytest.mark.parametrize(
    ("exit", "word", "asked", "forced", "ending"),
    [
        (ProcessExit(0), {"ending": "done"}, False, False, Ending("done")),
        (ProcessExit(0), {"ending": "done", "heard": True}, True, False, Ending("done")),
        (ProcessExit(0), {"ending": "done"}, True, False, Ending("interrupted")),  # its framework took the signal
        (ProcessExit(0), {"ending": "interrupted"}, True, False, Ending("interrupted")),
        (
            ProcessExit(1),
            {"ending": "failed", "error": "E"},
            False,
            False,
            Ending("failed", "E, somewhere", is_raised=True),
        ),
        (
            ProcessExit(signal="SIGSEGV"),
            {"ending": "done"},
            False,
            False,
            Ending("failed", "killed by SIGSEGV, somewhere"),
        ),
        (ProcessExit(code=3), {"ending": "done"}, False, False, Ending("failed", "exit code 3, somewhere")),
        (ProcessExit(signal="SIGKILL"), {"ending": "done"}, False, True, Ending("done")),
        (ProcessExit(), {"ending": "done"}, False, False, Ending("done")),
        (ProcessExit(signal="SIGKILL"), None, False, False, Ending("killed", "SIGKILL, somewhere")),
        (ProcessExit(signal="SIGKILL"), None, True, True, Ending("interrupted", "killed after the grace time")),
        (ProcessExit(signal="SIGTERM"), None, True, False, Ending("interrupted")),
        (ProcessExit(code=0), None, False, False, Ending("failed", "it ended with exit code 0 and no word, somewhere")),
        (
            ProcessExit(),
            None,
            False,
            False,
            Ending("failed", "it ended with an unknown exit status and no word, somewhere"),
        ),
    ],
)
def test_endings(
    exit: ProcessExit, word: dict[str, str | bool] | None, asked: bool, forced: bool, ending: Ending
) -> None:
    assert classify(exit, History(end=word, phase="somewhere"), Circumstances(asked, forced)) == ending


def test_last_lines_are_inert_on_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\n\x1b[2J\x07two\xff\n\n=== a failed ===\n")
    assert last_lines(log) == ["one", "\\x1b[2J\\x07two�"]
    assert last_lines(tmp_path / "absent") == []


def test_a_folder_is_locked_once_and_the_holder_is_named(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path / ".lock")
    with pytest.raises(InUseError, match=f"in use by pid {os.getpid()} on .* since .*, started in"):
        lock_folder(tmp_path / ".lock")
    lock.release()
    lock_folder(tmp_path / ".lock").release()


def test_a_lock_does_not_outlive_its_holder(tmp_path: Path) -> None:
    code = "import sys, pathlib; from launcher.store.locks import lock_folder; lock_folder(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / ".lock")], check=True)
    lock_folder(tmp_path / ".lock").release()


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints" / "a", "a", "digest")


def test_two_checkpoints_are_kept_and_the_newest_is_loaded(checkpoints: Checkpoints) -> None:
    import torch

    for step in (5, 10, 15):
        checkpoints.save({"step": step, "weights": torch.full((3,), float(step))}, step)
    assert [path.name for path in checkpoints.files()] == ["step-000000000015.ckpt", "step-000000000010.ckpt"]
    loaded = checkpoints.load()
    assert loaded is not None
    assert loaded[1] == 15
    assert loaded[0]["weights"].tolist() == [15.0] * 3
    checkpoints.clear()
    assert checkpoints.load() is None


class Bomb:
    """Unpickling this runs code."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("pwn",)


def spoil(path: Path, how: str) -> None:
    whole = path.read_bytes()
    match how:
        case "empty":
            path.write_bytes(b"")
        case "flipped":
            path.write_bytes(whole[:-10] + bytes([whole[-10] ^ 1]) + whole[-9:])
        case "another's":
            path.write_bytes(whole.replace(b'"experiment": "a"', b'"experiment": "b"'))
        case "garbage":
            path.write_bytes(b"\0" * 1000)
        case "bomb":
            import hashlib
            import json
            import pickle

            payload = pickle.dumps(Bomb(), protocol=2)
            header = {"experiment": "a", "digest": "digest", "step": 10, "sha256": hashlib.sha256(payload).hexdigest()}
            path.write_bytes(json.dumps(header).encode() + b"\n" + payload)
        case size:
            path.write_bytes(whole[: len(whole) * int(size) // 8])


@pytest.mark.parametrize(
    "how", ["empty", "flipped", "another's", "garbage", "bomb", *(str(part) for part in range(1, 8))]
)
def test_22_a_bad_checkpoint_is_passed_over_for_the_one_before(
    checkpoints: Checkpoints,
    how: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoints.save({"step": 5}, 5)
    checkpoints.save({"step": 10}, 10)
    spoil(checkpoints.files()[0], how)
    loaded = checkpoints.load()
    assert loaded == ({"step": 5}, 5)
    assert "step-000000000010.ckpt passed over" in capsys.readouterr().out
    assert not Path("pwn").exists(), "the bomb went off"


def test_bad_configurations_are_told_all_at_once_with_their_lines(place: Workplace) -> None:
    place.job(
        '[sweep]\ntarget = "toy:train"\n[config]\nlrr = 1\n[experiments]\n'
        'a = { steps = "x" }\nb = { stps = 3 }\nc = { steps = -1 }\nd.5 = {}\n'
    )
    result = place.launch("job.toml", "--parallel")
    assert result.code == 2
    for told in (
        'job.toml:4: config.lrr is not a field of toy.ToyConfig. Did you mean "lr"?',
        "job.toml:6: experiments.a.steps input should be a valid integer, not 'x'",
        'job.toml:7: experiments.b.stps is not a field of toy.ToyConfig. Did you mean "steps"?',
        "job.toml:8: c: steps must not be negative, not -1",
        'If "d.5" is an experiment, quote its name',
    ):
        assert told in result.err
    assert result.err.count("config.lrr") == 1
    assert not place.paths.outcome.exists()


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


def test_report_makes_everything_again_from_records(place: Workplace) -> None:
    place.toy({"a": {}}, metrics=["loss"])
    place.launch("job.toml")
    table = place.paths.table_csv.read_bytes()
    for path in (*place.paths.outcome.glob("*.png"), *place.paths.outcome.glob("results*")):
        path.unlink()
    assert place.launch("report", "job.toml").code == 0
    assert place.paths.table_csv.read_bytes() == table
    assert place.paths.curves("loss").exists()


def test_help_and_plan_import_no_torch_pandas_or_matplotlib(tmp_path: Path) -> None:
    (tmp_path / "tokenized_data.pt").touch()  # a plan takes its digest and does not look into it
    job = tmp_path / "job.toml"
    job.write_text(
        f'[sweep]\ntarget = "minigpt.train:run"\n[config]\ndata_dir = "{tmp_path}"\n[experiments]\na = {{}}\n'
    )
    for arguments in (["--help"], ["plan", str(job)]):
        code = (
            "import sys\nfrom launcher.cli.app import main\n"
            f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
            "heavy = {'torch', 'pandas', 'matplotlib', 'numpy'} & sys.modules.keys()\nassert not heavy, heavy\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)


def test_the_python_interface(place: Workplace) -> None:
    place.toy({"a": {}, "b": {"act": "raise"}})
    script = place.folder / "script.py"
    script.write_text(
        "from launcher import load, run\n"
        "if __name__ == '__main__':\n"
        "    summary = run(load('job.toml'), devices='cpu', parallel=True)\n"
        "    print({name: ending.kind for name, ending in summary.endings.items()}, summary.exit_code)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "toys")}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=place.folder, env=environment, capture_output=True, text=True, check=True
    )
    assert "'a': 'done'" in done.stdout
    assert "'b': 'failed'} 1" in done.stdout
