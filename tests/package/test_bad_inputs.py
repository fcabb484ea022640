"""Wrong calls of the parts, as a beginner makes them: each is refused by a message that teaches.

Each row holds a call and what its message must say: what was given, what was expected, the fix.
The shape checks of jaxtyping are off, as they are for readers.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import case, faults, message_of
from torch import nn
from torch.testing import assert_close

from glassbox import checks, masks
from glassbox.attention import (
    HeadList,
    KeyValueCache,
    MultiHeadAttention,
    SelfAttention,
    attention,
    fuse,
    fused_attention,
    simple_self_attention,
)
from glassbox.block import Block, CrossBlock, pre_norm
from glassbox.feedforward import FeedForward, SwiGLU
from glassbox.norms import LayerNorm, RMSNorm, layer_norm, rms_norm
from glassbox.positions import (
    ALiBi,
    DeBERTa,
    Learned,
    Rotary,
    Sinusoidal,
    T5Bias,
    TransformerXL,
    alibi_slopes,
    angles,
    build_positions,
    offsets,
    relative_bucket,
    sinusoids,
)

reader = pytest.mark.usefixtures("as_a_reader_runs_it")

X = torch.zeros(2, 5, 8)
Q = torch.zeros(2, 2, 5, 4)
"""Queries of 2 sequences and 2 heads: the batch equals the heads."""
IDS = torch.ones(2, 5, dtype=torch.long)
ROW = torch.arange(3)
NONE_LEFT = torch.tensor([[1, 0], [0, 0]])


def yes(*shape: int) -> torch.Tensor:
    """A mask that allows everything."""
    return torch.ones(shape, dtype=torch.bool)


def many(**options) -> MultiHeadAttention:
    return MultiHeadAttention(8, 2, **options)


def ffn(d_model: int = 8) -> FeedForward:
    return FeedForward(d_model, 32, nn.ReLU())


def cross(attend=None, norms=None) -> CrossBlock:
    norms = [LayerNorm(8) for _ in range(3)] if norms is None else norms
    return CrossBlock(many(causal=True), attend or many(), ffn(), norms)


def filled() -> KeyValueCache:
    """A cache of 4 places, 3 of them taken."""
    cache = KeyValueCache(2, 2, 4, 4)
    cache.append(Q[:, :, :3], Q[:, :, :3])
    return cache


ATTENTION = [
    case("key-in-double", lambda: attention(Q, Q.double(), Q), ValueError,
         "torch.float32, torch.float64 and torch.float32", "expected one type", ".to(query.dtype)"),
    case("query-of-token-ids", lambda: attention(Q.long(), Q, Q), ValueError,
         "query holds torch.int64", "embedding first", "query.float()"),
    case("query-of-one-token", lambda: attention(Q[0, 0, 0], Q, Q), ValueError,
         "query has shape (4,)", "expected (..., tokens, width)", "query.unsqueeze(0)"),
    case("query-without-width", lambda: attention(Q[..., :0], Q[..., :0], Q), ValueError,
         "query has shape (2, 2, 5, 0)", "a width of at least 1"),
    case("query-as-list", lambda: attention([[1.0]], Q, Q), TypeError,
         "query is of type list", "expected a torch.Tensor", "torch.tensor(query)"),
    case("query-as-array", lambda: fused_attention(Q.numpy(), Q, Q), TypeError,
         "query is of type ndarray", "expected a torch.Tensor", "torch.tensor(query)"),
    case("query-elsewhere", lambda: attention(Q.to("meta"), Q, Q), ValueError,
         "meta, cpu and cpu", "expected one device", ".to(query.device)"),
    case("key-narrower", lambda: attention(Q, Q[..., :3], Q), ValueError,
         "width 4", "width 3", "needs equal widths", "same d_k"),
    case("values-too-few", lambda: attention(Q, Q, Q[:, :, :3]), ValueError,
         "5 keys but 3 values", "expected one value for each key"),
    case("heads-not-repeated", lambda: attention(Q, Q[:, :1], Q[:, :1]), ValueError,
         "(2, 2, 5, 4), (2, 1, 5, 4)", "must agree", "key.repeat_interleave"),
    case("more-queries-than-keys",
         lambda: attention(Q, Q[:, :, :3], Q[:, :, :3], causal=True), ValueError,
         "5 queries and 3 keys", "Expected at least 5 keys"),
    case("mask-of-floats", lambda: attention(Q, Q, Q, mask=torch.zeros(5, 5)), TypeError,
         "mask holds torch.float32", "expected torch.bool", "masks.from_additive", "bias="),
    case("mask-of-ints", lambda: fused_attention(Q, Q, Q, mask=torch.ones(5, 5).int()), TypeError,
         "mask holds torch.int32", "expected torch.bool", "masks.from_numbers"),
    case("mask-as-list", lambda: attention(Q, Q, Q, mask=[[True]]), TypeError,
         "mask is of type list", "expected a boolean torch.Tensor", "masks.causal(5)"),
    case("mask-by-name", lambda: many()(X, mask="causal"), TypeError,
         "mask is of type str", "expected a boolean torch.Tensor", "masks.causal(5)"),
    case("mask-as-function", lambda: many()(X, mask=masks.causal), TypeError,
         "mask is of type function", "such as masks.causal(5)"),
    case("mask-per-sequence-batch-equals-heads",
         lambda: attention(Q, Q, Q, mask=yes(2, 5, 5)), ValueError,
         "(2, 5, 5)", "(2, 2, 5, 5)", "line up with the heads", "mask.unsqueeze(1)"),
    case("mask-per-sequence-in-layer", lambda: many()(X, mask=yes(2, 5, 5)), ValueError,
         "(2, 5, 5)", "silently so where there are as many heads as sequences", "unsqueeze(1)"),
    case("mask-per-sequence-in-head-list", lambda: HeadList(8, 2)(X, mask=yes(2, 5, 5)), ValueError,
         "(2, 5, 5)", "line up with the heads", "mask.unsqueeze(1)"),
    case("mask-of-padding-rows", lambda: many()(X, mask=yes(2, 5)), ValueError,
         "(2, 5)", "expected (queries, keys), here (5, 5)", "mask[:, None, None]"),
    case("mask-of-padding-rows-one-head",
         lambda: SelfAttention(8, 4)(X, mask=yes(2, 5)), ValueError,
         "(2, 5)", "scores have shape (2, 5, 5)", "mask[:, None]."),
    case("mask-too-small", lambda: many()(X, mask=yes(4, 4)), ValueError,
         "mask has shape (4, 4)", "here (5, 5)"),
    case("mask-of-one-axis", lambda: many()(X, mask=yes(5)), ValueError,
         "mask has shape (5,)", "expected (queries, keys)"),
    case("mask-of-another-batch", lambda: many()(X, mask=yes(3, 1, 5, 5)), ValueError,
         "(3, 1, 5, 5)", "each of full size or 1"),
    case("mask-elsewhere", lambda: many()(X, mask=yes(5, 5).to("meta")), ValueError,
         "mask lies on meta and query on cpu", "expected one device", "mask.to('cpu')"),
    case("bias-of-booleans", lambda: attention(Q, Q, Q, bias=yes(5, 5)), ValueError,
         "bias holds torch.bool", "bias.to(query)", "boolean mask goes into mask="),
    case("bias-as-number", lambda: attention(Q, Q, Q, bias=1.0), TypeError,
         "bias is of type float", "expected a torch.Tensor"),
    case("bias-of-other-heads", lambda: attention(Q, Q, Q, bias=torch.zeros(3, 5, 5)), ValueError,
         "bias has shape (3, 5, 5)", "scores of shape (2, 2, 5, 5)", "full size or 1"),
    case("dropout-in-percent", lambda: attention(Q, Q, Q, dropout=10), ValueError,
         "dropout is 10", "expected a share from 0", "write 0.1"),
    case("dropout-of-everything", lambda: fused_attention(Q, Q, Q, dropout=1.0), ValueError,
         "dropout is 1.0", "not including, 1", "write 0.1"),
    case("dropout-negative", lambda: many(dropout=-0.1), ValueError,
         "dropout is -0.1", "expected a share", "write 0.1"),
    case("dropout-as-text", lambda: SelfAttention(8, 4, dropout="0.1"), TypeError,
         "dropout is '0.1'", "expected a share", "write 0.1"),
    case("scale-as-text", lambda: attention(Q, Q, Q, scale="0.5"), TypeError,
         "scale is '0.5', of type str", "expected a number"),
    case("causal-as-mask", lambda: attention(Q, Q, Q, causal=yes(5, 5)), TypeError,
         "causal is of type Tensor", "expected True or False", "mask="),
    case("ids-without-embedding", lambda: simple_self_attention(IDS), ValueError,
         "x holds torch.int64", "embedding first", "x.float()"),
]  # fmt: skip

LAYERS = [
    case("one-head-width", lambda: SelfAttention(8, 4)(torch.zeros(5, 7)), ValueError,
         "x has shape (5, 7)", "expected (..., tokens, 8)", "d_in=8"),
    case("one-head-vector", lambda: SelfAttention(8, 4)(torch.zeros(8)), ValueError,
         "x has shape (8,)", "expected (..., tokens, width)", "x.unsqueeze(0)"),
    case("one-head-double", lambda: SelfAttention(8, 4)(X.double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "expected one type", "x.to(torch.float32)"),
    case("one-head-meta", lambda: SelfAttention(8, 4).to("meta")(X.double().to("meta")), ValueError,
         "x holds torch.float64", "hold torch.float32", "expected one type", "x.to(torch.float32)"),
    case("head-list-double", lambda: HeadList(8, 2)(X.double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "x.to(torch.float32)"),
    case("head-list-without-batch", lambda: HeadList(8, 2)(X[0]), ValueError,
         "x has shape (5, 8)", "expected (batch, tokens, 8)", "x.unsqueeze(0)"),
    case("head-list-cache", lambda: HeadList(8, 2)(X, cache=filled()), ValueError,
         "keeps no cache", "attention='multi_head'", "fuse(layer)"),
    case("head-list-does-not-divide", lambda: HeadList(10, 4), ValueError,
         "d_model is 10 and n_heads is 4", "10 / 4 is not whole", "8 or 12", "d_model=10: 5"),
    case("fuse-twice", lambda: fuse(many()), TypeError,
         "of type MultiHeadAttention", "expected a HeadList"),
    case("heads-do-not-divide", lambda: MultiHeadAttention(64, 5), ValueError,
         "d_model is 64 and n_heads is 5", "60 or 65", "d_model=64: 4"),
    case("kv-heads-do-not-divide", lambda: MultiHeadAttention(8, 4, n_kv_heads=3), ValueError,
         "n_heads is 4 and n_kv_heads is 3", "4 / 3 is not whole", "n_heads=4: 2"),
    case("kv-heads-zero", lambda: many(n_kv_heads=0), ValueError,
         "n_kv_heads is 0", "expected a whole number of at least 1"),
    case("width-divided-by-slash", lambda: MultiHeadAttention(64 / 2, 4), TypeError,
         "d_model is 32.0, of type float", "expected a whole number", "//"),
    case("heads-as-text", lambda: MultiHeadAttention(64, "4"), TypeError,
         "n_heads is '4', of type str", "expected a whole number", "quotes"),
    case("heads-as-switch", lambda: MultiHeadAttention(64, True), TypeError,
         "n_heads is True, of type bool", "expected a whole number"),
    case("layer-double", lambda: many()(X.double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "expected one type", "x.to(torch.float32)"),
    case("layer-half", lambda: many()(X.half()), ValueError,
         "x holds torch.float16", "hold torch.float32", "x.to(torch.float32)"),
    case("layer-ids", lambda: many()(X.long()), ValueError,
         "x holds torch.int64", "embedding first", "x.float()"),
    case("layer-elsewhere", lambda: many()(X.to("meta")), ValueError,
         "x lies on meta", "this layer on cpu", "expected one device", "x.to('cpu')"),
    case("layer-list", lambda: many()(X.tolist()), TypeError,
         "x is of type list", "expected a torch.Tensor", "torch.tensor(x)"),
    case("layer-array", lambda: many()(X.numpy()), TypeError,
         "x is of type ndarray", "expected a torch.Tensor", "torch.tensor(x)"),
    case("layer-without-batch", lambda: many()(X[0]), ValueError,
         "x has shape (5, 8)", "expected (batch, tokens, 8)", "x.unsqueeze(0)"),
    case("layer-width", lambda: many()(torch.zeros(2, 5, 6)), ValueError,
         "x has shape (2, 5, 6)", "expected (batch, tokens, 8)", "d_model=8"),
    case("memory-width", lambda: many()(X, torch.zeros(2, 4, 6)), ValueError,
         "memory has shape (2, 4, 6)", "expected (batch, tokens, 8)", "d_model=8"),
    case("memory-batch", lambda: many()(X, torch.zeros(3, 4, 8)), ValueError,
         "x holds 2 sequences and memory 3", "expected one memory for each sequence"),
    case("memory-double", lambda: many()(X, X.double()), ValueError,
         "memory holds torch.float64", "hold torch.float32", "memory.to(torch.float32)"),
    case("memory-for-causal", lambda: many(causal=True)(X, X), ValueError,
         "memory was given to attention with causal=True", "without it"),
    case("memory-with-positions", lambda: many(positions=Rotary(4))(X, X), ValueError,
         "positions=Rotary", "Build the cross-attention without it"),
    case("memory-with-cache", lambda: many()(X, X, cache=filled()), ValueError,
         "with a cache", "Build the cross-attention without it"),
    case("cache-of-the-whole-model", lambda: many(causal=True)(X, cache=[filled()]), TypeError,
         "cache is of type list", "expected the KeyValueCache of this layer", "caches=..."),
    case("cache-without-causal", lambda: many()(X, cache=KeyValueCache(2, 2, 8, 4)), ValueError,
         "causal=False and without a mask", "Expected causal=True, or a mask"),
    case("positions-of-the-embeddings",
         lambda: MultiHeadAttention(8, 2, positions=Learned(8, 4)), ValueError,
         "positions is Learned", "no effect inside attention", "Rotary(4)"),
    case("positions-of-another-kind",
         lambda: MultiHeadAttention(8, 2, positions=torch.nn.ReLU()), TypeError,
         "positions is of type ReLU", "glassbox.positions", "Rotary(4)"),
    case("cache-full", lambda: many(causal=True)(X, cache=filled()), ValueError,
         "room for 4 positions", "3 are taken and 5 more", "Make it larger"),
    case("cache-of-another-batch",
         lambda: many(causal=True)(X, cache=KeyValueCache(3, 2, 8, 4)), ValueError,
         "keys (2, 2, 5, 4)", "takes (3, 2, 5, 4)", "make a new one"),
    case("cache-of-another-model",
         lambda: many(causal=True)(X, cache=KeyValueCache(2, 2, 8, 3)), ValueError,
         "keys (2, 2, 5, 4)", "takes (2, 2, 5, 3)", "belongs to one layer"),
    case("cache-in-double",
         lambda: many(causal=True)(X, cache=KeyValueCache(2, 2, 8, 4, dtype=torch.float64)),
         ValueError,
         "of torch.float32", "takes (2, 2, 5, 4) of torch.float64"),
    case("cache-elsewhere",
         lambda: many(causal=True)(X, cache=KeyValueCache(2, 2, 8, 4, device="meta")),
         ValueError,
         "keys lies on cpu", "this cache on meta", "expected one device"),
    case("cache-values-in-double",
         lambda: KeyValueCache(2, 2, 8, 4).append(Q, Q.double()), ValueError,
         "of torch.float32 and values", "of torch.float64 do not fit"),
    case("cache-keys-of-one-head", lambda: filled().append(Q[0, 0], Q[0, 0]), ValueError,
         "keys (5, 4)", "takes (2, 2, 'tokens', 4)"),
    case("cache-of-ints", lambda: KeyValueCache(2, 2, 8, 4, dtype=torch.long), TypeError,
         "dtype is torch.int64", "expected a floating-point type"),
    case("positions-by-name", lambda: many(positions="rotary"), TypeError,
         "positions is 'rotary'", "expected a module, such as Rotary(4)"),
    case("positions-class", lambda: many(positions=Rotary), TypeError,
         "positions is the class Rotary", "expected a module", "parentheses"),
    case("norm-width", lambda: LayerNorm(8)(torch.zeros(2, 5, 6)), ValueError,
         "x has shape (2, 5, 6)", "expected (..., tokens, 8)", "d_model=8"),
    case("norm-double", lambda: LayerNorm(8)(X.double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "x.to(torch.float32)"),
    case("rms-norm-double", lambda: RMSNorm(8)(X.double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "x.to(torch.float32)"),
    case("norm-elsewhere", lambda: RMSNorm(8)(X.to("meta")), ValueError,
         "x lies on meta", "this layer on cpu", "x.to('cpu')"),
    case("norm-of-a-shape", lambda: LayerNorm((8,)), TypeError,
         "d_model is (8,), of type tuple", "expected a whole number"),
    case("layer-norm-of-ids", lambda: layer_norm(X.long(), torch.ones(8)), ValueError,
         "x holds torch.int64", "embedding first"),
    case("layer-norm-bias", lambda: layer_norm(X, torch.ones(8), torch.ones(1)), ValueError,
         "bias has shape (1,) and weight (8,)", "expected one of each for every column"),
    case("rms-norm-weight", lambda: rms_norm(X, 1.0), TypeError,
         "weight is of type float", "expected a torch.Tensor"),
    case("ffn-width", lambda: ffn()(torch.zeros(2, 5, 6)), ValueError,
         "x has shape (2, 5, 6)", "expected (..., tokens, 8)", "d_model=8"),
    case("ffn-double", lambda: ffn()(X.double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "x.to(torch.float32)"),
    case("ffn-activation-class", lambda: FeedForward(8, 32, nn.ReLU), TypeError,
         "activation is the class ReLU", "such as nn.ReLU()", "parentheses"),
    case("ffn-activation-name", lambda: FeedForward(8, 32, "relu"), TypeError,
         "activation is 'relu'", "expected a module, such as nn.ReLU()"),
    case("ffn-activation-function", lambda: FeedForward(8, 32, F.relu), TypeError,
         "activation is of type function", "expected a module, such as nn.ReLU()"),
    case("swiglu-two-thirds", lambda: SwiGLU(8, 8 * 8 / 3), TypeError,
         "d_ff is 21.3", "expected a whole number", "//"),
    case("swiglu-double", lambda: SwiGLU(8, 20)(X.double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "x.to(torch.float32)"),
    case("block-residual-name",
         lambda: Block(many(), ffn(), LayerNorm(8), LayerNorm(8), residual="pre"), TypeError,
         "residual is 'pre'", "expected a function", "pre_norm or post_norm"),
    case("block-residual-module",
         lambda: Block(many(), ffn(), LayerNorm(8), LayerNorm(8), residual=LayerNorm(8)), TypeError,
         "residual is LayerNorm(", "expected a function", "pre_norm"),
    case("block-attention-class",
         lambda: Block(MultiHeadAttention, ffn(), LayerNorm(8), LayerNorm(8)), TypeError,
         "attention is the class MultiHeadAttention", "expected a module", "parentheses"),
    case("block-parts-swapped",
         lambda: Block(ffn(), many(), LayerNorm(8), LayerNorm(8)), TypeError,
         "attention is of type FeedForward", "attention(x, mask=..., cache=...)", "in order?"),
    case("block-attention-of-pytorch",
         lambda: Block(nn.MultiheadAttention(8, 2), ffn(), LayerNorm(8), LayerNorm(8)), TypeError,
         "of type MultiheadAttention", "cannot be called", "Expected a layer such as Multi"),
    case("block-norm-name", lambda: Block(many(), ffn(), LayerNorm(8), "layer"), TypeError,
         "norm_2 is 'layer'", "expected a module, such as LayerNorm(64)"),
    case("block-of-two-widths",
         lambda: Block(many(), ffn(16), LayerNorm(8), LayerNorm(8))(X), ValueError,
         "x has shape (2, 5, 8)", "expected (..., tokens, 16)", "d_model=16"),
    case("block-double",
         lambda: Block(many(), ffn(), LayerNorm(8), LayerNorm(8))(X.double()), ValueError,
         "x holds torch.float64", "hold torch.float32", "x.to(torch.float32)"),
    case("cross-block-two-norms", lambda: cross(norms=[LayerNorm(8), LayerNorm(8)]), ValueError,
         "there are 2 norms", "expected 3", "for _ in range(3)"),
    case("cross-block-one-norm-three-times", lambda: cross(norms=[LayerNorm(8)] * 3), ValueError,
         "3 norms, 1 of them distinct", "each built on its own", "for _ in range(3)"),
    case("cross-block-causal", lambda: cross(many(causal=True))(X, X), ValueError,
         "causal=True", "Build the cross-attention without it"),
    case("cross-block-head-list", lambda: cross(HeadList(8, 2)), TypeError,
         "cross_attention is of type HeadList", "cross_attention(x, memory, mask=...)"),
    case("cross-block-without-memory", lambda: cross()(X, None), TypeError,
         "memory is None", "expected a torch.Tensor", "left out of the call?"),
]  # fmt: skip

MASKS = [
    case("causal-of-a-tensor", lambda: masks.causal(IDS), TypeError,
         "seq is tensor(", "of type Tensor", "expected a whole number"),
    case("causal-of-nothing", lambda: masks.causal(0), ValueError,
         "seq is 0", "at least 1"),
    case("causal-fewer-keys", lambda: masks.causal(4, 3), ValueError,
         "4 queries and 3 keys", "Expected at least 4 keys"),
    case("window-zero", lambda: masks.sliding_window(4, 0), ValueError,
         "window is 0", "at least 1"),
    case("window-none", lambda: masks.sliding_window(4, None), TypeError,
         "window is None;", "expected a whole number"),
    case("prefix-too-long", lambda: masks.prefix(4, 5), ValueError,
         "n_prefix is 5 for 4 positions", "expected lengths from 0 to 4"),
    case("prefix-of-halves", lambda: masks.prefix(4, 2.5), TypeError,
         "n_prefix is 2.5", "expected a whole number"),
    case("prefix-of-float-rows", lambda: masks.prefix(4, torch.tensor([1.5, 2])), TypeError,
         "n_prefix holds torch.float32", "shape (2,)", "expected one whole number"),
    case("prefix-of-a-column", lambda: masks.prefix(4, torch.tensor([[1], [2]])), TypeError,
         "shape (2, 1)", "one for each sequence"),
    case("documents-without-batch", lambda: masks.documents(IDS[0]), ValueError,
         "ids has shape (5,)", "expected (batch, tokens)", "ids.unsqueeze(0)"),
    case("document-positions-list", lambda: masks.document_positions([[0, 0, 1]]), TypeError,
         "ids is of type list", "expected a torch.Tensor", "torch.tensor(ids)"),
    case("padding-without-batch", lambda: masks.padding(IDS[0], 0), ValueError,
         "tokens has shape (5,)", "expected (batch, tokens)", "tokens.unsqueeze(0)"),
    case("padding-by-name", lambda: masks.padding(IDS, "<pad>"), TypeError,
         "pad_id is '<pad>'", "expected the id of the padding", "such as 0"),
    case("padding-all-of-a-row", lambda: masks.padding(NONE_LEFT, 0), ValueError,
         "row 1 of tokens holds nothing but padding (id 0)", "Leave empty sequences out"),
    case("blocked-of-floats", lambda: masks.from_blocked(torch.zeros(3)), TypeError,
         "mask holds torch.float32", "expected torch.bool", "from_numbers"),
    case("numbers-additive", lambda: masks.from_numbers(torch.tensor([0.0, -1e9])), ValueError,
         "mask holds -1e+09", "expected only 0 and 1", "from_additive"),
    case("numbers-list", lambda: masks.from_numbers([1, 0]), TypeError,
         "mask is of type list", "expected a torch.Tensor"),
    case("additive-finite", lambda: masks.from_additive(torch.tensor([0.0, -1e9])), ValueError,
         "mask holds -1e+09", "expected only 0 and minus infinity", "bias="),
    case("additive-boolean", lambda: masks.from_additive(~yes(3)), TypeError,
         "mask holds torch.bool", "expected floating-point zeros", "needs no conversion"),
    case("additive-of-ints", lambda: masks.from_additive(torch.zeros(3).int()), TypeError,
         "mask holds torch.int32", "expected floating-point zeros", "from_numbers"),
    case("to-additive-ints", lambda: masks.to_additive(yes(3), torch.long), TypeError,
         "dtype is torch.int64", "expected a floating-point type"),
]  # fmt: skip

POSITIONS = [
    case("waves-of-odd-width", lambda: Sinusoidal(5, 8), ValueError,
         "d_model is 5", "expected an even number", "Take 6"),
    case("waves-without-base", lambda: Sinusoidal(4, 8, base=0), ValueError,
         "base is 0", "expected a positive number, such as 10000"),
    case("waves-of-no-width", lambda: sinusoids(torch.zeros(3), 0), ValueError,
         "width is 0", "at least 1"),
    case("waves-of-a-list", lambda: sinusoids([0.0], 4), TypeError,
         "positions is of type list", "expected a torch.Tensor"),
    case("angles-text", lambda: angles(torch.zeros(3), "4"), TypeError,
         "width is '4'", "expected a whole number", "quotes"),
    case("positions-of-floats", lambda: Learned(4, 8)(torch.zeros(2, 3, 4), ROW.float()), TypeError,
         "positions holds torch.float32", "expected whole numbers", "torch.arange(3)"),
    case("positions-of-booleans", lambda: Sinusoidal(4, 8)(torch.zeros(2, 3, 4), yes(3)), TypeError,
         "positions holds torch.bool", "expected whole numbers", "torch.arange(3)"),
    case("positions-list", lambda: Learned(4, 8)(torch.zeros(2, 3, 4), [0, 1, 2]), TypeError,
         "positions is of type list", "torch.tensor(positions)"),
    case("positions-too-many",
         lambda: Sinusoidal(4, 8)(torch.zeros(2, 3, 4), torch.arange(4)), ValueError,
         "positions has shape (4,)", "(2, 3, 4)", "one position for each token", "arange(3)"),
    case("positions-beyond", lambda: Learned(4, 8)(torch.zeros(2, 3, 4), ROW + 8), ValueError,
         "position 10 has no row", "run from 0 to 7", "larger context_length"),
    case("positions-elsewhere",
         lambda: Learned(4, 8)(torch.zeros(2, 3, 4), ROW.to("meta")), ValueError,
         "positions lies on meta", "x on cpu", "positions.to('cpu')"),
    case("sizes-swapped", lambda: Learned(8, 4)(torch.zeros(2, 3, 4), ROW), ValueError,
         "x has shape (2, 3, 4)", "expected (..., tokens, 8)", "d_model=8"),
    case("embeddings-in-double",
         lambda: Sinusoidal(4, 8)(torch.zeros(2, 3, 4).double(), ROW), ValueError,
         "x holds torch.float64", "hold torch.float32", "x.to(torch.float32)"),
    case("rotary-odd", lambda: Rotary(3), ValueError,
         "d_head is 3", "expected an even number", "Take 4"),
    case("rotary-base-negative", lambda: Rotary(4, base=-1.0), ValueError,
         "base is -1.0", "expected a positive number"),
    case("rotary-of-d-model", lambda: many(positions=Rotary(8))(X), ValueError,
         "(2, 2, 5, 4)", "expected (..., tokens, 8)", "d_head=8"),
    case("rotary-of-ints", lambda: Rotary(4).turn(Q.long(), 0), ValueError,
         "x holds torch.int64", "expected floating-point", "x.float()"),
    case("alibi-of-other-heads", lambda: many(positions=ALiBi(4))(X), ValueError,
         "query has shape (2, 2, 5, 4)", "expected (batch, 4, tokens, d_head)", "n_heads=4"),
    case("alibi-without-heads-axis",
         lambda: ALiBi(2).bias(torch.zeros(5, 4), torch.zeros(5, 4)), ValueError,
         "query has shape (5, 4)", "expected (batch, 2, tokens, d_head)"),
    case("alibi-across-sequences", lambda: ALiBi(2).bias(Q, Q[:, :, :3]), ValueError,
         "5 queries but 3 keys", "In cross-attention use NoPositions()"),
    case("slopes-of-text", lambda: alibi_slopes("4"), TypeError,
         "n_heads is '4'", "expected a whole number"),
    case("t5-buckets-too-few", lambda: T5Bias(2, n_buckets=1), ValueError,
         "n_buckets is 1", "expected at least 2"),
    case("t5-distance-too-small", lambda: T5Bias(2, max_distance=8), ValueError,
         "max_distance is 8", "n_buckets=32", "expected more than 16"),
    case("buckets-of-floats", lambda: relative_bucket(torch.zeros(3)), TypeError,
         "relative_position holds torch.float32", "expected whole numbers", ".long()"),
    case("buckets-of-a-number", lambda: relative_bucket(3), TypeError,
         "relative_position is of type int", "expected a torch.Tensor"),
    case("offsets-of-lengths", lambda: offsets(5, 3), TypeError,
         "query is of type int", "expected a torch.Tensor"),
    case("transformer-xl-does-not-divide", lambda: TransformerXL(10, 4), ValueError,
         "d_model is 10 and n_heads is 4", "8 or 12"),
    case("deberta-without-distance", lambda: DeBERTa(8, 2, 0), ValueError,
         "max_distance is 0", "at least 1"),
    case("deberta-of-another-width",
         lambda: DeBERTa(8, 2, 4).bias(Q[..., :3], Q[..., :3]), ValueError,
         "query has shape (2, 2, 5, 3)", "expected (batch, 2, tokens, 4)"),
    case("scheme-from-a-dictionary", lambda: build_positions("rotary", {"d_head": 4}, True),
         TypeError, "config is of type dict", "expected an object that has d_model"),
]  # fmt: skip

CASES = [*ATTENTION, *LAYERS, *MASKS, *POSITIONS]


@reader
@pytest.mark.parametrize("wrong", CASES)
def test_a_wrong_call_is_told_what_was_given_what_was_expected_and_a_way_out(wrong):
    message = message_of(wrong)
    for part in wrong.parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert not faults(message), f"{faults(message)}: {message}"


def test_many_wrong_calls_are_tried_each_under_a_name_of_its_own():
    assert len({wrong.id for wrong in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("x has shape (2, 5); expected (2, 6)", "full stop"),
        ("x has shape (2, 5). It is wrong.", "way out"),
        ("the tensor is wrong; expected another.", "given"),
        ("x is 5; expected 6. " + "Please take another number. " * 20 + "Thanks.", "longer"),
        ("got 2 kwargs; expected 1.", "learner"),
        ("mask is <class 'int'>; expected a tensor.", "learner"),
        ("x is (2; expected 3.", "bracket"),
        ("x is 2; expected  3.", "gap"),
    ],
)
def test_a_planted_bad_message_is_found(message, fault):
    assert any(fault in found for found in faults(message)), faults(message)


# The way out that a message names, taken from the message itself, leads out.

WAYS_OUT = [
    ("x", X[0], many()),
    ("x", X.double(), many()),
    ("x", X.double(), LayerNorm(8)),
    ("x", X.long(), ffn()),
    ("x", torch.zeros(8), SelfAttention(8, 4)),
    ("x", X.tolist(), HeadList(8, 2)),
    ("memory", X[0], lambda memory: many()(X[:1], memory)),
    ("mask", yes(2, 5, 5), lambda mask: many()(X, mask=mask)),
    ("mask", yes(2, 5), lambda mask: many()(X, mask=mask)),
    ("mask", yes(2, 5), lambda mask: SelfAttention(8, 4)(X, mask=mask)),
    ("ids", IDS[0], masks.documents),
    ("tokens", IDS.float(), lambda tokens: masks.padding(tokens, 0)),
    ("positions", [0, 1, 2], lambda where: Learned(4, 8)(torch.zeros(2, 3, 4), where)),
]


@reader
@pytest.mark.parametrize(("name", "given", "call"), WAYS_OUT)
def test_the_way_out_that_a_message_names_leads_out(name, given, call):
    with pytest.raises((TypeError, ValueError)) as raised:
        call(given)
    wayout = rf"torch\.tensor\({name}\)|{name}(?:\.\w+\(.*?\)|\[.*?\])"
    found = re.findall(wayout, str(raised.value))
    assert found, f"no expression of {name} in: {raised.value}"
    call(eval(found[-1], {"torch": torch, name: given}))


# What lies on the right side of each border still works.


@reader
@pytest.mark.parametrize(
    "call",
    [
        lambda: MultiHeadAttention(8, 8)(X),
        lambda: MultiHeadAttention(8, 1)(X),
        lambda: MultiHeadAttention(8, 8, n_kv_heads=1)(X),
        lambda: MultiHeadAttention(1, 1)(torch.zeros(1, 1, 1)),
        lambda: many(dropout=0.999)(X),
        lambda: many(dropout=0)(X),
        lambda: many()(X[:, :1]),
        lambda: many()(X, mask=yes(1, 1)),
        lambda: many()(X, mask=yes(2, 1, 1, 5)),
        lambda: many()(X, mask=~yes(5, 5)),
        lambda: many(causal=True)(X, cache=KeyValueCache(2, 2, 5, 4)),
        lambda: many(causal=True)(X[:, :1], cache=filled()),
        lambda: many().double()(X.double()),
        lambda: many().bfloat16()(X.bfloat16()),
        lambda: many()(X, torch.zeros(2, 1, 8)),
        lambda: SelfAttention(8, 4)(X[0]),
        lambda: LayerNorm(8, eps=0.0)(X + torch.arange(8.0)),
        lambda: layer_norm(torch.arange(8.0), torch.ones(8)),
        lambda: masks.prefix(4, 4),
        lambda: masks.prefix(4, 0),
        lambda: masks.sliding_window(4, 9),
        lambda: masks.padding(torch.tensor([[3, 0, 0]]), 0),
        lambda: masks.from_additive(torch.zeros(2, 2)),
        lambda: Learned(4, 8)(torch.zeros(2, 8, 4), torch.arange(8)),
        lambda: Learned(4, 8)(torch.zeros(2, 3, 4), ROW.int()),
        lambda: Rotary(2).turn(torch.ones(1, 1, 3, 2), 0),
        lambda: fused_attention(Q, Q, Q, scale=2),
    ],
)
def test_what_is_just_inside_the_border_works(call):
    assert not call().isnan().any()


@reader
def test_autocast_may_mix_types():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for layer in (many(), HeadList(8, 2), ffn(), SwiGLU(8, 20), LayerNorm(8)):
            assert not layer(X.bfloat16()).isnan().any()
    with pytest.raises(ValueError, match=r"torch\.bfloat16"):
        many()(X.bfloat16())


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_one_mask_a_sequence_is_refused_for_every_number_of_heads(batch, n_heads, seq):
    """Taken as it is, it would be one mask a head where there are as many heads as sequences."""
    generator = torch.Generator().manual_seed(batch + 10 * n_heads + 100 * seq)
    x = torch.randn(batch, seq, 2 * n_heads, generator=generator)
    mask = torch.rand(batch, seq, seq, generator=generator) < 0.5
    layer = MultiHeadAttention(2 * n_heads, n_heads)
    with pytest.raises(ValueError, match=r"mask\.unsqueeze\(1\)"):
        layer(x, mask=mask)
    alone = [layer(row[None], mask=own) for row, own in zip(x, mask, strict=True)]
    assert_close(layer(x, mask=mask.unsqueeze(1)), torch.cat(alone))


@reader
@pytest.mark.parametrize(
    ("given", "choices", "meant"),
    [
        ("rope", ["none", "rotary"], "rotary"),
        ("RMS", ["layer", "rms"], "rms"),
        ("layernorm", ["layer", "rms"], "layer"),
        ("oost", ["pre", "post"], "post"),
        ("xyz", ["pre", "post"], None),
    ],
)
def test_a_misspelled_name_is_guessed_or_not_at_all(given, choices, meant):
    with pytest.raises(ValueError, match="expected one of") as raised:
        checks.one_of("part", given, choices)
    guess = re.search(r"Did you mean '(\w+)'\?", str(raised.value))
    assert (guess and guess[1]) == meant


def test_a_sublayer_of_ones_own_needs_no_class():
    assert_close(pre_norm(X, lambda h: h + 1, LayerNorm(8)), X + 1)
