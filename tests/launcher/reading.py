"""Jobs for the toy that trains on a card, and what their launches wrote down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.launcher.conftest import Workplace


def card_job(place: Workplace, experiments: dict[str, dict[str, Any]], **settings: Any) -> Path:
    return place.toy(experiments, target="card:train", **settings)


def events(place: Workplace, *kinds: str) -> list[dict[str, Any]]:
    lines = place.paths.events.read_text().splitlines() if place.paths.events.exists() else []
    return [event for event in map(json.loads, lines) if event["event"] in kinds]


def started(place: Workplace) -> list[str]:
    return [event["experiment"] for event in events(place, "started")]
