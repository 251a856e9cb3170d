"""How long the proof waits for something: the limits as they are written on a real card, four times that on a CPU.

A run without a card tries the lines of the checks, on a CPU that may be slow and busy. Its times decide nothing.
"""

from __future__ import annotations

import os

_VARIABLE = "GPU_PROOF_PATIENCE"  # in the environment, so that the processes of the parts have it too
_WITHOUT_CARD = 4.0


def be_patient() -> None:
    """Let this process and those that it starts wait longer."""
    os.environ[_VARIABLE] = str(_WITHOUT_CARD)


def patient(limit_s: float) -> float:
    """Return the seconds to wait at most, where a real card would have `limit_s`."""
    return limit_s * float(os.environ.get(_VARIABLE, "1"))
