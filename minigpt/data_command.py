"""`python -m minigpt.data`: make tokenized_data.pt from text.

Apart from `minigpt.data` so that a worker, which starts in milliseconds, imports neither a command-line
library nor the tokenizer. Where the texts come from is `minigpt.texts`.
"""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from minigpt import texts
from minigpt.commandline import application, user_errors
from minigpt.config import FALLBACK_FILE, PRIMARY_FILE, TrainConfig
from minigpt.data import SeqDataset
from minigpt.errors import ConfigError, DataError
from minigpt.files import written_beside
from minigpt.tokenizer import encode


def write_primary(sources: Sequence[str], folder: Path, *, force: bool = False) -> str:
    """Tokenize `sources`, write them to `folder`/tokenized_data.pt, one sequence each, and say how many.

    A file that is there is kept, and so is what training reads at present: `force` writes all the same.

    Raises:
        DataError: there is no text, or writing would take a data file out of use.
    """
    sequences = [encode(text) for text in sources]
    lengths = [len(ids) for ids in sequences]
    if not sum(lengths):
        raise DataError("there is no text to make data from: name files with text after --text")
    # Views of one tensor: the file holds one storage, and loads in one read however many sequences there are.
    joined = torch.tensor([token for ids in sequences for token in ids], dtype=torch.int64)
    content = io.BytesIO()
    torch.save(list(torch.split(joined, lengths)), content)
    path = folder / PRIMARY_FILE
    size = f"{len(sequences):,} sequences, {len(joined):,} tokens"
    if _is_same(path, content.getbuffer()):
        return f"kept {path}, which holds the same already: {size}"
    if not force:
        _check_unused(path)
    with written_beside(path) as file:
        file.write(content.getbuffer())
    return "\n".join([f"wrote {path}: {size}", *_hidden(folder)])


def _is_same(path: Path, content: memoryview) -> bool:
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


def _check_unused(path: Path) -> None:
    if os.path.lexists(path):
        raise DataError(f"{path} is there and is kept: give another folder with --out, or --force to replace it")
    fallback = path.with_name(FALLBACK_FILE)
    if os.path.lexists(fallback):
        raise DataError(
            f"{fallback} is there, and training reads it for as long as there is no {path.name} beside it: "
            "give another folder with --out, or --force to train on the new file"
        )


def _hidden(folder: Path) -> list[str]:
    """Say which file is not read from now on."""
    fallback = folder / FALLBACK_FILE
    if not os.path.lexists(fallback):
        return []
    return [f"{fallback} is not read any more: to train on it again, delete {folder / PRIMARY_FILE}"]


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
