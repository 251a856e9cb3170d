"""`python -m minigpt.sample`: continues a prompt with a trained model."""

from pathlib import Path
from typing import Annotated

import torch
import typer

from minigpt.cli.application import application, user_errors
from minigpt.config import PAD_TOKEN_ID
from minigpt.data.tokenizer import decode, encode
from minigpt.device import check_device
from minigpt.generation import generate
from minigpt.weights import load_model

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
    with user_errors():
        check_device(device)
        model = load_model(checkpoint).to(device)
        ids = encode(prompt) or [PAD_TOKEN_ID]  # without a prompt: <|endoftext|>, which stands before every text
        drawn = generate(
            model,
            ids,
            tokens,
            temperature=temperature,
            top_k=top_k,
            generator=torch.Generator().manual_seed(seed),
        )
        typer.echo(prompt + decode(drawn))
