"""Checks that it is the right card, that a worker sees only this card, and that no other process of ours uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
from card import Card
from patience import patient
from result import SKIPPED, Result, ok_if
from sweeps import new_sweep, wait_for


def found(card: Card) -> Iterator[Result]:
    """Compare the card of the driver with the card of torch."""
    import torch

    yield ok_if(card.total_bytes > 0, "device found", f"{card.name} {card.uuid}, {card.total_bytes / 2**30:.1f} GiB")
    if not card.is_real:
        yield Result("torch and the driver name the same card", SKIPPED, "torch sees no card")
        return
    properties = torch.cuda.get_device_properties(0)
    uuid = str(getattr(properties, "uuid", "not told"))
    is_same = uuid.lower() in card.uuid.lower() or torch.cuda.device_count() > 1
    yield ok_if(is_same, "torch and the driver name the same card", f"torch {torch.__version__}: {uuid}")


def seen(card: Card) -> Iterator[Result]:
    """Let two workers record which devices they see, and ask the driver which processes are on the card."""
    with new_sweep(card) as sweep:
        go = sweep.folder / "go"
        table = {"until": str(go)}
        sweep.job("targets:see", {"a": table, "b": table}, slots_per_device=2, gpu_memory_gb=1.0)
        launcher = sweep.start("--parallel")
        try:
            has_stepped = wait_for(lambda: sweep.history("a").steps and sweep.history("b").steps)
            infos = [sweep.history(name).info for name in "ab"]
            family = {launcher.pid, *(child.pid for child in psutil.Process(launcher.pid).children(recursive=True))}
            workers = {int(info["pid"]) for info in infos if "pid" in info}
            on_card = card.pids() & family if card.has_driver else set()
            go.touch()
            _, err = launcher.communicate(timeout=patient(60))
        finally:
            launcher.kill()
        yield ok_if(has_stepped and launcher.returncode == 0, "two workers train on the card", err[-200:].strip()
                    if launcher.returncode else f"pids {sorted(workers)}")  # fmt: skip
        if not card.is_real:
            yield ok_if(
                not card.has_driver or {info["visible"] for info in infos} == {card.uuid},
                "a worker is bound to the card alone", f"CUDA_VISIBLE_DEVICES={infos[0].get('visible')!r}",
            )  # fmt: skip
            yield Result("fork server and launcher have no CUDA context", SKIPPED, "needs a card")
            return
        sees = {(info.get("num_devices"), str(info.get("uuid")).removeprefix("GPU-")) for info in infos}
        expected = {(1, card.uuid.removeprefix("GPU-"))}
        yield ok_if(sees == expected, "a worker sees exactly one card, the right one", str(sees))
        others = on_card - workers
        figure = f"on the card: {sorted(on_card)}, workers {sorted(workers)}, of {len(family)} processes of the launch"
        if not on_card:
            yield Result("fork server and launcher have no CUDA context", SKIPPED, "the driver names no process here")
        else:
            yield ok_if(not others and on_card == workers, "fork server and launcher have no CUDA context", figure)


def refused(card: Card) -> Iterator[Result]:
    """Bind a worker to the card and give it the UUID of another card: it must not train."""
    if not card.is_real:
        yield Result("a worker on another card than meant refuses", SKIPPED, "needs a card")
        return
    with new_sweep(card) as sweep:
        (sweep.folder / "imports_torch.py").write_text(
            "import torch\nfrom targets import see\n\n\ndef run(config: dict, run) -> None:\n    see(config, run)\n"
        )
        wrong = "GPU-00000000-0000-0000-0000-000000000000"
        code = _launch_with_wrong_uuid(sweep.folder, wrong, card)
        yield ok_if("but CUDA shows it" in code, "a worker on another card than meant refuses", code[:150])


def _launch_with_wrong_uuid(folder: Path, wrong: str, card: Card) -> str:
    """Start a worker with the UUID of another card than its own, and return the error in its records."""
    from worker_start import make_spec

    from launcher.executors.worker_starter import WorkerStarter
    from launcher.store.history import read_history
    from launcher.worker.spec import Card as SpecCard

    workers = WorkerStarter("forkserver", ["torch", "torch._dynamo"])
    spec = make_spec(
        folder, "a", target="imports_torch:run", device_type="cuda", cards=(SpecCard(wrong, "another card"),),
        environment={"CUDA_VISIBLE_DEVICES": card.uuid, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
    )  # fmt: skip
    worker = workers.start(spec)
    wait_for(lambda: read_history(spec.paths.records("a")).end)
    worker.collect()
    end = read_history(spec.paths.records("a")).end or {}
    return str(end.get("error", end or "no last word"))


PARTS = {"found": found, "seen": seen, "refused": refused}
