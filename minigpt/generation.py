"""Draws tokens from a trained model. Text and the command line are `minigpt.cli.sample`.

Shapes: T tokens so far, V = vocab_size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from minigpt.errors import SamplingError
from minigpt.model import MiniGPT


@torch.no_grad()
def generate(
    model: MiniGPT,
    ids: Sequence[int],
    num_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> list[int]:
    """Return `num_tokens` ids that continue `ids`, a prompt of at least one id. `model` is in eval mode.

    Each id is drawn from softmax(logits / temperature). With `top_k` it is drawn from the k likeliest ids only (Fan et
    al. 2018, "Hierarchical Neural Story Generation"). Temperature 0 takes the likeliest id. The model sees the last
    `seq_len` ids, the length that it was trained with. `generator` belongs to the CPU, where the draw is made, so a
    seed gives the same draws on every device.

    Raises:
        SamplingError: nothing can be drawn with this temperature, top-k or prompt.
    """
    _check(model, ids, num_tokens, temperature, top_k)
    device = model.head.weight.device
    text = list(ids)
    for _ in range(num_tokens):
        window = torch.tensor([text[-model.config.seq_len :]], device=device)  # (1, T)
        last = model.hidden(window)[0, -1]  # (D,): the head is applied to this position alone
        text.append(_draw(model.head(last).float().cpu(), temperature, top_k, generator))
    return text[len(ids) :]


def _draw(logits: Tensor, temperature: float, top_k: int | None, generator: torch.Generator | None) -> int:
    """Return an id drawn by the logits (V,)."""
    if temperature == 0:
        return int(logits.argmax())
    kept, candidates = logits.topk(min(top_k or logits.numel(), logits.numel()))  # likeliest first
    # In float64, and with the largest logit subtracted first: a temperature near 0 would overflow otherwise.
    probabilities = ((kept.double() - kept[0].double()) / temperature).softmax(dim=0)
    return int(candidates[torch.multinomial(probabilities, 1, generator=generator)])


def _check(model: MiniGPT, ids: Sequence[int], num_tokens: int, temperature: float, top_k: int | None) -> None:
    if not temperature >= 0:  # NaN too
        raise SamplingError(f"temperature must be 0 (the likeliest token each time) or above, not {temperature}")
    if top_k is not None and top_k < 1:
        raise SamplingError(f"top-k must be at least 1, not {top_k}")
    if num_tokens < 0:
        raise SamplingError(f"the number of tokens must not be negative, but is {num_tokens}")
    if not ids:
        raise SamplingError("there is no prompt: give one token at least")
    for token_id in ids:
        if not 0 <= token_id < model.config.vocab_size:
            raise SamplingError(
                f"the prompt has the id {token_id}, but the model knows 0 to {model.config.vocab_size - 1}"
            )
