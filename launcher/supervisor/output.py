"""What a supervisor prints: lines for the cluster's output file of its job, which is read when no log tells more."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print a line. The file may be gone, or its disk full."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        return
