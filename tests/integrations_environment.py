"""`make integrations`: the environment with the training libraries that the adapters are tested with.

    python -m tests.integrations_environment

It is a virtual environment, `.venv-integrations`, with the extra `integrations` of setup.cfg, in the versions of
constraints.txt. It uses the torch of the Python that makes it, because another torch is gigabytes. The launcher is not
installed in it: a script there is a script in another environment. The tests in tests/launcher/integrations run their
scripts in it, and say so where it is not there.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".venv-integrations"
READY = FOLDER / ".ready"  # everything is installed


def program() -> str:
    """Return the Python of the environment; an empty text where there is none. LAUNCHER_INTEGRATIONS names another."""
    own = str(FOLDER / "bin" / "python") if READY.exists() else ""
    named = os.environ.get("LAUNCHER_INTEGRATIONS", own)
    return named if os.access(named, os.X_OK) else ""


def make() -> None:
    """Make the environment, or complete it, and say how long that took."""
    # Only this folder is added: what it links to itself is not.
    install(FOLDER, "integrations", beside=[folder_of("torch")])
    READY.touch()


def install(folder: Path, extra: str, *, beside: list[Path]) -> None:
    """Install an extra of setup.cfg into an environment that also finds what is in the folders `beside`."""
    began_s = time.monotonic()
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = setup["options.extras_require"][extra].split()
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    (site,) = folder.glob("lib/python*/site-packages")
    # pip finds torch on the path and leaves it alone.
    (site / "beside.pth").write_text("".join(f"{path}\n" for path in beside))
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *constraints, *wanted], check=True)
    print(f"{folder.name}: {', '.join(wanted)} in {time.monotonic() - began_s:.0f} s")


def folder_of(package: str) -> Path:
    """Return the folder in which the Python that runs this finds a package."""
    code = f"import importlib.util as u; print(u.find_spec({package!r}).origin)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return Path(told.stdout.strip()).parents[1]


if __name__ == "__main__":
    make()
