"""A target that cannot be imported."""

import a_package_that_nobody_has  # noqa: F401
from toy_config import ToyConfig


def run(config: ToyConfig, run) -> None:
    """Never reached."""
