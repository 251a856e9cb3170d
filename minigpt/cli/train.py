"""`python -m minigpt.train`: trains one experiment without a launcher and prints its records.

Nothing is kept to resume from: that is a launcher's work. `minigpt.train`, which a worker imports, does not import this
module, so no worker waits for the import of a command-line library.
"""

import re
from pathlib import Path
from typing import Annotated

import torch
import typer

from minigpt.cli.application import application, user_errors
from minigpt.cli.settings import config_from
from minigpt.device import check_device
from minigpt.errors import ConfigError
from minigpt.training import experiment
from minigpt.training.run_protocol import PrintRun

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
        experiment.prepare(config)
        experiment.train(config, PrintRun(name=name, seed=seed, device=device, outcome=outcome))
        typer.echo(f"wrote {outcome / f'mini_gpt_{name}.pt'}")
