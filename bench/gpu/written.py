"""Writes the results of a run on a real card: bench/gpu.json, by the card's name, and "gpu" in bench/README.md."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import all as every_benchmark
from card import Card
from result import Result, as_markdown


def write_down(card: Card, by_part: Mapping[str, Sequence[Result]], took_s: float, *, is_whole: bool) -> None:
    """Write the results of a run, by part, which took `took_s` seconds.

    A run that is not whole replaces the rows of its parts, if there was a whole run on a card of this name.
    """
    cards = every_benchmark.read_gpu_results()
    rows = {part: [asdict(result) for result in results] for part, results in by_part.items()}
    about = {"at": str(datetime.date.today()), "commit": every_benchmark.commit()}
    content: dict[str, Any] = about | {
        "card": card.name, "memory_gib": round(card.total_bytes / 2**30, 1), "machine": every_benchmark.machine(),
        "seconds": round(took_s), "parts": rows, "again": {},
    }  # fmt: skip
    if not is_whole:
        if card.name not in cards:
            return
        content = cards[card.name]
        content["parts"] |= rows
        content["again"] |= dict.fromkeys(rows, about)
    content["table"] = as_markdown([Result(**row) for part in content["parts"].values() for row in part])
    cards[card.name] = content
    every_benchmark.GPU_RESULTS.write_text(json.dumps(cards, indent=1) + "\n")
    every_benchmark.write_page()
