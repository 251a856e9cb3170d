"""A metric as it is shown: its name, its unit, the scale of its axis, and whether a larger value is better.

A job file says it in `metrics`, and a target's module may say it for the jobs that do not: `METRICS`. `sweep.json`
keeps what both said, under `metric_details`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from launcher.store import values
from launcher.text import inline

Scale = Literal["auto", "linear", "log"]
SCALES: tuple[Scale, ...] = get_args(Scale)
LONGEST_UNIT = 60  # characters


@dataclass(frozen=True)
class Metric:
    """A metric, and how it is shown."""

    name: str
    unit: str = ""  # as it stands in brackets at an axis: "nats per token"
    scale: Scale = "auto"  # of its axis; "auto": logarithmic where the values ask for it
    is_maximized: bool = False

    @property
    def label(self) -> str:
        """The name with its unit: `loss (nats per token)`."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def details(self) -> dict[str, str]:
        """What is said of the metric beside its name, as `sweep.json` has it; empty if nothing is said."""
        return ({"unit": self.unit} if self.unit else {}) | ({"scale": self.scale} if self.scale != "auto" else {})

    @classmethod
    def of_details(cls, name: str, details: Any, *, is_maximized: bool = False) -> Metric:
        """Return the metric that a JSON value describes. What is not of the right type is passed over."""
        known = details if isinstance(details, Mapping) else {}
        unit, scale = values.text(known.get("unit")).strip(), known.get("scale")
        is_unit = len(unit) <= LONGEST_UNIT
        return cls(
            name,
            inline(unit) if is_unit else "",
            next((known_scale for known_scale in SCALES if known_scale == scale), "auto"),
            is_maximized,
        )
