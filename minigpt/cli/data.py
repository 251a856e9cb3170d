"""`python -m minigpt.data`: makes tokenized_data.pt from text and tells how many examples it gives."""

from pathlib import Path
from typing import Annotated

import typer

from minigpt.cli.application import application, user_errors
from minigpt.config import TrainConfig
from minigpt.data import texts
from minigpt.data.dataset import SeqDataset
from minigpt.data.primary_file import write_primary
from minigpt.errors import ConfigError

app = application()


@app.command()
def main(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="UTF-8 texts, one sequence a file.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Make the data from the FILEs named after it.")] = False,
    stdlib: Annotated[
        bool, typer.Option("--stdlib", help="Add the standard library's docstrings to the default text.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="The folder to write to: the data_dir of the training.")] = Path(
        "data"
    ),
    force: Annotated[
        bool,
        typer.Option("--force", help="Write even where that replaces tokenized_data.pt or hides sample_dataset.pt."),
    ] = False,
) -> None:
    """Write tokenized_data.pt, by default from Python's own reference documentation (about 139,000 tokens).

    Your own text: python -m minigpt.data --text a.txt b.txt
    """
    with user_errors():
        if text and not files:
            raise ConfigError("--text names no file: type `python -m minigpt.data --text FILE...`")
        if files and stdlib:
            raise ConfigError("--stdlib adds to the default text, not to --text: give one of the two")
        sources = texts.files(files) if files else texts.topics()
        if stdlib:
            sources += texts.stdlib_docstrings()
        typer.echo(write_primary(sources, out, force=force))
        config = TrainConfig(data_dir=str(out))
        examples = SeqDataset(config).examples
        typer.echo(
            f"{len(examples.ids):,} examples of {config.seq_len}: "
            f"{examples.tokens_used:,} of {examples.tokens_available:,} tokens used"
        )
