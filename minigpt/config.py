"""The configuration of one experiment: every number that training depends on, and the rules between them.

`TrainConfig` checks itself, and knows which data file it reads. A launcher imports this module when it makes its plan.
So it imports no torch, and the annotations of the dataclass are types that a validator can resolve.
"""

import math
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from minigpt.errors import ConfigError, DataError

SEQ_LEN = 64  # tokens of an example in the baseline
SEQ_MIN = 32  # tokens: shorter sequences and shorter last pieces are left out
SEQ_MAX = 128  # tokens: longer sequences are split. The position table has as many rows, whatever seq_len is
VOCAB_SIZE = 50_257  # GPT-2: 256 bytes, 50,000 merges, <|endoftext|>
PAD_TOKEN_ID = 50_256  # <|endoftext|>, which is also the padding, and so never a target

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
    """The configuration of an experiment. The defaults are the report's baseline.

    Raises:
        ConfigError: a value is bad. The message names every bad value.
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

    # The optimizer: AdamW (Loshchilov & Hutter 2019).
    lr: float = 5e-4
    weight_decay: float = 0.01  # the default of torch's AdamW
    batch_size: int = 32  # examples computed at once
    accumulation: int = 1  # batches to a step: half the batch_size and twice the accumulation make the same step
    max_epochs: int = 1
    max_steps: int | None = None  # stop after so many steps: for smoke tests
    loss: Literal["fused", "plain"] = "fused"  # plain gives the same number in 2.5 times the time

    # How it is computed. The reference is fp32 without compile. The other choices are faster and give other bits.
    precision: Literal["fp32", "bf16", "tf32"] = "fp32"  # of matrix products; the loss is always fp32
    compile: bool = False  # torch.compile the blocks: the first step is slow, the others run fewer kernels
    cuda_graph: bool = False  # with compile, on a GPU: replay all kernels of a step as a graph

    # The data.
    data_dir: str = "data"
    chunking: Literal["report", "pack"] = "report"  # pack joins all sequences: see minigpt/data/chunking.py
    num_workers: int = 4  # loader processes, but at most one a core; 0: this process loads the data itself

    def __post_init__(self) -> None:
        """Check every field, then the rules between fields."""
        problems = [*_bad_integers(self), *_bad_reals(self), *_bad_choices(self)]
        if not problems:  # the rules between fields need fields that are numbers
            problems = _broken_rules(self)
        if problems:
            raise ConfigError("; ".join(problems))

    @property
    def step_size(self) -> int:
        """The number of examples in a step."""
        return self.batch_size * self.accumulation

    def inputs(self) -> list[Path]:
        """Return the files whose content the result depends on: the data file that will be read.

        Raises:
            DataError: neither the primary nor the fallback file exists, or something else stands in its place.
        """
        folder = Path(self.data_dir)
        for name in (PRIMARY_FILE, FALLBACK_FILE):
            path = folder / name
            if os.path.lexists(path):  # the user means it to be read, so it is an error if it is no file
                _check_is_file(path)
                return [path]
        if os.path.lexists(folder) and not folder.is_dir():
            raise DataError(f"{folder} is {_kind(folder)}; a folder with {PRIMARY_FILE} belongs there: set data_dir")
        raise DataError(
            f"{folder / PRIMARY_FILE} does not exist, nor does {FALLBACK_FILE} beside it: "
            f"make the data with `make data` or `python -m minigpt.data --out {folder}`, or set data_dir"
        )

    def work(self) -> float:
        """Return an estimate of the multiply-adds of the whole training. A launcher uses it to start the longest first.

        It is 3 * tokens * weights: each token passes each weight once forward and twice backward, for the gradients of
        inputs and of weights (Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1). The number
        of tokens is estimated from the size of the data file, which has 8 bytes for each.
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
    """Return words for the thing at `path`, which exists."""
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
        if type(value) is not int:  # isinstance would let True pass
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
