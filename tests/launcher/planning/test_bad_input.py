"""Case 26 of the fault table: whatever is typed or written wrongly ends with 2 and a message, and does nothing else.

The command line runs in this process, on two cards that exist on paper; starting a worker is forbidden.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launcher.cli import app
from launcher.devices.nvml import Gpu
from launcher.executors import local
from tests.launcher.conftest import copy_toy

CARDS = [Gpu("0", "GPU-0000-0", "card", 2**33, 0), Gpu("1", "GPU-0000-1", "card", 2**33, 0)]
SWEEP = '[sweep]\ntarget = "toy:train"\npreload = []\n'
GOOD = SWEEP + "[experiments]\na = {}\n"


def key(text: str) -> str:
    return f'[sweep]\ntarget = "toy:train"\n{text}\n[experiments]\na = {{}}\n'


def target(text: str) -> str:
    return f'[sweep]\ntarget = "{text}"\n[experiments]\na = {{}}\n'


def config(text: str) -> str:
    return f"{SWEEP}[config]\n{text}\n[experiments]\na = {{}}\n"


def experiments(text: str) -> str:
    return f"{SWEEP}[experiments]\n{text}\n"


NAMES = [
    "../x",
    "/etc/x",
    "a/b",
    "",
    " ",
    ".",
    "..",
    ".hidden",
    "-rf",
    "a" * 101,
    "a" * 300,
    "a b",
    "=cmd()",
    "+cmd()",
    "@cmd()",
    "<script>alert(1)</script>",
    "$(touch pwn)",
    "`touch pwn`",
    "a;b",
    "a|b",
    "a&b",
    "$a$",
    "é",
    "a\\nb",
    "a\\u001b[2J",
    "a\\u0000",
]
DEVICES = [
    ("0,0", "0 is named more than once"),
    ("0,GPU-0000-0", "are the same device"),
    ("1gpu2", '"1gpu2" is not a device id'),
    ("-1", '"-1" is not a device id'),
    ("0,,1", '"" is not a device id'),
    ("99", "there is no GPU 99"),
    ("0;touch pwn", '"0;touch pwn" is not a device id'),
    ("$(touch pwn)", '"$(touch pwn)" is not a device id'),
    ("GPU-0000", "fits 2 devices"),
    ("0\x1b[2J", r'"0\x1b[2J" is not a device id'),
    ("cpu,0", '"cpu" is not a device id'),
    ("1e0", '"1e0" is not a device id'),
    ("../0", '"../0" is not a device id'),
    ("0\n1", "is not a device id"),
]
FILES = [
    ("[sweep", "this is not TOML"),
    ("[sweep]\na = 1\na = 2", "this is not TOML"),
    ("", "sweep.target is missing"),
    ("sweep = 3\n[experiments]\na = {}", "write [sweep] on a line of its own"),
    (GOOD + "[confg]\n", 'confg is not a table of a job file. Did you mean "config"?'),
    ("[sweep]\n[experiments]\na = {}\n", "sweep.target is missing"),
    (key('outcom = "x"'), 'job.toml:3: sweep.outcom is not a field of the [sweep] table. Did you mean "outcome"?'),
    (key('seed = "one"'), "job.toml:3: sweep.seed input should be a valid integer, not 'one'"),
    (key("seed = true"), "sweep.seed input should be a valid integer"),
    (key("seed = -1"), "seed is a whole number"),
    (key("threads = 0"), "threads is a whole number"),
    (key("grace_s = inf"), "grace_s is a number of seconds"),
    (key("checkpoint_s = -1"), "checkpoint_s is a number"),
    (key("retries = 1001"), "retries is a whole number"),
    (key('on_nan = "explode"'), "sweep.on_nan"),
    (key('on_nan = "stop"\nmetrics = []'), "needs metrics"),
    (key('metrics = ["../x"]'), "metrics and maximize hold names"),
    (key('metrics = "loss"'), "sweep.metrics"),
    (key('name = "../up"'), "name has 1 to 100"),
    (key('preload = "torch"'), "sweep.preload"),
    (key("kill_after_s = nan"), "kill_after_s is a number of seconds"),
    (target("toy"), 'target is written "module:function"'),
    (target("toy:train; import os"), "target is written"),
    (target("toi:train"), "toi"),
    (target("toy:trian"), 'Did you mean "train"?'),
    (target("toy:one_argument"), "one_argument"),
    (target("toy:unannotated"), "unannotated"),
    (target("json:nothing"), "nothing"),
    (config("lrr = 1"), 'job.toml:5: config.lrr is not a field of toy_config.ToyConfig. Did you mean "lr"?'),
    (config('steps = "x"'), "job.toml:5: config.steps input should be a valid integer, not 'x'"),
    (config("steps = 1.5"), "config.steps input should be a valid integer"),
    (config("steps = true"), "config.steps"),
    (config("steps = -1"), "steps must not be negative, not -1"),
    (config("lr = []"), "config.lr input should be a valid number"),
    (config('"\\u001b[2J" = 1'), r"\x1b[2J"),
    (experiments(""), "[experiments] names none"),
    (experiments("a = 3"), "experiments.a is a table of overrides"),
    (experiments("a = {}\nA = {}"), "differ only in case"),
    (experiments("d.5 = {}"), 'If "d.5" is an experiment, quote its name'),
    (experiments("a = { steps = 0x }"), "this is not TOML"),
    (experiments("a = { stps = 3 }"), 'Did you mean "steps"?'),
]
COMMANDS = [
    (["nothing.toml"], "there is no job file nothing.toml"),
    (["jbo.toml"], 'Did you mean "job.toml"?'),
    (["plna"], "there is no job file plna"),
    (["."], "cannot read the job file ."),
    (["job.toml", "--paralel"], "--parallel"),
    (["job.toml", "--threads", "0"], "--threads"),
    (["job.toml", "--threads", "two"], "--threads"),
    (["job.toml", "--start-method", "frok"], "neither forkserver nor spawn"),
    (["job.toml", "more"], "more"),
    (["job.toml", "--color", "alwys"], 'Did you mean "always"?'),
    (["job.toml", "--retries", "-1"], "--retries"),
    (["job.toml", "-S", "lrr=1"], '-S lrr: it is not a field of toy_config.ToyConfig. Did you mean "lr"?'),
    (["job.toml", "-S", "steps=x"], "-S steps: it input should be a valid integer, not 'x'"),
    (["job.toml", "-S", "steps"], "-S steps: write it as key=value"),
    (["job.toml", "-S", "=1"], "-S =1: write it as key=value"),
    (["job.toml", "--only", "b"], '--only b: there is no experiment "b".'),
    (["job.toml", "--only", "a,x*"], '--only x*: there is no experiment "x*".'),
    (["job.toml", "--only", ""], "--only names no experiment"),
    (["job.toml", "--skip", "a"], "--skip leaves no experiment"),
    (["job.toml", "--only", "a", "--skip", "*"], "--only and --skip leave no experiment"),
    (["job.toml", "--on-finish", ""], "--on-finish names no command"),
    (["job.toml", "--on-finish", "mial 'me"], "No closing quotation"),
    (["job.toml", "--on-finish", "no-such-program | tee all"], "it runs without a shell"),
    (["--no-such-option"], "--no-such-option"),
    (["plann"], 'no command of that name. Did you mean "plan"?'),
    (["job.toml", "--outcome", "job.toml"], "cannot make the folder job.toml"),
    (["job.toml", "--logs", "job.toml/logs"], "cannot make the folder job.toml/logs"),
    (["job.toml", "--outcome", "/proc/none"], "cannot make the folder /proc/none"),
    (["report", "job.toml"], "there is no sweep in"),
    (["verify", "b", "--job", "job.toml"], "b"),
    (["verify", "--steps", "0"], "--steps"),
    (["plan", "job.toml", "--devices", "7"], "there is no GPU 7"),
]

ROWS: list[tuple[str, str | bytes, list[str], str]] = [
    *((f"name {name[:20]!r}", experiments(f'"{name}" = {{}}'), ["job.toml"], "is not allowed") for name in NAMES),
    *((f"devices {ids!r}", GOOD, ["job.toml", f"--devices={ids}"], told) for ids, told in DEVICES),
    *((f"file {text[-60:]!r}", text, ["job.toml"], told) for text, told in FILES),
    *((f"command {' '.join(arguments)}", GOOD, arguments, told) for arguments, told in COMMANDS),
    ("not text", b"\xff\xfe", ["job.toml"], "job.toml"),
    ("a NUL", b"a = 1\x00", ["job.toml"], "this is not TOML"),
]


@pytest.fixture
def start_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("bad input has started a process")

    monkeypatch.setattr(local.WorkerStarter, "warm_up", refuse)
    monkeypatch.setattr(local.WorkerStarter, "start", refuse)
    monkeypatch.setattr("launcher.devices.nvml.find_gpus", lambda: CARDS)
    for variable in ("DEVICES", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.usefixtures("start_nothing")
@pytest.mark.parametrize(("content", "arguments", "told"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_26_bad_input_is_told_and_does_nothing(
    content: str | bytes,
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    copy_toy(folder)
    (folder / "job.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.chdir(folder)
    before = _files(tmp_path)
    with pytest.raises(SystemExit) as ended:
        app.main(arguments)
    out, err = capsys.readouterr()
    assert (ended.value.code, told in err, out) == (2, True, ""), err
    assert "Traceback" not in err
    assert all(character.isprintable() or character == "\n" for character in err), "nothing acts on the terminal"
    assert _files(tmp_path) == before, "nothing is made, inside the folder or outside"


def _files(folder: Path) -> list[Path]:
    """Return all that is in a folder, but for what Python compiles."""
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)
