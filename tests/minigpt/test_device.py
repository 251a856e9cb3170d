"""The device: what exists is accepted, what does not is refused with a message, and which CPUs have fast bfloat16."""

from __future__ import annotations

import builtins
import io
from typing import Any

import pytest
import torch

from minigpt.device import check_device, has_fast_bf16, make_deterministic, set_precision
from minigpt.errors import ConfigError


def test_a_cpu_is_always_there_and_a_gpu_where_torch_sees_one(monkeypatch: pytest.MonkeyPatch) -> None:
    check_device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="torch sees no GPU"):
        check_device("cuda")
    with pytest.raises(ConfigError, match='not "cuda:1": choose the GPU with CUDA_VISIBLE_DEVICES'):
        check_device("cuda:1")


def test_a_cpu_needs_no_other_algorithms() -> None:
    before = torch.are_deterministic_algorithms_enabled()
    make_deterministic("cpu")
    assert torch.are_deterministic_algorithms_enabled() == before


@pytest.mark.parametrize(
    ("flags", "is_fast"),
    [("fpu avx512f", False), ("fpu avx512_bf16", True), ("amx_bf16 amx_tile", True), (None, False)],
)
def test_fast_bfloat16_is_read_from_the_flags_of_the_cpu(
    flags: str | None, is_fast: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(path: str, *rest: Any) -> io.StringIO:
        if flags is None:
            raise FileNotFoundError(path)
        return io.StringIO(f"processor\t: 0\nflags\t\t: {flags}\n")

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", read)
        assert has_fast_bf16() == is_fast
        set_precision("bf16", "cpu")
    assert ("slower than fp32" in capsys.readouterr().out) != is_fast
