"""What every way to run workers has in common."""

from __future__ import annotations

from typing import Literal

StartMethod = Literal["forkserver", "spawn"]
