"""Reads the traceback of another process that an error quotes, as errors of PyTorch's DataLoader do.

    ValueError: Caught ValueError in DataLoader worker process 0.
    Original Traceback (most recent call last):
      File "/home/me/data.py", line 12, in __getitem__
        raise ValueError(f"no image: {path}")
    ValueError: no image: train/42.png

The first line says nothing of what went wrong, and the error was raised where the user's code asked for the next batch.
"""

from __future__ import annotations

import re

_HEADING = "Traceback (most recent call last):"
_FRAME = re.compile(r'^ +File "(.+)", line (\d+)', re.MULTILINE)


def quoted_error(said: str) -> str:
    """Return the first line of the error that ends the last traceback in a text; empty if there is no traceback."""
    _, heading, trace = said.rpartition(_HEADING)
    return next((line.strip() for line in trace.splitlines() if line[:1].strip()), "") if heading else ""


def quoted_frames(said: str) -> list[tuple[str, int]]:
    """Return file and line of each call in the last traceback in a text, the innermost last."""
    _, heading, trace = said.rpartition(_HEADING)
    return [(file, int(line)) for file, line in _FRAME.findall(trace)] if heading else []
