"""Checks that this Python can run the launcher: it is new enough and has every package that the launcher imports.

`__main__` and scripts call `check` before they import any other module of ours. So this module imports the standard
library alone, and it is written so that even a Python of ten years ago can print the message.
"""

import importlib.util
import os
import sys

OLDEST = (3, 11)
# Module → the package that brings it. torch is not among them: a target may do without.
PACKAGES = {
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "orjson": "orjson",
    "pandas": "pandas",
    "psutil": "psutil",
    "pydantic": "pydantic",
    "pynvml": "nvidia-ml-py",
    "rich": "rich",
    "typer": "typer",
}
EXIT_CODE = 2  # bad input, as in `errors`, a module that an old Python cannot read


def check() -> None:
    """Return if this Python can run the launcher; else end the process with what is missing and what to type."""
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
    is_own = os.path.abspath(sys.prefix) == environment
    if not is_own and os.path.exists(os.path.join(environment, "bin", "sweep-launcher")):
        return (
            f"Everything is installed in {environment}: type `source {environment}/bin/activate` once in this shell,\n"
            f"  or `{environment}/bin/sweep-launcher` in place of `python -m launcher`."
        )
    if os.path.exists(os.path.join(root, "setup.cfg")):
        return f"Type `make -C {root} setup`, which installs everything into {environment}."
    return f"Type `{sys.executable} -m pip install {' '.join(missing) or 'sweep-launcher'}`."
