"""A parallel sweep launcher: one worker process an experiment, each on its own device.

    from launcher import load, run

    summary = run(load("jobs/report.toml"), devices="1,2,3", parallel=True)

Both are described in `launcher.api`. They are looked up on first use, because worker processes import this package too.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from launcher.api import load, run

__all__ = ["load", "run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in __all__:
        from launcher import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
