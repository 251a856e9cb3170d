"""Writes the results of a run on a real card: bench/gpu.json, and the section "gpu" of bench/README.md."""

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

    A run that is not whole replaces the rows of its parts, if the whole run before it was on a card of this name.
    """
    rows = {part: [asdict(result) for result in results] for part, results in by_part.items()}
    about = {"at": str(datetime.date.today()), "commit": every_benchmark.commit()}
    content: dict[str, Any] = about | {
        "card": card.name, "memory_gib": round(card.total_bytes / 2**30, 1), "machine": every_benchmark.machine(),
        "seconds": round(took_s), "parts": rows, "again": {},
    }  # fmt: skip
    if not is_whole:
        path = every_benchmark.GPU_RESULTS
        content = json.loads(path.read_text()) if path.exists() else {}
        if content.get("card") != card.name:
            return
        content["parts"] |= rows
        content["again"] |= dict.fromkeys(rows, about)
    content["table"] = as_markdown([Result(**row) for part in content["parts"].values() for row in part])
    every_benchmark.GPU_RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    every_benchmark.write_page()
