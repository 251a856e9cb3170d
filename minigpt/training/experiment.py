"""Trains one experiment, from the configuration to the weights on disk.

    loader ─▶ ids (B, T) ─▶ train_step ─▶ run.log(step, loss=…)    a record for each step
                                     └──▶ run.save(…)              when a checkpoint is due
    at the end ─▶ outcome/mini_gpt_<name>.pt and .json

The same configuration, seed, device type and number of threads give the same numbers bit for bit, in a resumed run too.
Only times differ: the metrics whose names end in `_s`.
"""

import math
import time
from functools import partial

import torch
from torch.optim import AdamW

from minigpt.config import TrainConfig
from minigpt.data.dataset import SeqDataset
from minigpt.data.loader import data_order, loader, num_loader_processes
from minigpt.device import check_device, make_deterministic, set_precision
from minigpt.errors import DataError
from minigpt.loss import num_targets, perplexity, rows_at_once
from minigpt.model import MiniGPT, num_parameters
from minigpt.training.deferred_loss import DeferredLoss, Metrics
from minigpt.training.run_protocol import Run
from minigpt.training.state import TrainState
from minigpt.training.step import train_step
from minigpt.weights import save_model

NO_TARGET = "no valid target"  # the record of a batch that is skipped has skipped=NO_TARGET


def prepare(config: TrainConfig) -> None:
    """See `minigpt.train.prepare`."""
    packed = SeqDataset(config).examples
    if packed.num_targets == 0:
        raise DataError(
            f"{packed.source} gives nothing to train on: its {len(packed.ids):,} example(s) hold only padding (the id "
            f"{config.pad_token_id}) after their first token: save text in it, or set pad_token_id"
        )


def train(config: TrainConfig, run: Run) -> None:
    """See `minigpt.train.run`."""
    make_deterministic(run.device)
    check_device(run.device)
    set_precision(config.precision, run.device)
    dataset = SeqDataset(config)
    state = _start(config, run)
    steps = num_steps(config, len(dataset))
    run.total(steps)
    facts = _data_facts(config, dataset)
    run.info(parameters=num_parameters(config), data_order=data_order(dataset, config, run.seed), **facts)
    if config.loss == "fused":
        print(f"loss: {rows_at_once(config, run.device)} rows of logits at a time", flush=True)
    losses = DeferredLoss(partial(_record, run, config.lr), delay=1 if run.device == "cuda" else 0)
    while state.step < steps:
        if not _train_epoch(config, run, state, dataset, steps, losses):
            return
        state.end_epoch(len(dataset))
    save_model(state.model, run.outcome / f"mini_gpt_{run.name}.pt")


def num_steps(config: TrainConfig, num_examples: int) -> int:
    """Return how many steps the whole training takes. The last step of an epoch may have fewer examples."""
    steps = config.max_epochs * math.ceil(num_examples / config.step_size)
    return steps if config.max_steps is None else min(steps, config.max_steps)


def _start(config: TrainConfig, run: Run) -> TrainState:
    """Return the state to train from: a new one, or the one that an earlier attempt saved.

    The model is made on the CPU, so that its first weights are the same for every device.
    """
    torch.manual_seed(run.seed)
    model = MiniGPT(config).to(run.device)
    state = TrainState(
        model=model,
        optimizer=AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True),
        epoch_start=torch.Generator().manual_seed(run.seed).get_state(),
    )
    saved = run.load()
    if saved is not None:
        state.load_state_dict(saved)
    model.train()
    if config.compile:
        mode = "reduce-overhead" if config.cuda_graph else "default"
        model.hidden = torch.compile(model.hidden, mode=mode)  # type: ignore[method-assign]
    return state


def _data_facts(config: TrainConfig, dataset: SeqDataset) -> dict[str, float | str]:
    """Return the facts to record about the data: the file, how much of it is used, and which keys are not read."""
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


def _record(run: Run, lr: float, step: int, loss: float | None, metrics: Metrics) -> None:
    if loss is None:
        run.log(step, skipped=NO_TARGET)
    else:
        run.log(step, loss=loss, perplexity=perplexity(loss), lr=lr, **metrics)


def _train_epoch(
    config: TrainConfig, run: Run, state: TrainState, dataset: SeqDataset, steps: int, losses: DeferredLoss
) -> bool:
    """Train on the rest of this epoch, or up to step `steps`. Return False if `run` asked to stop."""
    order = state.remaining_order(len(dataset))
    is_stopped = False
    before = time.perf_counter()
    for ids in loader(dataset, config, order, pin_memory=run.device == "cuda"):  # (B, T) int64
        tokens = num_targets(ids, config.pad_token_id)
        loss = train_step(config, state, ids, run.device) if tokens else None
        now = time.perf_counter()
        state.step += 1
        state.position += len(ids)
        state.tokens += tokens
        state.elapsed_s += now - before
        speed = tokens / (now - before)
        losses.put(state.step, loss, {"tokens": state.tokens, "tokens_per_s": speed, "elapsed_s": state.elapsed_s})
        before = now
        if run.should_save:
            losses.flush()
            run.save(state.state_dict(), state.step)
        is_stopped = run.should_stop
        if is_stopped or state.step == steps:
            break
    losses.flush()
    return not is_stopped
