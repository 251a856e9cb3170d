"""`python -m minigpt.train`: one experiment without a launcher, its records printed.

Apart from `minigpt.train` so that a worker, which starts in milliseconds, need not import a command-line
library. Nothing is kept for a resume here: a launcher does that.
"""

import re
from pathlib import Path
from typing import Annotated

import torch
import typer

from minigpt import train
from minigpt.commandline import application, config_from, user_errors
from minigpt.contract import PrintRun
from minigpt.device import check_device
from minigpt.errors import ConfigError

app = application()


@app.command()
def main(
    name: Annotated[str, typer.Option("--name", help="Names the files: mini_gpt_<name>.pt.")] = "baseline",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Where every generator starts.")] = 0,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda; the GPU if there is one.")] = "auto",
    outcome: Annotated[Path, typer.Option("--outcome", help="The folder for the trained model.")] = Path("outcome"),
    settings: Annotated[
        list[str] | None,
        typer.Option("-S", "--set", metavar="KEY=VALUE", help="Set a field of the configuration; may be repeated."),
    ] = None,
) -> None:
    """Train one experiment, by default the baseline, and print one line a step."""
    with user_errors():
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}", name):
            raise ConfigError(f'--name "{name}" cannot be a part of a file name: use letters, digits and . _ = + -')
        config = config_from(settings or [])
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        check_device(device)
        train.prepare(config)
        train.run(config, PrintRun(name=name, seed=seed, device=device, outcome=outcome))
        typer.echo(f"wrote {outcome / f'mini_gpt_{name}.pt'}")
