"""Figures: the speed of the model, a worker's start, five experiments on the card, and the cost of a record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields
from itertools import count
from typing import Any

from card import Card
from checks_numbers import trained
from result import MEASURED, SKIPPED, Result, ok_if
from rows import alternate
from sweeps import DRY, make_data, new_sweep

SHAPES: dict[str, dict[str, Any]] = {
    "baseline": {},
    "large": {"embed_dim": 512, "n_heads": 8, "n_layers": 8, "seq_len": 128, "batch_size": 64},
}
WAYS: dict[str, dict[str, Any]] = {
    "fp32 plain": {"loss": "plain"},
    "fp32 fused": {},
    "tf32": {"precision": "tf32"},
    "bf16": {"precision": "bf16"},
    "fp32, graph": {"compile": True, "cuda_graph": True},
    "bf16, graph": {"precision": "bf16", "compile": True, "cuda_graph": True},
}
_RATE_OF = {"fp32 plain": "fp32", "fp32 fused": "fp32", "fp32, graph": "fp32", "tf32": "tf32"}  # else bf16


def matmul_rates(device: str, size: int) -> dict[str, float]:
    """Return the rate of square matrix products, in FLOP/s, by precision."""
    import torch

    rates = {}
    for name, dtype in (("fp32", torch.float32), ("tf32", torch.float32), ("bf16", torch.bfloat16)):
        torch.backends.cuda.matmul.fp32_precision = "tf32" if name == "tf32" else "ieee"
        a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        for is_timed in (False, True):
            _finish(device)
            began_s = time.perf_counter()
            for _ in range(10 if is_timed else 3):
                a @ b
            _finish(device)
        rates[name] = 10 * 2 * size**3 / (time.perf_counter() - began_s)
    return rates


def _finish(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def multiplied(card: Card) -> Iterator[Result]:
    """Measure the matrix rates of the card. The speed of the model is given as a share of them."""
    rates = matmul_rates(card.torch_device, 8192 if card.is_real else 256)
    text = ", ".join(f"{name} {rate / 1e12:.1f}" for name, rate in rates.items())
    yield Result("matrix products, TFLOP/s", MEASURED, text)


def speed(card: Card, shape: str) -> Iterator[Result]:
    """Measure tokens a second and peak memory of MiniGPT in each precision, with and without a graph."""
    rates = matmul_rates(card.torch_device, 8192 if card.is_real else 256)
    with new_sweep(card) as sweep:
        data = make_data(sweep.folder)
        for way, options in WAYS.items():
            check = f"MiniGPT {shape}, {way}"
            if shape == "large" and "graph" in way:  # to compile its eight layers twice takes over a minute
                continue
            if not card.is_real and (shape != "baseline" or "graph" in way or way == "tf32"):
                yield Result(check, SKIPPED, "needs a card")
                continue
            config = (SHAPES[shape] if card.is_real else DRY) | options
            steps = 60 if card.is_real else 4
            found = trained(device=card.torch_device, data=data, config=config, steps=steps)
            if "error" in found:
                yield ok_if(False, check, found["error"])
                continue
            if way == "fp32 fused" and not found["head"].startswith("fused"):
                yield Result(check, SKIPPED, found["head"])
                continue
            share = found["tokens_per_s"] * flop_per_token(config) / rates[_RATE_OF.get(way, "bf16")]
            yield Result(
                check, MEASURED,
                f"{found['tokens_per_s']:,.0f} tokens/s, peak {found['peak_bytes'] / 2**30:.2f} GiB, "
                f"{share:.0%} of the matmul rate",
            )  # fmt: skip


def flop_per_token(config: dict[str, Any]) -> float:
    """Return the FLOP of training for a token: 6 for each weight that it passes (Kaplan et al. 2020, section 2.1)."""
    from minigpt.config import TrainConfig

    known = {field.name for field in fields(TrainConfig)}
    shape = TrainConfig(**{key: value for key, value in config.items() if key in known})
    blocks = shape.n_layers * (4 + 2 * shape.ffn_mult) * shape.embed_dim**2
    return 6.0 * (blocks + shape.vocab_size * shape.embed_dim)


def speed_baseline(card: Card) -> Iterator[Result]:
    """Measure the report's baseline."""
    yield from speed(card, "baseline")


def speed_large(card: Card) -> Iterator[Result]:
    """Measure a larger shape."""
    yield from speed(card, "large")


def started(card: Card) -> Iterator[Result]:
    """Measure a worker's start to its first step on the card, from the fork server and by spawn."""
    from worker_start import TARGET, start

    from launcher.executors.worker_starter import WorkerStarter

    target = TARGET.replace("Linear(8, 1)", "Linear(8, 1).to(run.device)").replace(
        "torch.ones(4, 8)", "torch.ones(4, 8, device=run.device)"
    )
    environment = {"CUDA_VISIBLE_DEVICES": card.uuid if card.is_real else ""}
    forked, spawned, number = (
        WorkerStarter("forkserver", ["torch", "torch._dynamo"]),
        WorkerStarter("spawn", []),
        count(),
    )
    with new_sweep(card) as sweep:
        (sweep.folder / "bench_target.py").write_text(target)

        def _start(workers: WorkerStarter) -> float:
            name = f"w{next(number)}"
            return start(workers, sweep.folder, name, device_type=card.torch_device, environment=environment)

        _start(forked)  # waits for the server's imports
        pairs = 3 if card.is_real else 1
        times = alternate({"fork server": lambda: _start(forked), "spawn": lambda: _start(spawned)}, pairs)
    ratio = times["spawn"] / times["fork server"]
    yield Result(
        "a worker's start to its first step on the card", MEASURED,
        f"{times['fork server']:.2f} s, spawn {times['spawn']:.2f} s: {ratio:.1f} times",
    )  # fmt: skip


def together(card: Card) -> Iterator[Result]:
    """Train five experiments one after another, and all five on the card at once."""
    with new_sweep(card) as sweep:
        steps = 200 if card.is_real else 4
        table = {"data_dir": make_data(sweep.folder), "max_steps": steps, "num_workers": 0, "max_epochs": 50}
        table |= {"chunking": "pack"} | ({} if card.is_real else DRY)
        seconds = {}
        for way, options in {"one after another": [], "all at once": ["--parallel"]}.items():
            sweep.job(
                sweep.minigpt, {f"e{number}": table for number in range(5)}, slots_per_device=5,
                gpu_memory_gb=3.0, outcome=way.replace(" ", "_"), logs="logs/" + way.replace(" ", "_"),
            )  # fmt: skip
            began_s = time.monotonic()
            code, err = sweep.launch(*options, limit_s=100)
            seconds[way] = time.monotonic() - began_s
            if code:
                yield ok_if(False, f"five experiments {way}", f"exit {code}: {err[-200:].strip()}")
                return
    ratio = seconds["one after another"] / seconds["all at once"]
    text = ", ".join(f"{way} {took_s:.1f} s" for way, took_s in seconds.items())
    yield Result("five experiments on the card, whole command", MEASURED, f"{text}: {ratio:.2f} times the throughput")


def recorded(card: Card) -> Iterator[Result]:
    """Measure by how much recording each step slows training down, by blocks of steps of one training."""
    check = "a record a step costs 1 % at most"
    with new_sweep(card) as sweep:
        data, config = make_data(sweep.folder), {} if card.is_real else DRY
        steps = 1200 if card.is_real else 48
        found = trained(device=card.torch_device, data=data, config=config, steps=steps, is_logged=True)
    if "error" in found:
        yield ok_if(False, check, found["error"])
        return
    cost = found["recorded_s"] / found["step_s"] - 1
    figure = f"{cost:+.2%} of a step of {found['step_s'] * 1000:.2f} ms"
    if card.is_real:
        yield ok_if(cost <= 0.01, check, figure)
    else:
        yield Result(check, MEASURED, figure + " (dry: too few steps to judge)")


def sensed(card: Card) -> Iterator[Result]:
    """Check that the telemetry of an experiment has the readings of the card's sensors."""
    if not card.is_real:
        yield Result("sensors are recorded", SKIPPED, "needs a card")
        return
    from launcher.store.samples import read_samples

    with new_sweep(card) as sweep:
        table = {"data_dir": make_data(sweep.folder), "max_steps": 800, "num_workers": 0, "max_epochs": 500}
        sweep.job("minigpt.train:run", {"a": table | {"chunking": "pack"}}, telemetry_s=0.5)
        code, err = sweep.launch(limit_s=60)
        samples = [sample for sample in read_samples(sweep.paths.telemetry("a")) if sample.gpu_percent is not None]
    known = [
        name for name in ("gpu_percent", "gpu_memory_bytes", "gpu_temperature_c", "gpu_power_w")
        if any(getattr(sample, name) for sample in samples)
    ]  # fmt: skip
    figure = f"{len(samples)} samples with {', '.join(known)}" if not code else f"exit {code}: {err[-200:]}"
    yield ok_if(len(known) == 4 and not code, "sensors are recorded", figure)


PARTS = {
    "sensed": sensed, "multiplied": multiplied, "speed_baseline": speed_baseline, "started": started,
    "together": together, "recorded": recorded, "speed_large": speed_large,
}  # fmt: skip
