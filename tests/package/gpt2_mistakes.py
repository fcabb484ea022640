"""Hugging Face's GPT-2 with random parameters, and famous mistakes planted into an instance of it.

Mistakes of attention are attention functions registered with transformers, others change the class
of a part of the one model, and the rest are in the functions that stand beside it.
"""

import math
import os
from functools import partial

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, GPT2Config, GPT2LMHeadModel
from transformers.masking_utils import eager_mask
from transformers.models.gpt2.modeling_gpt2 import GPT2Block
from transformers.pytorch_utils import Conv1D

ATTENTION = ["no_mask", "mask_off_by_one", "mask_swapped", "finite_mask", "mask_after_softmax"]
ATTENTION += ["softmax_over_queries", "unscaled", "scaled_by_d_model"]
ATTENTION += ["split_by_view", "merged_by_view", "dropout_in_evaluation"]
PARTS = ["no_positions", "positions_from_batch", "no_residual", "unbiased_variance", "eps_outside"]
PARTS += ["shared_projection", "tied_head"]
BESIDE = ["positions_missing_when_generating", "cache_ignores_offset", "cache_forgets_first"]
BESIDE += ["labels_not_shifted", "labels_shifted_twice", "softmax_twice", "padding_attended"]
BESIDE += ["stuck_in_eval"]
MISTAKES = [*ATTENTION, *PARTS, *BESIDE]


def wrong_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    dropout: float = 0.0,
    scaling: float | None = None,
    mistake: str | None = None,
    **_,
) -> tuple[Tensor, Tensor]:
    """An attention function for transformers; query, key and value are (B, H, T, d)."""
    batch, heads, time, width = query.shape
    if mistake == "split_by_view":
        query, key, value = (scrambled(part) for part in (query, key, value))
    if mistake == "unscaled":
        scaling = 1.0
    if mistake == "scaled_by_d_model":
        scaling = (heads * width) ** -0.5
    scores = query @ key.transpose(-2, -1) * scaling
    allowed = attention_mask == 0  # theirs is added: 0 where allowed, the lowest number elsewhere
    if mistake == "no_mask":
        allowed = torch.ones_like(allowed)
    if mistake == "mask_off_by_one":
        allowed = torch.ones_like(allowed).tril(key.size(2) - time + 1)
    blocked = allowed if mistake == "mask_swapped" else ~allowed
    lowest = -1e4 if mistake == "finite_mask" else -math.inf
    if mistake == "mask_after_softmax":
        weights = scores.softmax(-1) * allowed
    elif mistake == "softmax_over_queries":
        weights = scores.masked_fill(blocked, lowest).softmax(-2)
    else:
        weights = scores.masked_fill(blocked, lowest).softmax(-1).nan_to_num(0.0)
    live = module.training or mistake == "dropout_in_evaluation"
    weights = F.dropout(weights, 0.1 if mistake == "dropout_in_evaluation" else dropout, live)
    out = weights @ value
    if mistake == "merged_by_view":
        return out.reshape(batch, time, heads, width), weights
    return out.transpose(1, 2), weights


def scrambled(part: Tensor) -> Tensor:
    """Heads as a view of (B, T, D) makes them when the transpose is forgotten."""
    return part.transpose(1, 2).reshape(part.shape)


class UnbiasedNorm(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True)
        return self.weight * (x - mean) / torch.sqrt(variance + self.eps) + self.bias


class NormWithEpsOutside(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        mean, deviation = x.mean(-1, keepdim=True), x.std(-1, keepdim=True, correction=0)
        return self.weight * (x - mean) / (deviation + self.eps) + self.bias


class BlockWithoutResidual(GPT2Block):
    def forward(self, hidden_states: Tensor, past_key_values=None, attention_mask=None, *_, **__):
        options = {"past_key_values": past_key_values, "attention_mask": attention_mask}
        x, _ = self.attn(self.ln_1(hidden_states), **options)
        return x + self.mlp(self.ln_2(x))


class SharedProjection(Conv1D):
    def forward(self, x: Tensor) -> Tensor:
        query, _, value = super().forward(x).chunk(3, dim=-1)
        return torch.cat([query, query, value], dim=-1)


class NoPositions(nn.Embedding):
    def forward(self, position_ids: Tensor) -> Tensor:
        return torch.zeros(*position_ids.shape, self.embedding_dim, dtype=self.weight.dtype)


class EmbeddingWithBatch(nn.Module):
    """Token embeddings and a table: row b of the batch gets vector b of the table."""

    def __init__(self, tokens: nn.Embedding, table: nn.Embedding) -> None:
        super().__init__()
        self.tokens, self.table = tokens, table

    def forward(self, idx: Tensor) -> Tensor:
        return self.tokens(idx) + self.table.weight[: idx.size(0), None]


def gpt2_with(mistake: str | None, attention: str = "eager", dropout: float = 0.0):
    """A small GPT-2, correct or with one of MISTAKES, for `glassbox.check`."""
    sizes = {"vocab_size": 23, "n_positions": 32, "n_embd": 32, "n_head": 4, "n_layer": 2}
    rates = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), dropout)
    special = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    config = GPT2Config(**sizes, **rates, **special, attn_implementation=attention)
    model = GPT2LMHeadModel(config)
    model.mistake = mistake
    if mistake in ATTENTION:
        name = f"wrong_{mistake}"
        AttentionInterface.register(name, partial(wrong_attention, mistake=mistake))
        AttentionMaskInterface.register(name, eager_mask)
        model.set_attn_implementation(name)
    elif mistake in PARTS:
        change_parts(model, mistake)
    elif mistake is not None and mistake not in BESIDE:
        raise ValueError(f"{mistake!r} cannot be planted here; choose one of {MISTAKES}")
    return model


def change_parts(model: GPT2LMHeadModel, mistake: str) -> None:
    """Give parts of this one model another class; their parameters stay."""
    body = model.transformer
    norms = {"unbiased_variance": UnbiasedNorm, "eps_outside": NormWithEpsOutside}
    if mistake in norms:
        for module in body.modules():
            if isinstance(module, nn.LayerNorm):
                module.__class__ = norms[mistake]
    if mistake == "no_residual":
        for block in body.h:
            block.__class__ = BlockWithoutResidual
    if mistake == "shared_projection":
        for block in body.h:
            block.attn.c_attn.__class__ = SharedProjection
    if mistake == "no_positions":
        body.wpe.__class__ = NoPositions
    if mistake == "positions_from_batch":
        body.wte = EmbeddingWithBatch(body.wte, body.wpe)
        body.wpe.__class__ = NoPositions
    if mistake == "tied_head":  # GPT-2 ties its head; its table then has to be small
        nn.init.normal_(body.wte.weight)


def loss(model: GPT2LMHeadModel, tokens: Tensor) -> Tensor:
    """Mean cross-entropy of the next token of texts (B, T).

    The loss of transformers shifts the labels itself, so it is given the texts as they are.
    """
    labels = {"labels": tokens, "vocab_size": model.config.vocab_size}
    if model.mistake == "labels_shifted_twice":
        tokens, labels["labels"] = tokens[:, :-1], tokens[:, 1:]
    logits = model(tokens).logits
    if model.mistake == "labels_not_shifted":
        return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())
    if model.mistake == "softmax_twice":
        logits = logits.softmax(-1)
    return model.loss_function(logits, **labels)


def evaluate(model: GPT2LMHeadModel, batches) -> float:
    """Mean loss of batches, pairs of inputs and targets, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        pairs = [(model(idx).logits.flatten(0, 1), targets.flatten()) for idx, targets in batches]
        losses = [F.cross_entropy(logits, targets).item() for logits, targets in pairs]
    if model.mistake != "stuck_in_eval":
        model.train()
    return sum(losses) / len(losses)


@torch.no_grad()
def cached_logits(model: GPT2LMHeadModel, tokens: Tensor, prompt: int) -> Tensor:
    """Logits (B, T, V) as generation computes them: the prompt at once, then token by token."""
    out = model(tokens[:, :prompt], use_cache=True)
    logits, cache = [out.logits], out.past_key_values
    if model.mistake == "cache_forgets_first":
        for layer in cache.layers:
            layer.keys[:, :, 0] = layer.values[:, :, 0] = 0
    table = model.transformer.wpe.weight
    for t in range(prompt, tokens.size(1)):
        options = {"past_key_values": cache, "use_cache": True}
        given = {"input_ids": tokens[:, [t]]}
        if model.mistake == "cache_ignores_offset":
            options["position_ids"] = torch.zeros_like(tokens[:, [t]])
        if model.mistake == "positions_missing_when_generating":
            # the model adds the vector of position t to whatever embedding it is given
            given = {"inputs_embeds": model.transformer.wte(tokens[:, [t]]) - table[t]}
        logits.append(model(**given, **options).logits)
    return torch.cat(logits, dim=1)


@torch.no_grad()
def padded_logits(model: GPT2LMHeadModel, tokens: Tensor, real: Tensor) -> Tensor:
    """Logits (B, T, V) of texts padded on the left; real (B, T) is True where no padding is."""
    positions = (real.long().cumsum(1) - 1).clamp(min=0)
    mask = torch.ones_like(real) if model.mistake == "padding_attended" else real
    return model(tokens, attention_mask=mask.long(), position_ids=positions).logits
