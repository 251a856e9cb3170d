"""Checks of the card's memory: shared, held by another program, used up, and free again after every ending."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from card import Card
from patience import patient
from result import MEASURED, SKIPPED, Result, ok_if
from sweeps import DRY, SMALL, Sweep, make_data, new_sweep, wait_for
from targets import BALLAST

from launcher.engine.oom_policy import CONTEXT_BYTES

GIB = 2**30
CLOSE = 1e-5  # between the losses of a halved batch and of the whole, relative


def shared(card: Card) -> Iterator[Result]:
    """Run five experiments on the card at once, and compare the memory that is expected with the driver's count."""
    with new_sweep(card) as sweep:
        go = sweep.folder / "go"
        names = [f"e{number}" for number in range(5)]
        sweep.job(
            "targets:see", {name: {"until": str(go), "gib": 0.5} for name in names}, slots_per_device=5,
            gpu_memory_gb=1.2,
        )  # fmt: skip
        launcher = sweep.start("--parallel")
        try:
            are_together = (
                wait_for(lambda: all(sweep.history(name).steps for name in names)) if card.has_driver else True
            )
            figure = _largest(card)
            go.touch()
            _, err = launcher.communicate(timeout=patient(60))
        finally:
            launcher.kill()
        yield ok_if(are_together and launcher.returncode == 0, "five experiments share the card", err[-200:].strip()
                    if launcher.returncode else "all five at work at once")  # fmt: skip
        if card.is_real:
            peaks = [int((sweep.history(name).end or {}).get("peak_gpu_memory_bytes", 0)) for name in names]
            expected = max(peaks) + CONTEXT_BYTES
            yield ok_if(
                figure is not None and figure <= expected,
                "what admission expects covers what the driver counts",
                f"expected {expected / GIB:.2f} GiB a worker, the driver counts {(figure or 0) / GIB:.2f}",
            )
        else:
            yield Result("what admission expects covers what the driver counts", SKIPPED, "needs a card")


def _largest(card: Card) -> int | None:
    """Return the most bytes that a process holds on the card, or None if the driver does not say."""
    if not card.is_real:
        return None
    from launcher.devices.query import DriverQuery

    probe = DriverQuery()
    try:
        answer = probe.ask(card.uuid)
    finally:
        probe.close()
    return max((used for used in answer.processes.values() if used), default=None) if answer else None


@contextmanager
def _holder(card: Card, share: float) -> Iterator[subprocess.Popen[str]]:
    """Hold a share of the card's memory, in a process that does not belong to the launcher, during the block."""
    code = f"""
import sys, torch
held = torch.zeros(int({share} * {card.total_bytes}), dtype=torch.uint8, device="cuda")
torch.cuda.synchronize()
print("held", flush=True)
sys.stdin.read()
"""
    pipe = subprocess.PIPE
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True)
    try:
        assert holder.stdout is not None, "it was started with a pipe"
        holder.stdout.readline()
        yield holder
    finally:
        holder.kill()
        holder.communicate()


def held(card: Card) -> Iterator[Result]:
    """Let an experiment that does not fit wait for a process of a stranger, and start when that process is gone."""
    name = "an experiment waits for a stranger with 60 % of the memory, and starts when it is free"
    if not card.is_real:
        yield Result(name, SKIPPED, "needs a card")
        return
    with new_sweep(card) as sweep, _holder(card, 0.6) as holder:
        sweep.job("targets:see", {"a": {}}, gpu_memory_gb=round(0.5 * card.total_bytes / GIB, 1))
        launcher = sweep.start()
        try:
            waits = wait_for(lambda: sweep.events("waits"), 30)
            has_started = bool(sweep.events("started"))
            holder.kill()
            _, err = launcher.communicate(timeout=patient(60))
        finally:
            launcher.kill()
        why = next((event["why"] for event in sweep.events("waits")), "it did not wait")
        yield ok_if(waits and not has_started and launcher.returncode == 0, name, f"{why}; exit {launcher.returncode}")
        if launcher.returncode:
            yield Result("  what was said", MEASURED, err[-300:].strip())


def exhausted(card: Card) -> Iterator[Result]:
    """Use up the memory. The ending must say so, and the experiment is tried again, alone or with half the batch."""
    with new_sweep(card) as sweep:
        sweep.job("targets:end", {"a": {"how": "out_of_memory"}}, on_oom="retry")
        code, _ = sweep.launch()
        attempts = len(sweep.events("started"))
        ending = sweep.endings().get("a")
        expected = 2 if card.has_driver else attempts
        yield ok_if(
            code == 1 and ending == "out_of_memory" and attempts == expected,
            "more memory than there is ends as out_of_memory, after one more attempt alone",
            f"{ending}, {attempts} attempts",
        )
    yield from _halved(card)


def _halved(card: Card) -> Iterator[Result]:
    check = "halve_batch: half the batch, twice the accumulation, the same loss"
    with new_sweep(card) as sweep:
        table = (SMALL if card.is_real else DRY) | {
            "batch_size": 32,
            "max_steps": 20,
            "data_dir": make_data(sweep.folder),
        }
        losses = []
        for outcome, ballast in (("whole", 0), ("halved", int(card.total_bytes / 32 * 1.2))):
            sweep.environment[BALLAST] = str(ballast)
            sweep.job("targets:ballasted", {"a": table}, on_oom="halve_batch", outcome=outcome, logs=f"logs/{outcome}")
            code, err = sweep.launch()
            if code:
                yield ok_if(False, check, f"{outcome}: exit {code}: {err[-200:].strip()}")
                return
            losses.append(_final_loss(sweep.folder / outcome))
        changed = [event.get("changed") for event in _events(sweep, "halved")]
        apart = abs(losses[0] / losses[1] - 1)
        yield ok_if(
            apart <= CLOSE and changed[-1:] == [{"batch_size": 16, "accumulation": 2}],
            check, f"{losses[0]:.6f} and {losses[1]:.6f}: {apart:.1e} apart; {changed[-1:]}",
        )  # fmt: skip


def _final_loss(outcome: Path) -> float:
    from launcher.store.history import read_history

    history = read_history(outcome / "records" / "a.jsonl")
    return float(history.steps[history.last_step]["loss"])


def _events(sweep: Sweep, outcome: str) -> list[dict[str, object]]:
    import json

    lines = (sweep.folder / outcome / "events.jsonl").read_text().splitlines()
    return [event for line in lines if (event := json.loads(line))["event"] == "started"]


def freed(card: Card) -> Iterator[Result]:
    """End a worker in every way, and the launcher by kill -9. The memory must be free again each time."""
    expected = {"": "done", "failed": "failed", "out_of_memory": "out_of_memory", "killed": "killed", "hung": "hung"}
    for how, ending in expected.items():
        before = card.used_bytes() if card.has_driver else 0
        with new_sweep(card) as sweep:
            silence = {"kill_after_s": 4.0} if how == "hung" and card.is_real else {"kill_after_s": 20.0}
            sweep.job("targets:end", {"a": {"how": how}}, on_oom="fail", stall_after_s=2.0, **silence)
            sweep.launch()
            got = sweep.endings().get("a")
        free_s = card.wait_until_free(before) if card.has_driver else 0.0
        figure = f"{got}; " + ("still held" if free_s is None else f"free after {free_s:.2f} s")
        yield ok_if(got == ending and free_s is not None, f"memory is free again after: {ending}", figure)
    before = card.used_bytes() if card.has_driver else 0
    with new_sweep(card) as sweep:
        sweep.job("targets:see", {"a": {"until": "never", "gib": 1.0}})
        launcher = sweep.start()
        has_stepped = wait_for(lambda: sweep.history("a").steps)
        launcher.kill()
        launcher.communicate()
        free_s = card.wait_until_free(before) if card.has_driver else 0.0
        figure = "still held" if free_s is None else f"free after {free_s:.2f} s"
        yield ok_if(has_stepped and free_s is not None, "memory is free again after: kill -9 of the launcher", figure)


def asserted(card: Card) -> Iterator[Result]:
    """Break the CUDA context of a worker. The next experiment on the card must not be affected."""
    with new_sweep(card) as sweep:
        sweep.job("targets:end", {"a": {"how": "assert"}, "b": {"how": ""}})
        code, _ = sweep.launch()
        endings = sweep.endings()
        why = next((event["why"] for event in sweep.events("ended")), "")
        is_right = code == 1 and endings == {"a": "failed", "b": "done"} and "device-side assert" in why
        yield ok_if(is_right, "a device-side assert leaves the next experiment alone", f"{endings}; {why[:100]}")


PARTS = {"shared": shared, "held": held, "exhausted": exhausted, "freed": freed, "asserted": asserted}
