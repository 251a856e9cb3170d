"""Checks of the numbers: the same bits in parallel and resumed, no waiting for the card, and the drift of options."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from card import Card
from patience import patient
from result import MEASURED, SKIPPED, Result, ok_if
from same_numbers import compare
from sweeps import DRY, SMALL, make_data, new_sweep, wait_for

OPTIONS: dict[str, dict[str, Any]] = {
    "bf16": {"precision": "bf16"},
    "tf32": {"precision": "tf32"},
    "compile": {"compile": True},
    "compile and cuda_graph": {"compile": True, "cuda_graph": True},
}


def reproduced(card: Card) -> Iterator[Result]:
    """Train the same three experiments one after another, in parallel on the card, and stopped and resumed."""
    experiments: dict[str, dict[str, Any]] = {"a": {}, "b": {"lr": 1e-3}, "c": {"dropout": 0.1}}
    with new_sweep(card) as sweep:
        shared = (SMALL if card.is_real else DRY) | {"batch_size": 16, "data_dir": make_data(sweep.folder)}
        shared |= {"max_steps": 300, "max_epochs": 10}
        folders = {name: sweep.folder / name for name in ("alone", "parallel", "resumed")}
        for way, folder in folders.items():
            sweep.job(
                sweep.minigpt, {name: shared | own for name, own in experiments.items()}, outcome=str(folder),
                logs=f"logs/{way}", slots_per_device=3, threads=1, checkpoint_s=0.2, gpu_memory_gb=2.0,
            )  # fmt: skip
            options = ["--parallel"] if way == "parallel" else []
            if way == "resumed":
                launcher = sweep.start(*options)
                wait_for(lambda: _num_records(folders["resumed"], "a") > 15)
                launcher.send_signal(signal.SIGTERM)
                launcher.communicate(timeout=patient(60))
            code, err = sweep.launch(*options)
            if code:
                yield ok_if(False, f"trained {way}", f"exit {code}: {err[-200:].strip()}")
                return
        for way in ("parallel", "resumed"):
            results = [compare(name, folders["alone"], folders[way]) for name in experiments]
            figure = "; ".join(text for text, is_same in results if not is_same) or results[0][0]
            yield ok_if(all(is_same for _, is_same in results), f"{way} = alone, bit for bit", figure)


def _num_records(folder: Path, name: str) -> int:
    try:
        return (folder / "records" / f"{name}.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def trained(limit_s: float = 100.0, **wishes: Any) -> dict[str, Any]:
    """Train a MiniGPT in a process of its own. Return the answer of `variant.py`, or {"error": …}."""
    command = [sys.executable, str(Path(__file__).with_name("variant.py")), json.dumps(wishes)]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ["PYTHONPATH"]])
    environment = os.environ | {"PYTHONPATH": path}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=patient(limit_s), env=environment, check=False
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {patient(limit_s):.0f} s"}
    except (IndexError, ValueError):
        return {"error": (done.stderr.strip().splitlines() or ["no word"])[-1][:200]}
    return answer


def unsynchronised(card: Card) -> Iterator[Result]:
    """Count the calls in a step that make the host wait for the card, in the trace of a profiler."""
    with new_sweep(card) as sweep:
        data = make_data(sweep.folder, 800)
        shape = {} if card.is_real else DRY
        for name, config in {"fp32": shape, "bf16": shape | {"precision": "bf16"}}.items():
            check = f"no host synchronisation a step, {name}"
            counts = [
                trained(device=card.torch_device, data=data, config=config, steps=steps, is_profiled=True)
                for steps in (6, 16)
            ]
            if any("error" in count for count in counts):
                yield ok_if(False, check, str([count.get("error") for count in counts]))
                continue
            calls = {
                call: (counts[1]["waits"].get(call, 0) - counts[0]["waits"].get(call, 0)) / 10
                for call in {*counts[0]["waits"], *counts[1]["waits"]}
            }
            # Only one wait is allowed: for the copy of the loss of the step before.
            is_held_up = any(a_step > 0 for call, a_step in calls.items() if call != "cudaEventSynchronize")
            yield ok_if(not is_held_up, check, f"calls a step: {calls or 'none'}")


def optional(card: Card) -> Iterator[Result]:
    """Train with each option, and measure how far its losses drift from those of fp32."""
    with new_sweep(card) as sweep:
        data, steps = make_data(sweep.folder, 800), 40 if card.is_real else 3
        config = {} if card.is_real else DRY
        base = trained(device=card.torch_device, data=data, config=config, steps=steps)
        if "error" in base:
            yield ok_if(False, "fp32 trains", base["error"])
            return
        for name, option in OPTIONS.items():
            if not card.is_real and name != "bf16":
                yield Result(f"{name} trains", SKIPPED, "needs a card")
                continue
            other = trained(device=card.torch_device, data=data, config=config | option, steps=steps)
            if "error" in other:
                yield ok_if(False, f"{name} trains", other["error"])
                continue
            drifts = [abs(loss / exact - 1) for loss, exact in zip(other["losses"], base["losses"], strict=True)]
            figure = f"final loss {drifts[-1]:.2e} from fp32, {max(drifts):.2e} at most in {steps} steps"
            yield ok_if(drifts[-1] < 0.02, f"{name} trains", figure)
        yield Result("head", MEASURED, str(base["head"]))


PARTS = {"reproduced": reproduced, "unsynchronised": unsynchronised, "optional": optional}
