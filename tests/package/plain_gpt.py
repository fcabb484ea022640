"""A GPT in plain PyTorch that owes nothing to glassbox, with every famous mistake as a switch.

It is what `glassbox.check` meets outside of this book: one file, one fused projection for queries,
keys and values, masks and caches of its own, and the functions for the loss, the evaluation, the
generation and the padding that stand beside such a model. Each mistake is an `if` at its place.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MASKS = ["no_mask", "mask_off_by_one", "mask_swapped", "finite_mask"]
NORMS = ["unbiased_variance", "eps_outside"]
ANYWHERE = [*MASKS, *NORMS, "tied_head", "stuck_in_eval"]
ANYWHERE += ["no_positions", "positions_from_batch", "padding_attended", "dropout_in_evaluation"]
ANYWHERE += ["labels_not_shifted", "labels_shifted_twice", "softmax_twice"]
OWN = ["unscaled", "scaled_by_d_model", "shared_projection", "split_by_view", "merged_by_view"]
OWN += ["positions_missing_when_generating", "cache_ignores_offset", "cache_forgets_first"]
OWN += ["no_residual"]
EXPLICIT = ["mask_after_softmax", "softmax_over_queries"]
MISTAKES = {"explicit": ANYWHERE + OWN + EXPLICIT, "sdpa": ANYWHERE + OWN, "torch": ANYWHERE}
"""The mistakes that can be made in each kind of attention."""


class Norm(nn.Module):
    """A layer norm written out."""

    def __init__(self, width: int, mistake: str | None) -> None:
        super().__init__()
        self.mistake = mistake
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(-1, keepdim=True)
        if self.mistake == "unbiased_variance":
            divisor = (x.var(-1, keepdim=True) + 1e-5).sqrt()
        elif self.mistake == "eps_outside":
            divisor = x.var(-1, keepdim=True, correction=0).sqrt() + 1e-5
        else:
            divisor = (x.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
        return self.weight * centered / divisor + self.bias


def rotated(x: Tensor, positions: Tensor) -> Tensor:
    """Queries or keys (B, H, T, d), each pair of numbers turned by the angle of its position."""
    half = x.size(-1) // 2
    speeds = 10_000.0 ** (-torch.arange(half, device=x.device) / half)
    angles = positions[:, None, :, None] * speeds
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class Cache:
    """The keys and values (B, H, S, d) of the tokens so far, in every block."""

    def __init__(self, blocks: int, mistake: str | None) -> None:
        self.mistake = mistake
        self.stored: list[tuple[Tensor, Tensor] | None] = [None] * blocks
        self.length = 0

    def extend(self, block: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        before = self.stored[block]
        if before is not None:
            keys = torch.cat([before[0], keys], dim=2)
            values = torch.cat([before[1], values], dim=2)
        elif self.mistake == "cache_forgets_first":
            keys, values = keys.clone(), values.clone()
            keys[:, :, 0] = values[:, :, 0] = 0
        self.stored[block] = keys, values
        return keys, values


class Attention(nn.Module):
    """Causal self-attention with several heads."""

    def __init__(self, width: int, heads: int, model: "PlainGPT", index: int) -> None:
        super().__init__()
        self.heads, self.index = heads, index
        self.mistake, self.kind, self.rotary = model.mistake, model.attention, model.rotary
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)
        self.dropout = model.dropout.p

    def forward(self, x: Tensor, allowed: Tensor | None, positions: Tensor | None, cache) -> Tensor:
        batch, time, width = x.shape
        q, k, v = self.c_attn(x).split(width, dim=2)
        if self.mistake == "shared_projection":
            k = q
        shape = (batch, time, self.heads, width // self.heads)
        if self.mistake == "split_by_view":
            shape = (batch, self.heads, time, width // self.heads)
            q, k, v = (part.reshape(shape) for part in (q, k, v))
        else:
            q, k, v = (part.view(shape).transpose(1, 2) for part in (q, k, v))
        if self.rotary and positions is not None:
            q, k = rotated(q, positions), rotated(k, positions)
        if cache is not None:
            k, v = cache.extend(self.index, k, v)
        scale = 1 / math.sqrt(q.size(-1))
        if self.mistake == "unscaled":
            scale = 1.0
        if self.mistake == "scaled_by_d_model":
            scale = 1 / math.sqrt(width)
        attend = self.explicit if self.kind == "explicit" else self.fused
        y = attend(q, k, v, allowed, scale)
        if self.mistake == "merged_by_view":
            y = y.reshape(batch, time, width)
        else:
            y = y.transpose(1, 2).reshape(batch, time, width)
        return self.c_proj(y)

    def explicit(self, q: Tensor, k: Tensor, v: Tensor, allowed: Tensor, scale: float) -> Tensor:
        scores = (q @ k.transpose(-2, -1)) * scale
        if self.mistake == "mask_after_softmax":
            weights = scores.softmax(-1).masked_fill(~allowed, 0.0)
        elif self.mistake == "mask_swapped":
            # the last query has no key left: without nan_to_num everybody would notice
            weights = scores.masked_fill(allowed, -math.inf).softmax(-1).nan_to_num(0.0)
        elif self.mistake == "finite_mask":
            weights = scores.masked_fill(~allowed, -1e4).softmax(-1)
        elif self.mistake == "softmax_over_queries":
            weights = scores.masked_fill(~allowed, -math.inf).softmax(-2)
        else:
            weights = scores.masked_fill(~allowed, -math.inf).softmax(-1)
        if self.mistake == "dropout_in_evaluation":
            weights = F.dropout(weights, 0.1)
        else:
            weights = F.dropout(weights, self.dropout, training=self.training)
        return weights @ v

    def fused(self, q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None, scale) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        if self.mistake == "dropout_in_evaluation":
            dropout = 0.1
        options = {"dropout_p": dropout, "scale": scale}
        if allowed is None:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, **options)
        if self.mistake == "mask_swapped":
            allowed = ~allowed
        if self.mistake == "finite_mask":
            allowed = (~allowed).to(q.dtype) * -1e4
        return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, **options)


class Block(nn.Module):
    """Attention and a feed-forward layer, each behind its norm and beside its residual."""

    def __init__(self, width: int, heads: int, model: "PlainGPT", index: int) -> None:
        super().__init__()
        self.mistake = model.mistake
        self.ln_1, self.ln_2 = model.new_norm(width), model.new_norm(width)
        self.attn = Attention(width, heads, model, index)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(model.dropout.p)

    def forward(self, x: Tensor, allowed: Tensor | None, positions: Tensor | None, cache) -> Tensor:
        attended = self.dropout(self.attn(self.ln_1(x), allowed, positions, cache))
        x = attended if self.mistake == "no_residual" else x + attended
        return x + self.dropout(self.c_proj(F.gelu(self.c_fc(self.ln_2(x)))))


class TorchBlock(nn.TransformerEncoderLayer):
    """The layer PyTorch has, whose boolean masks are True where attention is NOT allowed."""

    def __init__(self, width: int, heads: int, model: "PlainGPT", index: int) -> None:
        super().__init__(width, heads, 4 * width, model.dropout.p, "gelu", 1e-5, True, True)
        self.heads, self.mistake = heads, model.mistake

    def forward(self, x: Tensor, allowed: Tensor | None, positions: Tensor | None, cache) -> Tensor:
        if allowed.dim() == 4:  # it wants one mask for each text and head
            allowed = allowed.expand(-1, self.heads, -1, -1).flatten(0, 1)
        blocked = allowed if self.mistake == "mask_swapped" else ~allowed
        if self.mistake == "finite_mask":
            blocked = blocked.to(x.dtype) * -1e4
        return super().forward(x, src_mask=None if self.mistake == "no_mask" else blocked)


class PlainGPT(nn.Module):
    """Token ids (B, T) to logits (B, T, V), correct or with one mistake."""

    def __init__(
        self,
        mistake: str | None = None,
        attention: str = "explicit",
        dropout: float = 0.0,
        tied: bool = False,
        positions: str = "learned",
        *,
        vocabulary: int = 23,
        context: int = 32,
        width: int = 32,
        heads: int = 4,
        blocks: int = 2,
    ) -> None:
        super().__init__()
        if mistake is not None and mistake not in MISTAKES[attention]:
            raise ValueError(f"{mistake} cannot be made in {attention!r}")
        if attention == "torch" and positions == "rotary":
            raise ValueError("PyTorch's layer has no place for rotary positions")
        self.mistake, self.attention, self.rotary = mistake, attention, positions == "rotary"
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = None if self.rotary else nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        kind = TorchBlock if attention == "torch" else Block
        self.blocks = nn.ModuleList(kind(width, heads, self, index) for index in range(blocks))
        self.ln_f = self.new_norm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.apply(self.initialize)
        if mistake == "tied_head":
            nn.init.normal_(self.wte.weight)  # what nn.Embedding does when it is left alone
        if tied or mistake == "tied_head":
            self.head.weight = self.wte.weight

    def new_norm(self, width: int) -> nn.Module:
        written_out = self.attention == "explicit" or self.mistake in NORMS
        return Norm(width, self.mistake) if written_out else nn.LayerNorm(width)

    @staticmethod
    def initialize(module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def mask(self, time: int, start: int, real: Tensor | None) -> Tensor | None:
        """True where a query (T) may look at a key (S); None says that is_causal is enough."""
        device = self.wte.weight.device
        if self.attention == "sdpa" and start == 0 and real is None and self.mistake not in MASKS:
            return None
        allowed = torch.ones(time, start + time, dtype=torch.bool, device=device)
        if self.mistake == "mask_off_by_one":
            allowed = allowed.tril(start + 1)
        elif self.mistake != "no_mask":
            allowed = allowed.tril(start)
        if real is not None and self.mistake != "padding_attended":
            itself = torch.eye(time, dtype=torch.bool, device=device)  # or padding has no key
            allowed = allowed & (real[:, None, None, :] | itself)
        return allowed

    def places(self, idx: Tensor, start: int, given: Tensor | None) -> Tensor | None:
        """The positions (B, T) of the tokens, where they have one."""
        batch, time = idx.shape
        if self.mistake == "no_positions":
            return None
        if self.mistake == "positions_missing_when_generating" and start > 0:
            return None
        if self.mistake == "positions_from_batch":
            return torch.arange(batch, device=idx.device)[:, None].expand(batch, time)
        if given is not None:
            return given
        first = 0 if self.mistake == "cache_ignores_offset" else start
        return torch.arange(first, first + time, device=idx.device).expand(batch, time)

    def forward(self, idx: Tensor, real=None, positions=None, cache=None) -> Tensor:
        start = 0 if cache is None else cache.length
        allowed = self.mask(idx.size(1), start, real)
        positions = self.places(idx, start, positions)
        x = self.wte(idx)
        if self.wpe is not None and positions is not None:
            x = x + self.wpe(positions)
        if self.mistake == "dropout_in_evaluation" and self.attention == "torch":
            x = F.dropout(x, 0.1)
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, allowed, positions, cache)
        if cache is not None:
            cache.length += idx.size(1)
        return self.head(self.ln_f(x))


def loss(model: PlainGPT, tokens: Tensor) -> Tensor:
    """Mean cross-entropy of the next token of texts (B, T)."""
    idx, targets = tokens[:, :-1], tokens[:, 1:]
    if model.mistake == "labels_not_shifted":
        idx = targets = tokens
    logits = model(idx)
    if model.mistake == "labels_shifted_twice":
        logits, targets = logits[:, :-1], targets[:, 1:]
    if model.mistake == "softmax_twice":
        logits = logits.softmax(-1)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def evaluate(model: PlainGPT, batches) -> float:
    """Mean loss of batches, pairs of inputs and targets, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        pairs = [(model(idx).flatten(0, 1), targets.flatten()) for idx, targets in batches]
        losses = [F.cross_entropy(logits, targets).item() for logits, targets in pairs]
    if model.mistake != "stuck_in_eval":
        model.train()
    return sum(losses) / len(losses)


@torch.no_grad()
def cached_logits(model: PlainGPT, tokens: Tensor, prompt: int) -> Tensor:
    """Logits (B, T, V) as generation computes them: the prompt at once, then token by token."""
    cache = Cache(len(model.blocks), model.mistake)
    logits = [model(tokens[:, :prompt], cache=cache)]
    logits += [model(tokens[:, [t]], cache=cache) for t in range(prompt, tokens.size(1))]
    return torch.cat(logits, dim=1)


@torch.no_grad()
def padded_logits(model: PlainGPT, tokens: Tensor, real: Tensor) -> Tensor:
    """Logits (B, T, V) of texts padded on the left; real (B, T) is True where no padding is."""
    positions = (real.long().cumsum(1) - 1).clamp(min=0)
    return model(tokens, real=real, positions=positions)
