"""Training one experiment: `run(config, run)`, what a launcher calls, and `python -m minigpt.train`.

    loader ─▶ ids (B, T) ─▶ loss ─▶ backward ─▶ AdamW ─▶ run.log(step, …)   one record a step
                                                     └▶ run.save(…)          when one is due
    at the end ─▶ outcome/mini_gpt_<name>.pt and .json

Lives here: the loop and what it records. What a resume needs is `minigpt.resume`, how the caller looks
`minigpt.contract`. Same configuration, seed, device type and number of threads give the same numbers bit for
bit, resumed or not, except the times, whose names end in `_s`.
"""

import math
import time
from functools import partial

import torch
from torch import Tensor
from torch.optim import AdamW

from minigpt.checkpoint import save_model
from minigpt.config import TrainConfig
from minigpt.contract import Run
from minigpt.data import SeqDataset, loader, num_loader_processes
from minigpt.device import check_device, make_deterministic, set_precision
from minigpt.errors import DataError
from minigpt.loss import loss, num_targets, plain_loss, rows_at_once
from minigpt.model import MiniGPT, num_parameters
from minigpt.readback import Metrics, Readback
from minigpt.resume import Training

NO_TARGET = "no valid target"  # what the record of a skipped batch says


def prepare(config: TrainConfig) -> None:
    """Check the data completely and make the packed copy, once, before any worker starts.

    Raises:
        DataError: the data are missing or bad, or nothing but padding.
    """
    packed = SeqDataset(config).examples
    if packed.num_targets == 0:
        raise DataError(
            f"{packed.source} gives nothing to train on: its {len(packed.ids):,} example(s) hold only padding (the id "
            f"{config.pad_token_id}) after their first token: save text in it, or set pad_token_id"
        )


def run(config: TrainConfig, run: Run) -> None:
    """Train `config` to its end, or until `run.should_stop`; go on from `run.load()` where that has a state.

    Raises:
        DataError: the data are missing or bad.
        ConfigError: `run.device` does not exist.
    """
    make_deterministic(run.device)
    check_device(run.device)
    set_precision(config.precision, run.device)
    dataset = SeqDataset(config)
    training = _begin(config, run)
    steps = num_steps(config, len(dataset))
    run.total(steps)
    run.info(parameters=num_parameters(config), **_data_facts(config, dataset))
    if config.loss == "fused":
        print(f"loss: {rows_at_once(config, run.device)} rows of logits at a time", flush=True)
    readback = Readback(partial(_record, run, config.lr), delay=1 if run.device == "cuda" else 0)
    while training.step < steps:
        if not _train_epoch(config, run, training, dataset, steps, readback):
            return
        training.end_epoch(len(dataset))
    save_model(training.model, run.outcome / f"mini_gpt_{run.name}.pt")


def _data_facts(config: TrainConfig, dataset: SeqDataset) -> dict[str, float | str]:
    """Return what is recorded about the data: from which file, how much of it, and what of the file is not used."""
    packed = dataset.examples
    facts: dict[str, float | str] = {
        "examples": len(dataset),
        "tokens_used": packed.tokens_used,
        "tokens_available": packed.tokens_available,
        "targets": packed.num_targets,
        "sequences": packed.num_sequences,
        "data_file": str(packed.source),
        "data_sha256": packed.source_sha256[:16],
        "loader_processes": num_loader_processes(config),
    }
    if packed.unread_keys:
        facts["data_keys_not_used"] = ", ".join(packed.unread_keys)
    return facts


def num_steps(config: TrainConfig, num_examples: int) -> int:
    """Return how many steps the whole training takes; the last step of an epoch may be short."""
    steps = config.max_epochs * math.ceil(num_examples / config.step_size)
    return steps if config.max_steps is None else min(steps, config.max_steps)


def perplexity(value: float) -> float:
    """Return exp(loss); infinity where that is too large for a float."""
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _begin(config: TrainConfig, run: Run) -> Training:
    """Make the model, on the CPU so that every device starts alike, and put back what was saved."""
    torch.manual_seed(run.seed)
    model = MiniGPT(config).to(run.device)
    training = Training(
        model=model,
        optimizer=AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True),
        epoch_start=torch.Generator().manual_seed(run.seed).get_state(),
    )
    saved = run.load()
    if saved is not None:
        training.restore(saved)
    model.train()
    if config.compile:
        mode = "reduce-overhead" if config.cuda_graph else "default"
        model.hidden = torch.compile(model.hidden, mode=mode)  # type: ignore[method-assign]
    return training


def _record(run: Run, lr: float, step: int, value: float | None, metrics: Metrics) -> None:
    if value is None:
        run.log(step, skipped=NO_TARGET)
    else:
        run.log(step, loss=value, perplexity=perplexity(value), lr=lr, **metrics)


def _train_epoch(
    config: TrainConfig, run: Run, training: Training, dataset: SeqDataset, steps: int, readback: Readback
) -> bool:
    """Train on what is left of this epoch, or up to step `steps`; return False when asked to stop."""
    order = training.remaining_order(len(dataset))
    is_stopped = False
    before = time.perf_counter()
    for ids in loader(dataset, config, order, pin_memory=run.device == "cuda"):  # (B, T) int64
        tokens = num_targets(ids, config.pad_token_id)
        value = _train_step(config, training, ids, run.device) if tokens else None
        now = time.perf_counter()
        training.step += 1
        training.position += len(ids)
        training.tokens += tokens
        training.elapsed_s += now - before
        speed = tokens / (now - before)
        readback.put(
            training.step,
            value,
            {"tokens": training.tokens, "tokens_per_s": speed, "elapsed_s": training.elapsed_s},
        )
        before = now
        if run.should_save:
            readback.flush()
            run.save(training.state(), training.step)
        is_stopped = run.should_stop
        if is_stopped or training.step == steps:
            break
    readback.flush()
    return not is_stopped


def _train_step(config: TrainConfig, training: Training, ids: Tensor, device: str) -> Tensor:
    """Take one step on `ids` (B, T), on the host, and return the loss before it, where it was computed.

    With accumulation the gradients of `batch_size` examples at a time add up to that of all: the mean over all targets
    is the mean of the parts, each weighted by its share of the targets. Equal to rounding, but for dropout, whose masks
    are drawn part by part.
    """
    objective = loss if config.loss == "fused" else plain_loss
    if config.accumulation == 1:
        value = objective(training.model, ids.to(device, non_blocking=True))
        training.optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        training.optimizer.step()
        return value.detach()
    training.optimizer.zero_grad()
    pad, num_all = config.pad_token_id, num_targets(ids, config.pad_token_id)
    total = torch.zeros((), device=device, dtype=training.model.head.weight.dtype)
    for part in ids.split(config.batch_size):  # type: ignore[no-untyped-call]
        if num := num_targets(part, pad):  # counted on the host: a GPU would have to wait
            share = objective(training.model, part.to(device, non_blocking=True)) * (num / num_all)
            share.backward()  # type: ignore[no-untyped-call]
            total += share.detach()
    training.optimizer.step()
    return total


if __name__ == "__main__":
    from minigpt.train_command import app

    app()
