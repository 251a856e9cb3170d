"""Secrets: `***` wherever a configuration is written or shown; the target alone gets the value."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launcher.cli.app import app
from launcher.config import redact
from launcher.planning.experiment import Experiment
from launcher.store.manifest import ManifestExperiment, read_manifest
from launcher.store.paths import Paths
from tests.launcher.conftest import Workplace

VALUE = "sk-91f3c0de77"


@pytest.mark.parametrize(
    "key",
    [
        *("token", "api_key", "apiKey", "API_KEY", "hub.token", "hf_token", "secret", "client-secret", "password"),
        *("dbPassword", "passwd", "credential", "credentials", "private_key", "access_key", "aws_secret_access_key"),
        *("auth", "auth_token", "key", "wandb-api-key", "OPENAI_API_KEY", "bearer", "accessToken", "session_token"),
    ],
)
def test_F7_a_value_of_such_a_key_is_a_secret(key: str) -> None:
    assert redact.shown(key, VALUE) == "***"
    assert redact.table({"outer": {key: VALUE, "lr": 0.1}}) == {"outer": {key: "***", "lr": 0.1}}
    assert redact.keys({"outer": {key: VALUE, "lr": 0.1}}) == [f"outer.{key}"]
    assert redact.words(["run", "-S", f"{key}={VALUE}", f"--set={key}='{VALUE}'", "-q"]) == [
        *("run", "-S", f"{key}=***", f"--set={key}=***", "-q")
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("max_tokens", 128), ("num_tokens", 3), ("token_limit", 9), ("tokens_per_batch", 512), ("token", 5)),
        *((f"{kind}_token", "x") for kind in ("pad", "eos", "bos", "unk", "sep", "cls", "mask")),
        *(("token", "<|endoftext|>"), ("tokenizer", "gpt2"), ("tokenizer_name", "x"), ("token_type", "bpe")),
        *(("sort_key", "loss"), ("key_dim", 64), ("key_size", "x"), ("monkey", "m"), ("keyword", "x"), ("turkey", "x")),
        *(("author", "me"), ("authority", "x"), ("use_auth", True), ("password_file", "p.txt"), ("api_key", None)),
        *(("secret", ""), ("compass", "n"), ("bypass", "x"), ("lr", 0.1), ("primary_key", "id")),
    ],
)
def test_F7_what_is_no_secret_is_shown(key: str, value: object) -> None:
    assert redact.shown(key, value) == value
    assert redact.keys({key: value}) == []


def test_F7_secrets_in_tables_lists_and_texts() -> None:
    assert redact.table({"credentials": {"user": "u", "n": 1}, "tokens": ["a", "b"], "layers": [1, 2]}) == {
        "credentials": {"user": "***", "n": 1},
        "tokens": ["***", "***"],
        "layers": [1, 2],
    }
    assert redact.shown("password", 1234) == "***"
    assert redact.shown("url", f"postgres://me:{VALUE}@host/db") == "postgres://me:***@host/db"
    for words in (["--token", VALUE], [f"-Sapi_key={VALUE}"], ["-S", f"model={{api_key='{VALUE}', n=1}}"]):
        assert VALUE not in " ".join(redact.words(words))
    assert VALUE not in redact.text(f"curl -H 'Authorization: Bearer {VALUE}' -d token={VALUE}")
    assert redact.words(["--on-finish", "mail me", "-S", "max_tokens=12", "--lr", "3"])[-3:] == [
        "max_tokens=12",
        "--lr",
        "3",
    ]


def test_F7_a_secret_stands_in_no_file_and_on_no_screen_and_the_target_has_it(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.folder / "secretive.py").write_text(
        "import hashlib\n"
        "def run(config: dict, run):\n"
        "    run.info(**{key: str(value) for key, value in config.items() if key != 'hub'})\n"
        "    run.info(digest=hashlib.sha256((config['api_key'] + config['hub']['token']).encode()).hexdigest())\n"
        "    run.log(1, loss=1.0)\n"
    )
    job = place.job(
        '[sweep]\ntarget = "secretive:run"\npreload = []\nmetrics = []\n'
        f'[config]\nmax_tokens = 128\neos_token = "</s>"\nhub = {{ token = "{VALUE}-hub" }}\n'
        f'[experiments]\na = {{}}\nb = {{ api_key = "{VALUE}-b" }}\n'
    )
    typed = ("--devices", "cpu", "-S", f"api_key={VALUE}-typed", "-v")
    said = place.launch(str(job), *typed)
    assert said.code == 0, said.err
    assert "values of hub.token, api_key are written nowhere: ***." in said.err
    monkeypatch.chdir(place.folder)
    planned = [CliRunner().invoke(app, ["plan", str(job), *typed, *more]).output for more in ([], ["--json"])]
    assert all("keep" in text and "***" in text for text in planned), planned
    planned.append(CliRunner().invoke(app, ["plan", str(job), "--devices", "cpu", "-S", "api_key=other"]).output)
    assert "api_key *** → ***" in planned[-1]
    for text in (said.out, said.err, *planned):
        assert VALUE not in text
    job.unlink()  # the one file that has it, and it is the user's
    for path in place.folder.rglob("*"):
        assert not path.is_file() or VALUE.encode() not in path.read_bytes(), path
    assert "max_tokens = 128" in place.log("a")
    for name, own in (("a", f"{VALUE}-typed"), ("b", f"{VALUE}-b")):
        assert place.history(name).info["digest"] == hashlib.sha256(f"{own}{VALUE}-hub".encode()).hexdigest()
    assert "api_key=***" in place.paths.table_csv.read_text()
    assert place.paths.report_html.read_text().count("***") > 1


def test_F7_a_secret_of_a_command_or_its_environment_stands_in_no_file(place: Workplace) -> None:
    (place.folder / "script.py").write_text(
        "import os, sys\n"
        f"assert sys.argv[1:4] == ['--hub-token={VALUE}-a', '--password', '{VALUE}-b'], sys.argv\n"
        f"assert os.environ['WANDB_API_KEY'] == '{VALUE}-c'\n"
        "print('step 1: loss 0.5')\n"
    )
    (place.folder / "made.py").write_text(
        "from launcher import Sweep, run\n"
        "if __name__ == '__main__':\n"
        f"    secrets = ['--hub-token={VALUE}-a', '--password', '{VALUE}-b']\n"
        "    words = ['{python}', 'script.py', *secrets, '--key', '{key}']\n"
        f"    sweep = Sweep.make(name='made', command=words, check=False, env={{'WANDB_API_KEY': '{VALUE}-c'}},\n"
        "        log=['step {step}: loss {loss}'], experiments={'a': {'key': 'x'}})\n"
        "    assert run(sweep, devices='cpu').is_done\n"
    )
    done = subprocess.run([sys.executable, "made.py"], cwd=place.folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for path in [path for name in ("outcome", "logs") for path in (place.folder / name).rglob("*") if path.is_file()]:
        assert VALUE.encode() not in path.read_bytes(), path
    job = (place.folder / "outcome/made/job.toml").read_text()
    assert "sweep.command, sweep.env.WANDB_API_KEY" in job
    assert '"--hub-token=***", "--password", "***", "--key", "{key}"]' in job
    assert VALUE not in done.stdout + done.stderr


def test_F7_a_secret_of_a_command_is_hidden_in_the_error_that_names_it(place: Workplace) -> None:
    (place.folder / "script.py").write_text("import sys\nraise ValueError(f'{sys.argv[1:]} is refused')\n")
    words = f'"{{python}}", "script.py", "--hub-token={VALUE}-a", "--password", "{VALUE}-b", "{{args}}"'
    settings = f"command = [{words}]\ncheck = false\nmetrics = []\n"
    place.job(f"[sweep]\n{settings}[experiments]\na = {{ x = 1 }}\n")
    done = place.launch("job.toml", "--devices", "cpu")
    assert done.code == 1
    assert "ValueError: ['--hub-token=***', '--password', '***', " in done.out + done.err
    paths = place.paths
    for path in (paths.records("a"), paths.events, paths.sweep, paths.table_csv, paths.table_txt):
        assert VALUE.encode() not in path.read_bytes(), (
            path
        )  # its own lines stand in the log, and from there on the page


def test_F7_the_password_of_an_address_is_hidden_in_errors_too() -> None:
    hidden = redact.secrets({"db": {"url": f"postgres://me:{VALUE}@host/db", "n": 1}})
    assert redact.without(f"no route to postgres://me:{VALUE}@host", hidden) == "no route to postgres://me:***@host"


def test_F7_a_sweep_json_of_an_earlier_version_is_read_without_its_secrets(tmp_path: Path) -> None:
    one = {"name": "a", "overrides": {"token": VALUE}, "config": {"token": VALUE, "lr": 1}, "digest": "x", "work": None}
    content = {
        "format": 1, "name": "job", "job_file": "job.toml", "target": "t:f", "seed": 0, "metrics": [], "maximize": [],
        "experiments": [one], "launch": {"argv": ["x", "-S", f"token={VALUE}"], "set": {"token": VALUE}},
    }  # fmt: skip
    paths = Paths(tmp_path, tmp_path)
    paths.sweep.write_text(json.dumps(content))
    document = read_manifest(paths)
    assert document is not None
    assert document.experiments == [ManifestExperiment("a", {"token": "***"}, {"token": "***", "lr": 1}, "x")]
    assert VALUE not in str(document.launch)
    assert Experiment("a", 0, {}, {"token": VALUE, "lr": 1}, "x").shown.config == document.experiments[0].config
