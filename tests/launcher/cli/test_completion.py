"""What the Tab key offers, through the protocol of the generated scripts, in a real bash where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """Put a script as pip makes it for the entry point on the path, in a folder with a job; return the environment."""
    script = tmp_path / "bin" / "sweep-launcher"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom launcher.cli.app import main\nsys.exit(main())\n")
    script.chmod(0o755)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "report.toml").write_text("[config]\nlr = 1\n[experiments]\nbaseline = {}\nlr_1e-3 = {}\n")
    (tmp_path / "other.toml").write_text("[experiments]\nwide = {}\n")
    (tmp_path / "bad.toml").write_text("[experiments\n")
    hidden = {key: value for key, value in os.environ.items() if not key.startswith("LAUNCHER_")}
    return hidden | {"PATH": f"{script.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


LINES = [
    ("sweep-launcher pl", {"plan"}),
    ("sweep-launcher ver", {"verify"}),
    ("sweep-launcher oth", {"other.toml"}),
    ("sweep-launcher --only ", {"baseline", "lr_1e-3"}),
    ("sweep-launcher plan --only lr", {"lr_1e-3"}),
    ("sweep-launcher run --skip baseline,l", {"baseline,lr_1e-3"}),
    ("sweep-launcher other.toml --only ", {"wide"}),
    ("sweep-launcher verify ba", {"baseline"}),
    ("sweep-launcher verify --job other.toml ", {"wide"}),
    ("sweep-launcher run -S l", {"lr="}),
    ("sweep-launcher other.toml --on", {"--on", "--only", "--on-finish"}),
    ("sweep-launcher run --color a", {"auto", "always"}),
    ("sweep-launcher bad.toml --only ", set()),
    ("sweep-launcher none.toml --only ", set()),
]


@pytest.mark.slow
def test_a_shell_completes_commands_options_experiments_and_keys(installed: dict[str, str], tmp_path: Path) -> None:
    """In a real bash, with the script that --show-completion prints."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    # As a shell does it: the words of the line, and the number of the one that the cursor is in.
    words = [line.split() + ([""] if line.endswith(" ") else []) for line, _ in LINES]
    asked = "\n".join(
        f"COMP_WORDS=({' '.join(repr(word) for word in line)}); COMP_CWORD={len(line) - 1}; COMPREPLY=()\n"
        '_sweep_launcher_completion sweep-launcher; printf "%s\\n" "${COMPREPLY[*]}"'
        for line in words
    )
    script = 'eval "$(_SWEEP_LAUNCHER_COMPLETE=source_bash sweep-launcher)"\n' + asked
    done = subprocess.run(
        [bash, "--norc", "-c", script], capture_output=True, text=True, env=installed, cwd=tmp_path, check=True
    )
    assert done.stderr == ""
    found = [set(line.split()) for line in done.stdout.splitlines()]
    assert dict(zip([line for line, _ in LINES], found, strict=True)) == dict(LINES)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered_in_their_own_form(shell: str, installed: dict[str, str], tmp_path: Path) -> None:
    environment = installed | {
        "_SWEEP_LAUNCHER_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "sweep-launcher run --only lr",
    }
    done = subprocess.run(["sweep-launcher"], capture_output=True, text=True, env=environment, cwd=tmp_path, check=True)
    assert "lr_1e-3" in done.stdout
    assert "baseline" not in done.stdout
    assert done.stderr == ""
