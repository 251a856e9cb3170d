"""Checks of scripts that are started by a command: which card they see, what is recorded, and that memory is freed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from card import Card
from patience import patient
from result import SKIPPED, Result, ok_if
from sweeps import Sweep, new_sweep, wait_for

SCRIPT = str(Path(__file__).with_name("stranger.py"))
TORCHRUN = ["{python}", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1"]
STEPS = 5
_SEES = re.compile(r"sees (\d+) (\S*), pid (\d+)")


def scripted(card: Card) -> Iterator[Result]:
    """Run scripts on the card: as they are, forked from the preloaded worker, and by torchrun."""
    yield from _two_scripts(card, "two scripts train on the card, each sees it alone", {})
    inside = {"inside": True, "preload": ["torch"]}
    yield from _two_scripts(card, "the same, forked from a worker with torch (inside = true)", inside)
    yield from _torchrun(card)


def _job(sweep: Sweep, start: list[str], names: str, settings: dict[str, Any], **options: Any) -> None:
    table = {"steps": STEPS, **options}
    settings = {"log": ["step {step}: loss {loss}"], "gpu_memory_gb": 2.0} | settings
    sweep.job(None, {name: table for name in names}, command=[*start, SCRIPT, "{args}"], **settings)


def _two_scripts(card: Card, check: str, settings: dict[str, Any]) -> Iterator[Result]:
    with new_sweep(card) as sweep:
        go = sweep.folder / "go"
        _job(sweep, ["{python}"], "ab", settings | {"slots_per_device": 2}, until=str(go))
        launcher = sweep.start("--parallel")
        try:
            are_together = wait_for(lambda: all(sweep.history(name).last_step == STEPS for name in "ab"))
            seen = [_sees(sweep, name) for name in "ab"]
            go.touch()
            _, err = launcher.communicate(timeout=patient(60))
        finally:
            launcher.kill()
    expected = ("1", card.uuid.removeprefix("GPU-")) if card.is_real else ("0", "")
    is_right = are_together and launcher.returncode == 0 and {found[:2] for found in seen} == {expected}
    yield ok_if(is_right, check, f"{seen}; exit {launcher.returncode}{_said(err, is_right)}")


def _said(err: str, is_right: bool) -> str:
    return "" if is_right else f": {err[-300:].strip()}"


def _sees(sweep: Sweep, name: str) -> tuple[str, str, str]:
    found = _SEES.search(sweep.paths.log(name).read_text()) if sweep.paths.log(name).exists() else None
    return (found[1], found[2], found[3]) if found else ("", "", "")


def _torchrun(card: Card) -> Iterator[Result]:
    """Train by torchrun, with NCCL on a card. Then the launcher dies while such a script holds memory."""
    with new_sweep(card) as sweep:
        _job(sweep, TORCHRUN, "a", {}, distributed=True)
        code, err = sweep.launch()
        last = sweep.history("a").last_step
        is_right = code == 0 and last == STEPS
        backend = "NCCL" if card.is_real else "gloo"
        yield ok_if(is_right, f"torchrun trains, with {backend}", f"step {last}; exit {code}{_said(err, is_right)}")
    for name, start in (("a script", ["{python}"]), ("torchrun", TORCHRUN)):
        check = f"memory is free again after: kill -9 of the launcher of {name}"
        if not card.has_driver:
            yield Result(check, SKIPPED, "needs a driver")
            continue
        before = card.used_bytes()
        with new_sweep(card) as sweep:
            _job(sweep, start, "a", {}, until=str(sweep.folder / "never"), gib=1.0, distributed=name == "torchrun")
            launcher = sweep.start()
            has_stepped = wait_for(lambda: sweep.history("a").last_step == STEPS)
            launcher.kill()
            launcher.communicate()
            free_s = card.wait_until_free(before)
        figure = "still held" if free_s is None else f"free after {free_s:.2f} s"
        yield ok_if(has_stepped and free_s is not None, check, figure)


PARTS = {"scripted": scripted}
