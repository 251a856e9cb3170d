"""`make pythons`: run the tests on every supported Python that is installed, each in an environment of its own.

    python -m tests.pythons                   all tests; torch for each Python is several gigabytes
    python -m tests.pythons --without-torch   on the other Pythons than this one, what needs no torch: a part of CI

What is not installed is said and passed over. The exit code is 1 where a Python's tests failed.
"""

from __future__ import annotations

import argparse
import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
# What CI runs on the Pythons beside its own. Their torch is gigabytes; these need none, as nothing is saved or trained.
WITHOUT_TORCH = (
    "tests/launcher/cases/test_completion.py",
    "tests/launcher/cases/test_config.py",
    "tests/launcher/cases/test_identity.py",
    "tests/launcher/cases/test_odd_files.py",
    "tests/launcher/cases/test_quota.py",
    "tests/launcher/cases/test_secrets.py",
    "tests/launcher/cli/test_option_groups.py",
    "tests/launcher/cli/test_overrides.py",
    "tests/launcher/config/test_identity.py",
    "tests/launcher/config/test_nested.py",
    "tests/launcher/config/test_notation.py",
    "tests/launcher/config/test_redact.py",
    "tests/launcher/config/test_resolved.py",
    "tests/launcher/config/test_schema.py",
    "tests/launcher/config/test_validation.py",
    "tests/launcher/engine/test_classify_ending.py",
    "tests/launcher/engine/test_silence.py",
    "tests/launcher/store/test_attempts.py",
    "tests/launcher/store/test_ending.py",
    "tests/launcher/store/test_events.py",
    "tests/launcher/store/test_experiment_state.py",
    "tests/launcher/store/test_launch_info.py",
    "tests/launcher/store/test_values.py",
    "tests/launcher/test_text.py",
    "tests/launcher/devices/test_admission.py",
    "tests/launcher/devices/test_selection.py",
    "tests/launcher/planning/test_decision.py",
    "tests/launcher/planning/test_estimate.py",
    "tests/launcher/terminal/test_plan_text.py",
    "tests/launcher/store/test_locks.py",
    "tests/launcher/store/test_log_tail.py",
    "tests/launcher/store/test_records.py",
    "tests/launcher/reports/test_build.py",
    "tests/launcher/engine/test_scheduler.py",
    "tests/launcher/terminal/test_screen.py",
    "tests/launcher/sources/test_auto.py",
    "tests/launcher/sources/test_complete.py",
    "tests/launcher/sources/test_template.py",
    "tests/launcher/sources/test_tfevents.py",
    "tests/test_limit.py",
)
# What these tests do not import, of what the launcher and its tests ask for.
LEFT_OUT = ("#", "torch", "mypy", "ruff", "pandas-", "types-", "duckdb", "ipython", "pytest-cov", "tiktoken", "gpt3-")
PIP = ("-m", "pip", "install", "--quiet", "--constraint", "constraints.txt")
ASKED = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


def find(version: str) -> str | None:
    """Return a program of this version that runs and can make environments: from PATH, else from pyenv's folder."""
    folder = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(f"python{version}"), *map(str, sorted(folder.glob(f"{version}.*/bin/python")))]
    for candidate in filter(None, candidates):
        told = subprocess.run([candidate, "-c", ASKED], capture_output=True, text=True, check=False)
        if told.stdout.strip() == version:  # pyenv's own python3.13 may only say that it is not chosen
            return candidate
    return None


def requirements() -> Iterator[str]:
    """Yield what setup.cfg asks for to run and test the launcher, without torch and the rest that is left out."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    lines = f"{settings['options']['install_requires']}\n{settings['options.extras_require']['test']}".splitlines()
    yield from (line for line in lines if line and not line.startswith(LEFT_OUT))


def run_tests(version: str, program: str, *, with_torch: bool) -> bool:
    """Make or update the environment of one Python, run its tests, and return whether they passed."""
    environment = ROOT / f".venv-{version}"
    python = str(environment / "bin" / "python")
    if with_torch:
        installs = [[*PIP, "--editable", ".[test]"]]
        selected = ["-m", "not slow and not slurm"]
    else:
        installs = [[*PIP, *requirements()], [*PIP, "--no-deps", "--editable", "."]]
        selected = ["-m", "not slow and not slurm", *WITHOUT_TORCH]
    commands = [
        ["sh", "venv.sh", str(environment), program],
        *([python, *install] for install in installs),
        [python, "-m", "pytest", "-n", "2", "--dist", "loadfile", *selected],
    ]
    return all(subprocess.run(command, cwd=ROOT, check=False).returncode == 0 for command in commands)


def main() -> int:
    """Run the tests and say on which Pythons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without-torch", action="store_true")
    options = parser.parse_args()
    own = "{}.{}".format(*sys.version_info)
    results = []
    for version in VERSIONS:
        program = find(version)
        if program is None:
            results.append(f"Python {version}: not installed here")
        elif options.without_torch and version == own:
            results.append(f"Python {version}: tested by make test")
        else:
            print(f"Python {version}: {program}", flush=True)
            passed = run_tests(version, program, with_torch=not options.without_torch)
            results.append(f"Python {version}: {'passed' if passed else 'FAILED'}")
    print("\n".join(results))
    return int(any(result.endswith("FAILED") for result in results))


if __name__ == "__main__":
    sys.exit(main())
