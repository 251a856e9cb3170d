"""The configuration of one experiment: every number training depends on, and the rules between them.

Lives here: the constants of the report, `TrainConfig` with its checks, and which data file a configuration
reads. Does not live here: reading that file (`minigpt.corpus`), command lines (`minigpt.commandline`). Called
by everything in this package, and by a launcher when it makes its plan: so this module imports no torch, and
the dataclass keeps to annotations that a validator can resolve.
"""

import math
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from minigpt.errors import ConfigError, DataError

SEQ_LEN = 64  # tokens of an example; seq_len of an experiment may be another
SEQ_MIN = 32  # tokens; a shorter sequence, or a shorter last piece, is left out
SEQ_MAX = 128  # tokens; a longer sequence is split. Also the rows of the position table, whatever seq_len is
VOCAB_SIZE = 50_257  # GPT-2: 256 bytes, 50,000 merges, <|endoftext|>
PAD_TOKEN_ID = 50_256  # <|endoftext|> doubles as padding and is never a target

PRIMARY_FILE = "tokenized_data.pt"  # a list of sequences of differing length
FALLBACK_FILE = "sample_dataset.pt"  # a list of {"input_ids": (B, L)}, used when the primary is absent

_SMALLEST: dict[str, int] = {
    "vocab_size": 2,
    "seq_len": SEQ_MIN,
    "embed_dim": 1,
    "n_heads": 1,
    "n_layers": 1,
    "ffn_mult": 1,
    "pad_token_id": 0,
    "batch_size": 1,
    "accumulation": 1,
    "max_epochs": 1,
    "num_workers": 0,
    "max_steps": 1,
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "chunking": ("report", "pack"),
    "loss": ("fused", "plain"),
    "precision": ("fp32", "bf16", "tf32"),
}


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One experiment; the defaults are the report's baseline.

    Raises:
        ConfigError: listing every bad value at once.
    """

    # The model.
    vocab_size: int = VOCAB_SIZE
    seq_len: int = SEQ_LEN
    embed_dim: int = 128
    n_heads: int = 4
    n_layers: int = 2
    ffn_mult: int = 4
    dropout: float = 0.1  # in the attention probabilities only
    pad_token_id: int = PAD_TOKEN_ID

    # The optimizer, AdamW.
    lr: float = 5e-4
    weight_decay: float = 0.01  # AdamW's own default
    batch_size: int = 32  # examples computed at once
    accumulation: int = 1  # batches whose gradients make one step: half the batch and twice this is the same step
    max_epochs: int = 1
    max_steps: int | None = None  # stop after this many steps: for smoke tests
    loss: Literal["fused", "plain"] = "fused"  # plain: the same number, 2.5 times as slowly

    # How it is computed. fp32 without compile is the reference; the others trade bits for speed.
    precision: Literal["fp32", "bf16", "tf32"] = "fp32"  # of matrix products; the loss itself is always fp32
    compile: bool = False  # torch.compile the blocks: a slow first step, then fewer kernels
    cuda_graph: bool = False  # with compile, on a GPU: replay the kernels of a step as one

    # The data.
    data_dir: str = "data"
    chunking: Literal["report", "pack"] = "report"  # pack joins all sequences and loses one tail at most
    num_workers: int = 4  # loader processes, capped at the cores there are; 0 needs none

    def __post_init__(self) -> None:
        """Check every field, then the rules between fields."""
        problems = [*_bad_integers(self), *_bad_reals(self), *_bad_choices(self)]
        if not problems:  # a rule between fields means nothing while one of them is no number
            problems = _broken_rules(self)
        if problems:
            raise ConfigError("; ".join(problems))

    @property
    def step_size(self) -> int:
        """How many examples make one step."""
        return self.batch_size * self.accumulation

    def inputs(self) -> list[Path]:
        """Return the files whose content the result depends on: the one data file that will be read.

        Raises:
            DataError: neither the primary nor the fallback file exists, or something else stands in its place.
        """
        folder = Path(self.data_dir)
        for name in (PRIMARY_FILE, FALLBACK_FILE):
            path = folder / name
            if os.path.lexists(path):  # what is there is meant, and never passed over for another file
                _check_is_file(path)
                return [path]
        if os.path.lexists(folder) and not folder.is_dir():
            raise DataError(f"{folder} is {_kind(folder)}; a folder with {PRIMARY_FILE} belongs there: set data_dir")
        raise DataError(
            f"{folder / PRIMARY_FILE} does not exist, nor does {FALLBACK_FILE} beside it: "
            f"make the data with `make data` or `python -m minigpt.data --out {folder}`, or set data_dir"
        )

    def work(self) -> float:
        """Return how much there is to compute, in multiply-adds, so that a launcher can start the longest first.

        Three times (forward, and backward for inputs and for weights) the weights each token passes (Kaplan et al.
        2020, section 2.1); the number of tokens is reckoned from the size of the data file, 8 bytes a token.
        """
        tokens = self.max_epochs * sum(path.stat().st_size for path in self.inputs()) / 8
        if self.max_steps is not None:
            tokens = min(tokens, self.max_steps * self.step_size * self.seq_len)
        D = self.embed_dim
        weights = self.n_layers * (4 + 2 * self.ffn_mult) * D * D + self.vocab_size * D
        return 3.0 * tokens * weights


def _check_is_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} is {_kind(path)}; a data file belongs there: mend that, or set data_dir")


def _kind(path: Path) -> str:
    """Say what stands at `path`, which is there."""
    if path.is_symlink() and not path.exists():
        return f"a link to {os.readlink(path)}, which does not exist"
    if path.is_dir():
        return "a folder"
    return "a file" if path.is_file() else "a device, pipe or socket"


def _bad_integers(config: TrainConfig) -> list[str]:
    problems = []
    for name, smallest in _SMALLEST.items():
        value = getattr(config, name)
        if value is None and name == "max_steps":
            continue
        if type(value) is not int:  # bool is an int to Python, not to a user
            problems.append(f"{name} must be a whole number, not {value!r}")
        elif name == "seq_len" and not SEQ_MIN <= value <= SEQ_MAX:
            problems.append(f"seq_len must be from {SEQ_MIN} to {SEQ_MAX}, not {value}")
        elif value < smallest:
            problems.append(f"{name} must be at least {smallest}, not {value}")
    return problems


def _bad_reals(config: TrainConfig) -> list[str]:
    problems = []
    for name in ("lr", "weight_decay", "dropout"):
        value = getattr(config, name)
        if type(value) not in (int, float) or not math.isfinite(value):
            problems.append(f"{name} must be a finite number, not {value!r}")
        elif name == "lr" and value <= 0:
            problems.append(f"lr must be above 0, not {value}")
        elif name == "weight_decay" and value < 0:
            problems.append(f"weight_decay must not be negative, but is {value}")
        elif name == "dropout" and not 0 <= value < 1:
            problems.append(f"dropout must be at least 0 and below 1, not {value}")
    return problems


def _bad_choices(config: TrainConfig) -> list[str]:
    problems = []
    for name in ("compile", "cuda_graph"):
        if type(getattr(config, name)) is not bool:
            problems.append(f"{name} must be true or false, not {getattr(config, name)!r}")
    for name, choices in _CHOICES.items():
        value = getattr(config, name)
        if value not in choices:
            problems.append(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    if not isinstance(config.data_dir, str) or not config.data_dir:
        problems.append(f"data_dir must be the name of a folder, not {config.data_dir!r}")
    return problems


def _broken_rules(config: TrainConfig) -> list[str]:
    problems = []
    if config.embed_dim % config.n_heads != 0:
        problems.append(
            f"embed_dim % n_heads != 0: {config.embed_dim} does not divide into {config.n_heads} equal heads"
        )
    if config.pad_token_id >= config.vocab_size:
        problems.append(
            f"pad_token_id {config.pad_token_id} is outside the vocabulary: it must be below vocab_size "
            f"{config.vocab_size}"
        )
    if config.precision == "bf16" and config.loss == "plain":
        problems.append('precision bf16 is written for the fused loss: leave out loss = "plain", or precision')
    if config.cuda_graph and not config.compile:
        problems.append("cuda_graph is a mode of compile: set compile = true as well")
    if config.cuda_graph and config.accumulation > 1:
        problems.append("cuda_graph replays one batch a step: leave out accumulation, or cuda_graph")
    return problems


FIELDS: tuple[str, ...] = tuple(field.name for field in fields(TrainConfig))
