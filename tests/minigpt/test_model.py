"""The model: shapes, who sees whom, where dropout is, how many parameters."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from minigpt.config import SEQ_MAX, TrainConfig
from minigpt.model import Block, MiniGPT, num_parameters

Small = Callable[..., TrainConfig]
Draw = Callable[..., Tensor]


def _model(config: TrainConfig, *, causal: bool = True) -> MiniGPT:
    torch.manual_seed(0)
    return MiniGPT(config, causal=causal).eval()


def _first_block(model: MiniGPT) -> Block:
    block = model.blocks[0]
    assert isinstance(block, Block)
    return block


def test_logits_are_float32_for_every_position_and_id(small: Small, random_ids: Draw) -> None:
    model = _model(small())
    ids = random_ids(3, 20)
    assert model(ids).shape == (3, 20, 50)
    assert model(ids).dtype is torch.float32
    assert model.hidden(ids).shape == (3, 20, 16)
    torch.testing.assert_close(model.head(model.hidden(ids)), model(ids))


def test_a_later_token_never_changes_an_earlier_logit(small: Small, random_ids: Draw) -> None:
    model, ids = _model(small()), random_ids(1, 32)
    before = model(ids)
    for position in range(1, 32):
        changed = ids.clone()
        changed[0, position] = (changed[0, position] + 1) % 49
        after = model(changed)
        assert torch.equal(after[:, :position], before[:, :position])
        assert not torch.equal(after[:, position], before[:, position])


def test_without_the_causal_mask_the_first_position_sees_the_last(small: Small, random_ids: Draw) -> None:
    model, ids = _model(small(), causal=False), random_ids(1, 32)
    changed = ids.clone()
    changed[0, -1] = (changed[0, -1] + 1) % 49
    assert not torch.equal(model(changed)[0, 0], model(ids)[0, 0])


@pytest.mark.parametrize("causal", [True, False])
def test_no_position_sees_a_masked_one(small: Small, random_ids: Draw, causal: bool) -> None:
    model, ids = _model(small(), causal=causal), random_ids(2, 12)
    mask = torch.zeros(2, 12, dtype=torch.bool)
    mask[0, :3] = mask[1, 8:] = True  # padding at the start of one row, at the end of the other
    changed = torch.where(mask, (ids + 1) % 49, ids)
    assert torch.equal(model(changed, mask)[~mask], model(ids, mask)[~mask])
    assert not torch.equal(model(changed)[~mask], model(ids)[~mask])  # and unmasked it does see them


def test_a_row_of_nothing_but_padding_gives_numbers(small: Small, random_ids: Draw) -> None:
    logits = _model(small())(random_ids(1, 8), torch.ones(1, 8, dtype=torch.bool))
    assert logits.isfinite().all()


def test_attention_is_softmax_of_scaled_products(small: Small) -> None:
    attention = _first_block(_model(small())).attention
    x = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(1))
    q, k, v = attention.qkv(x).view(1, 5, 3, 2, 8).unbind(2)
    expected = nn.functional.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True
    )
    torch.testing.assert_close(attention(x), attention.out(expected.transpose(1, 2).reshape(1, 5, 16)))


def test_dropout_is_in_the_attention_probabilities_only(small: Small, random_ids: Draw) -> None:
    model = _model(small(dropout=0.5)).train()
    found = [name for name, module in model.named_modules() if isinstance(module, nn.Dropout)]
    assert found == ["blocks.0.attention.dropout", "blocks.1.attention.dropout"]
    block, ids = _first_block(model), random_ids(1, 32)
    x = model.token(ids) + model.position(ids)
    assert torch.equal(x, model.token(ids) + model.position(ids))
    assert torch.equal(block.ffn(x), block.ffn(x))
    assert not torch.equal(block.attention(x), block.attention(x))
    assert torch.equal(model.eval()(ids), model(ids))


def test_gelu_is_exact(small: Small) -> None:
    ffn = _first_block(_model(small())).ffn
    x = torch.linspace(-3, 3, 16)
    up = ffn.up(x)
    torch.testing.assert_close(ffn(x), ffn.down(up * (1 + torch.erf(up / math.sqrt(2))) / 2))


def test_the_embedding_has_no_padding_index_and_the_head_no_bias_and_no_tie(small: Small) -> None:
    model = _model(small())
    assert model.token.padding_idx is None
    assert model.head.bias is None
    assert model.head.weight is not model.token.weight


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"n_layers": 1},
        {"embed_dim": 64},
        {"ffn_mult": 1, "n_heads": 1},
        {"vocab_size": 60_000, "seq_len": 128},
    ],
)
def test_the_formula_counts_the_parameters(overrides: dict[str, int]) -> None:
    config = TrainConfig(**overrides)  # type: ignore[arg-type]
    with torch.device("meta"):
        model = MiniGPT(config)
    assert num_parameters(config) == sum(weight.numel() for weight in model.parameters())


def test_the_baseline_has_13_278_976_parameters() -> None:
    assert num_parameters(TrainConfig()) == 13_278_976
    assert num_parameters(TrainConfig()) - (SEQ_MAX - 64) * 128 == 13_270_784  # with a table of 64 positions


@pytest.mark.parametrize("shape", [(1, SEQ_MAX + 1), (4,)])
def test_ids_of_the_wrong_shape_are_refused(small: Small, random_ids: Draw, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ids must be"):
        _model(small())(random_ids(*shape))


def test_the_same_seed_gives_the_same_weights(small: Small) -> None:
    first, second = _model(small()).state_dict(), _model(small()).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
