"""Text from a trained model: `python -m minigpt.sample outcome/mini_gpt_baseline.pt --prompt "The"`.

Lives here: `generate`, which draws ids and knows no text, and the command line, which does. Called by nobody
in training.

Shapes: T tokens so far, V = vocab_size.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from minigpt.checkpoint import load_model
from minigpt.commandline import application, user_errors
from minigpt.config import PAD_TOKEN_ID
from minigpt.device import check_device
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
    """Return `num_tokens` ids that continue `ids`, which hold one at least; `model` is in eval mode.

    Each id is drawn from softmax(logits / temperature), of the `top_k` likeliest only if given; temperature 0
    takes the likeliest. The model sees the last `seq_len` ids, the length it was trained at. `generator` is a
    CPU generator: the draw is made there, so that a seed means the same on every device.

    Raises:
        SamplingError: a temperature, top-k or prompt from which nothing can be drawn.
    """
    _check(model, ids, num_tokens, temperature, top_k)
    device = model.head.weight.device
    text = list(ids)
    for _ in range(num_tokens):
        window = torch.tensor([text[-model.config.seq_len :]], device=device)  # (1, T)
        last = model.hidden(window)[0, -1]  # (D,): the head is applied to one position, not to T
        text.append(_draw(model.head(last).float().cpu(), temperature, top_k, generator))
    return text[len(ids) :]


def _draw(logits: Tensor, temperature: float, top_k: int | None, generator: torch.Generator | None) -> int:
    """Return one id, given the logits (V,)."""
    if temperature == 0:
        return int(logits.argmax())
    kept, candidates = logits.topk(min(top_k or logits.numel(), logits.numel()))  # likeliest first
    # In double, less the largest: a temperature near 0 would overflow.
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


app = application()


@app.command()
def main(
    checkpoint: Annotated[Path, typer.Argument(help="The .pt of a trained model; its .json lies beside it.")],
    prompt: Annotated[str, typer.Option("--prompt", help="The text to continue.")] = "",
    tokens: Annotated[int, typer.Option("--tokens", help="How many tokens to add.")] = 50,
    temperature: Annotated[float, typer.Option("--temperature", help="0 takes the likeliest each time.")] = 1.0,
    top_k: Annotated[int | None, typer.Option("--top-k", help="Draw from so many likeliest tokens only.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same text.")] = 0,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
) -> None:
    """Continue a prompt with a trained model and print the whole."""
    from minigpt.tokenizer import decode, encode

    with user_errors():
        check_device(device)
        model = load_model(checkpoint).to(device)
        ids = encode(prompt) or [PAD_TOKEN_ID]  # <|endoftext|>, where texts begin
        drawn = generate(
            model,
            ids,
            tokens,
            temperature=temperature,
            top_k=top_k,
            generator=torch.Generator().manual_seed(seed),
        )
        typer.echo(prompt + decode(drawn))


if __name__ == "__main__":
    app()
