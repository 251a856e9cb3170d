"""`make ray`: the environment in which `--on ray` is tested, with the nodes of Ray that the tests start.

    python -m tests.ray_environment

It is a virtual environment, `.venv-ray`, with the extra `ray` of setup.cfg. It uses this folder and the packages of the
Python that makes it. The tests run in it, and so do the nodes: Ray must be the same on both sides.
"""

from __future__ import annotations

from tests.integrations_environment import ROOT, folder_of, install

FOLDER = ROOT / ".venv-ray"


def make() -> None:
    """Make the environment, or complete it, and say how long that took."""
    install(FOLDER, "ray", beside=[ROOT, folder_of("torch"), folder_of("pytest")])


if __name__ == "__main__":
    make()
