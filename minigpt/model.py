"""MiniGPT: a decoder-only transformer for next-token prediction.

The blocks are those of GPT-2 (Radford et al. 2019): LayerNorm before attention and feed-forward, residuals around both.

Shapes: B batch, T sequence, D = embed_dim, H = n_heads, K = D / H, F = D * ffn_mult, V = vocab_size.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.config import SEQ_MAX, TrainConfig


class PositionalEmbedding(nn.Embedding):
    """A learned vector for each position: a table (max_len, D)."""

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors (T, D) of positions 0 … T-1 for ids (B, T). Only T matters."""
        return self.weight[: ids.size(1)]


class SelfAttention(nn.Module):
    """Scaled dot-product attention with H heads (Vaswani et al. 2017, section 3.2).

    It is written out instead of calling `F.scaled_dot_product_attention`, which on a GPU chooses kernels whose
    gradients differ from run to run. Nothing is lost: with T <= 128, attention is 1 % of a step's time and the LM head
    94 %.
    """

    def __init__(self, config: TrainConfig, *, causal: bool) -> None:
        """Make the linear layer that gives Q, K and V, and the output projection."""
        super().__init__()
        self.n_heads = config.n_heads
        self.causal = causal
        self.qkv = nn.Linear(config.embed_dim, 3 * config.embed_dim)
        self.out = nn.Linear(config.embed_dim, config.embed_dim)
        self.dropout = nn.Dropout(config.dropout)  # of the probabilities: the only dropout in the model

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return `x` (B, T, D), its positions mixed. `padding_mask` (B, T) is True at keys that no query may see."""
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)  # each (B, H, T, K)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (B, H, T, T): query, key
        scores = scores.masked_fill(self._hidden_keys(T, padding_mask, x.device), -math.inf)
        mixed = self.dropout(scores.softmax(dim=-1)) @ v  # (B, H, T, K)
        mixed = mixed.transpose(1, 2).reshape(B, T, D)
        return self.out(mixed)  # type: ignore[no-any-return]

    def _hidden_keys(self, T: int, padding_mask: Tensor | None, device: torch.device) -> Tensor:
        """Return True where a query may not see a key. Every position may see itself, so no softmax is empty."""
        square = torch.ones(T, T, dtype=torch.bool, device=device)
        hidden = square.triu(diagonal=1) if self.causal else torch.zeros_like(square)  # (T, T)
        if padding_mask is None:
            return hidden
        others = ~torch.eye(T, dtype=torch.bool, device=device)
        return hidden | (padding_mask[:, None, None, :] & others)  # (B, 1, T, T)


class FeedForward(nn.Module):
    """Two linear layers with an exact GELU (Hendrycks & Gimpel 2016) between them, and no dropout."""

    def __init__(self, config: TrainConfig) -> None:
        """Make the two linear layers."""
        super().__init__()
        self.up = nn.Linear(config.embed_dim, config.embed_dim * config.ffn_mult)
        self.down = nn.Linear(config.embed_dim * config.ffn_mult, config.embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, T, D) for `x` (B, T, D). Each position is computed by itself."""
        return self.down(F.gelu(self.up(x)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Pre-norm: LayerNorm, attention, residual; LayerNorm, feed-forward, residual."""

    def __init__(self, config: TrainConfig, *, causal: bool) -> None:
        """Make the attention half and the feed-forward half."""
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.embed_dim)
        self.attention = SelfAttention(config, causal=causal)
        self.ffn_norm = nn.LayerNorm(config.embed_dim)
        self.ffn = FeedForward(config)

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return (B, T, D) for `x` (B, T, D)."""
        x = x + self.attention(self.attention_norm(x), padding_mask)
        return x + self.ffn(self.ffn_norm(x))  # type: ignore[no-any-return]


class MiniGPT(nn.Module):
    """The model of one configuration.

    The position table has SEQ_MAX = 128 rows, whatever `seq_len` is. So configurations that differ only in `seq_len`
    have weights of the same shapes. The baseline has 13,278,976 parameters (with a table of 64 rows it would have
    13,270,784).
    """

    def __init__(self, config: TrainConfig, *, causal: bool = True) -> None:
        """Make and initialise the modules. With `causal=False` every position sees every other."""
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.vocab_size, config.embed_dim)
        self.position = PositionalEmbedding(SEQ_MAX, config.embed_dim)
        self.blocks = nn.ModuleList(Block(config, causal=causal) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.embed_dim)
        self.head = nn.Linear(config.embed_dim, config.vocab_size, bias=False)  # its weight is not that of `token`
        self._initialise()

    def forward(self, ids: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return the logits (B, T, V), float32, of `ids` (B, T) int64. Training does without them: see `minigpt.loss`.

        `padding_mask` (B, T) is True where `ids` are padding, as in torch's own attention. A causal model needs no mask
        for padding at the end, because no earlier position sees it.

        Raises:
            ValueError: `ids` have another shape, or more than SEQ_MAX positions.
        """
        return self.head(self.hidden(ids, padding_mask))  # type: ignore[no-any-return]

    def hidden(self, ids: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return the hidden states (B, T, D) after the final LayerNorm. The LM head makes the logits from them."""
        if ids.dim() != 2 or ids.size(1) > SEQ_MAX:
            raise ValueError(f"ids must be (batch, at most {SEQ_MAX} positions), not {tuple(ids.shape)}")
        x = self.token(ids) + self.position(ids)  # (B, T, D) + (T, D)
        for block in self.blocks:
            x = block(x, padding_mask)
        return self.norm(x)  # type: ignore[no-any-return]

    def _initialise(self) -> None:
        """Draw the first weights much as GPT-2 does (Radford et al. 2019, section 2.3, and its published code).

        Weights are normal with standard deviation 0.02, biases zero, LayerNorms the identity. The two layers of a block
        that add to the residual stream have a deviation smaller by sqrt(2 * n_layers). Then the logits start near zero,
        and the first loss is near that of a uniform guess, ln(50257) = 10.82.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for name, weight in self.named_parameters():
            if name.endswith(("attention.out.weight", "ffn.down.weight")):
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * self.config.n_layers))


def num_parameters(config: TrainConfig) -> int:
    """Return how many parameters `MiniGPT(config)` has, from a formula, without making the model."""
    D, F = config.embed_dim, config.embed_dim * config.ffn_mult
    norm = 2 * D
    attention = (3 * D * D + 3 * D) + (D * D + D)
    ffn = (D * F + F) + (F * D + D)
    block = norm + attention + norm + ffn
    tables = config.vocab_size * D + SEQ_MAX * D
    head = config.vocab_size * D
    return tables + config.n_layers * block + norm + head
