"""What `-S key=value` means, as cases that the tests of both packages run: launcher and minigpt may not differ.

Neither package may import the other, so each reads such settings by code of its own. A case is what is typed behind -S,
with the fields that it changes in a configuration class that has those of `Fields`; or `REFUSED`, with a word that the
message has, because it says what to type instead.

Two differences stay, so no case has them. MiniGPT knows the types of its fields when it reads a setting and takes
`data_dir=7` for the text "7"; the launcher does not, and wants `data_dir='"7"'`. And MiniGPT takes `max_steps=null` for
None, as it did before there was `@none`; the launcher refuses it with a hint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Fields:
    """The fields that the cases speak of: names, types and defaults are those of `minigpt.config.TrainConfig`."""

    lr: float = 5e-4
    batch_size: int = 32
    max_steps: int | None = None
    compile: bool = False
    data_dir: str = "data"
    chunking: Literal["report", "pack"] = "report"


@dataclass(frozen=True)
class Refused:
    """Settings that are refused, by a message with this word."""

    hint: str = ""


REFUSED = Refused()
NO_NONE = Refused("@none")  # a word for None that is not this one

CASES: list[tuple[list[str], dict[str, Any] | Refused]] = [
    # Values are read as TOML.
    (["lr=1e-3"], {"lr": 1e-3}),
    (["lr=3"], {"lr": 3}),
    (["lr=1_000"], {"lr": 1000}),
    (["lr=0.5 # a comment"], {"lr": 0.5}),
    (["batch_size=0x10"], {"batch_size": 16}),
    (["batch_size=+16"], {"batch_size": 16}),
    (["batch_size=016"], REFUSED),
    (["batch_size='16'"], REFUSED),
    (["compile=true"], {"compile": True}),
    (["compile=True"], REFUSED),
    (["compile=yes"], REFUSED),
    (["lr=1,5"], REFUSED),
    (["lr=[1]"], REFUSED),
    (["lr=1\nbatch_size=2"], REFUSED),
    (["lr="], REFUSED),
    # Text needs no quotes; what is no TOML is text as it stands.
    (["chunking=pack"], {"chunking": "pack"}),
    (["chunking='pack'"], {"chunking": "pack"}),
    (["data_dir=a b"], {"data_dir": "a b"}),
    (['data_dir="a b"'], {"data_dir": "a b"}),
    (['data_dir="7"'], {"data_dir": "7"}),
    (["data_dir= x "], {"data_dir": " x "}),
    (["data_dir=a=b"], {"data_dir": "a=b"}),
    (["data_dir=~/a#b"], {"data_dir": "~/a#b"}),
    (["data_dir=C:\\new"], {"data_dir": "C:\\new"}),
    (["data_dir=1\nlr=2"], {"data_dir": "1\nlr=2"}),
    (["data_dir=@x"], {"data_dir": "@x"}),
    # None, and text that looks like it.
    (["max_steps=7", "max_steps=@none"], {"max_steps": None}),
    (["max_steps=7", "max_steps= @none "], {"max_steps": None}),
    (["max_steps=7", 'max_steps="@none"'], {"max_steps": None}),
    (["max_steps=none"], NO_NONE),
    (["max_steps=None"], NO_NONE),
    (["max_steps=nil"], NO_NONE),
    (["max_steps=@None"], NO_NONE),
    (["max_steps=@null"], NO_NONE),
    (["data_dir=@none"], REFUSED),
    (["data_dir=none"], {"data_dir": "none"}),
    (["data_dir=None"], NO_NONE),
    (["data_dir=null"], NO_NONE),
    (["data_dir=@None"], NO_NONE),
    (["data_dir=@text:None"], {"data_dir": "None"}),
    (["data_dir=@text:@none"], {"data_dir": "@none"}),
    (["data_dir=@text:7"], {"data_dir": "7"}),
    (['data_dir="@text:none"'], {"data_dir": "none"}),
    (["lr=@text:1"], REFUSED),
    # Keys.
    (["lr=1", "batch_size=2"], {"lr": 1, "batch_size": 2}),
    (["lr=1", "lr=2"], {"lr": 2}),
    ([" lr = 2"], {"lr": 2}),
    (['"lr"=2'], {"lr": 2}),
    (["lr"], Refused("lr")),
    (["=3"], REFUSED),
    (["l r=3"], REFUSED),
    (["lr.x=3"], REFUSED),
    (["learning_rate=3"], Refused("lr")),
]
