"""MiniGPT, a decoder-only transformer for next-token prediction.

Lives here: the modules, their initialisation, and the number of their parameters as a formula. The loss is
`minigpt.loss`, text from the model `minigpt.sample`. Called by both and by `minigpt.train`.

Shapes: B batch, T sequence, D = embed_dim, H = n_heads, K = D / H, F = D * ffn_mult, V = vocab_size.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minigpt.config import SEQ_MAX, TrainConfig


class PositionalEmbedding(nn.Embedding):
    """One learned vector a position; a table of (max_len, D)."""

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors of positions 0 … T-1, whatever the ids (B, T) are, as (T, D)."""
        return self.weight[: ids.size(1)]


class SelfAttention(nn.Module):
    """Scaled dot-product attention of H heads, causal unless told otherwise.

    Written out, not `F.scaled_dot_product_attention`: on a GPU that one chooses a kernel whose gradients
    differ from run to run, and at T <= 128 attention is 1 % of a step whose LM head is 94 %.
    """

    def __init__(self, config: TrainConfig, *, causal: bool) -> None:
        """Make one linear layer for Q, K and V, and the output projection."""
        super().__init__()
        self.n_heads = config.n_heads
        self.causal = causal
        self.qkv = nn.Linear(config.embed_dim, 3 * config.embed_dim)
        self.out = nn.Linear(config.embed_dim, config.embed_dim)
        self.dropout = nn.Dropout(config.dropout)  # on the probabilities; the only dropout there is

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Mix the positions of `x` (B, T, D); `padding_mask` (B, T) is True where no query may look."""
        B, T, D = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)  # each (B, H, T, K)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (B, H, T, T): query, key
        scores = scores.masked_fill(self._hidden_keys(T, padding_mask, x.device), -math.inf)
        mixed = self.dropout(scores.softmax(dim=-1)) @ v  # (B, H, T, K)
        mixed = mixed.transpose(1, 2).reshape(B, T, D)
        return self.out(mixed)  # type: ignore[no-any-return]

    def _hidden_keys(self, T: int, padding_mask: Tensor | None, device: torch.device) -> Tensor:
        """Return True where a query may not see a key; itself it always sees, so no softmax is empty."""
        square = torch.ones(T, T, dtype=torch.bool, device=device)
        hidden = square.triu(diagonal=1) if self.causal else torch.zeros_like(square)  # (T, T)
        if padding_mask is None:
            return hidden
        others = ~torch.eye(T, dtype=torch.bool, device=device)
        return hidden | (padding_mask[:, None, None, :] & others)  # (B, 1, T, T)


class FeedForward(nn.Module):
    """Two linear layers around an exact GELU, each position by itself; no dropout."""

    def __init__(self, config: TrainConfig) -> None:
        """Make the two layers."""
        super().__init__()
        self.up = nn.Linear(config.embed_dim, config.embed_dim * config.ffn_mult)
        self.down = nn.Linear(config.embed_dim * config.ffn_mult, config.embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, T, D) for (B, T, D)."""
        return self.down(F.gelu(self.up(x)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Pre-norm: LayerNorm, attention, residual; LayerNorm, feed-forward, residual."""

    def __init__(self, config: TrainConfig, *, causal: bool) -> None:
        """Make the two halves."""
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.embed_dim)
        self.attention = SelfAttention(config, causal=causal)
        self.ffn_norm = nn.LayerNorm(config.embed_dim)
        self.ffn = FeedForward(config)

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return (B, T, D) for (B, T, D)."""
        x = x + self.attention(self.attention_norm(x), padding_mask)
        return x + self.ffn(self.ffn_norm(x))  # type: ignore[no-any-return]


class MiniGPT(nn.Module):
    """The model of one configuration.

    Its position table has SEQ_MAX = 128 rows, whatever `seq_len` it is trained at. So the weights of every
    configuration that differs in seq_len alone have one shape, and the baseline has 13,278,976 parameters
    (with a table of 64 rows it would have 13,270,784).
    """

    def __init__(self, config: TrainConfig, *, causal: bool = True) -> None:
        """Make and initialise the modules; `causal=False` lets every position see every other."""
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.vocab_size, config.embed_dim)
        self.position = PositionalEmbedding(SEQ_MAX, config.embed_dim)
        self.blocks = nn.ModuleList(Block(config, causal=causal) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.embed_dim)
        self.head = nn.Linear(config.embed_dim, config.vocab_size, bias=False)  # not tied to `token`
        self._initialise()

    def forward(self, ids: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return the logits (B, T, V), in float32, of `ids` (B, T) int64. `minigpt.loss` trains without them.

        `padding_mask` (B, T) is True where `ids` are padding, as in torch's own attention. Padding at the end
        needs no mask in a causal model: nothing before it can see it.

        Raises:
            ValueError: more than SEQ_MAX positions, or ids that are not (B, T).
        """
        return self.head(self.hidden(ids, padding_mask))  # type: ignore[no-any-return]

    def hidden(self, ids: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return what the LM head is applied to, (B, T, D), after the final LayerNorm."""
        if ids.dim() != 2 or ids.size(1) > SEQ_MAX:
            raise ValueError(f"ids must be (batch, at most {SEQ_MAX} positions), not {tuple(ids.shape)}")
        x = self.token(ids) + self.position(ids)  # (B, T, D) + (T, D)
        for block in self.blocks:
            x = block(x, padding_mask)
        return self.norm(x)  # type: ignore[no-any-return]

    def _initialise(self) -> None:
        """Start much as GPT-2 does (Radford et al. 2019, section 2.3).

        Weights are normal with deviation 0.02, biases zero, LayerNorms the identity; the two layers of a
        block that write into the residual stream are scaled by 1 / sqrt(2 * n_layers). The logits then start
        near zero, and the first loss near that of a uniform guess, ln(50257) = 10.82.
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
    """Return how many parameters `MiniGPT(config)` has, without making it."""
    D, F = config.embed_dim, config.embed_dim * config.ffn_mult
    norm = 2 * D
    attention = (3 * D * D + 3 * D) + (D * D + D)
    ffn = (D * F + F) + (F * D + D)
    block = norm + attention + norm + ffn
    tables = config.vocab_size * D + SEQ_MAX * D
    head = config.vocab_size * D
    return tables + config.n_layers * block + norm + head
