"""Blocks: held equal to PyTorch's layers, and what the place of the norm makes of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close
from twins import gradients, our_names, random, randomized

from glassbox import masks
from glassbox.attention import HeadList, MultiHeadAttention, fuse
from glassbox.block import Block, CrossBlock, post_norm, pre_norm
from glassbox.feedforward import FEED_FORWARDS
from glassbox.norms import LayerNorm, RMSNorm

small = st.integers(1, 5)


def real_tokens(data, batch: int, seq: int) -> torch.Tensor:
    """True for the tokens of each row, False for the padding at its right end."""
    lengths = data.draw(st.lists(st.integers(1, seq), min_size=batch, max_size=batch))
    return torch.arange(seq) < torch.tensor(lengths)[:, None]


def layers(ours, theirs, seed: int):
    """Our block and PyTorch's layer, the latter's random parameters in both."""
    theirs = randomized(theirs, seed).train()  # evaluating, it takes other kernels
    ours = ours.double()
    ours.load_state_dict(our_names(theirs.named_parameters()))
    return ours, theirs


def assert_same(ours, theirs, our_inputs, their_inputs, our_options, their_options):
    """Compare outputs, the gradients of the inputs, and those of all parameters."""
    ours_out, theirs_out = ours(*our_inputs, **our_options), theirs(*their_inputs, **their_options)
    assert_close(ours_out, theirs_out)
    direction = random(*ours_out.shape, seed=9)
    (ours_out * direction).sum().backward()
    (theirs_out * direction).sum().backward()
    for our, their in zip(our_inputs, their_inputs, strict=True):
        assert_close(our.grad, their.grad)
    assert_close(dict(gradients(ours)), our_names(gradients(theirs)))


@settings(deadline=None, max_examples=40)
@given(
    small, small, st.integers(1, 3), small, small, st.booleans(), st.booleans(), st.booleans(),
    st.sampled_from(["relu", "gelu"]), st.data(),
)  # fmt: skip
def test_a_block_equals_pytorchs_encoder_layer_in_values_and_gradients(
    batch, seq, n_heads, d_head, d_ff, norm_first, causal, padded, activation, data
):
    d_model = n_heads * d_head
    block = Block(
        MultiHeadAttention(d_model, n_heads, causal=causal, qkv_bias=True),
        FEED_FORWARDS[activation](d_model, d_ff),
        LayerNorm(d_model),
        LayerNorm(d_model),
        residual=pre_norm if norm_first else post_norm,
    )
    options = {"batch_first": True, "norm_first": norm_first, "activation": activation}
    layer = nn.TransformerEncoderLayer(d_model, n_heads, d_ff, dropout=0.0, **options)
    block, layer = layers(block, layer, seed=batch + seq)
    x, y = (random(batch, seq, d_model).requires_grad_() for _ in range(2))
    real = real_tokens(data, batch, seq) if padded else torch.ones(batch, seq, dtype=torch.bool)
    their_options = {"src_key_padding_mask": ~real}
    if causal:
        their_options["src_mask"] = ~masks.causal(seq)
    assert_same(
        block, layer, [x], [y], {"mask": real[:, None, None] if padded else None}, their_options
    )


@settings(deadline=None, max_examples=40)
@given(
    small, small, small, st.integers(1, 3), small, st.booleans(), st.booleans(),
    st.sampled_from(["relu", "gelu"]), st.data(),
)  # fmt: skip
def test_a_cross_block_equals_pytorchs_decoder_layer_in_values_and_gradients(
    batch, seq, src, n_heads, d_head, norm_first, padded, activation, data
):
    d_model = n_heads * d_head
    block = CrossBlock(
        MultiHeadAttention(d_model, n_heads, causal=True, qkv_bias=True),
        MultiHeadAttention(d_model, n_heads, qkv_bias=True),
        FEED_FORWARDS[activation](d_model, 7),
        [LayerNorm(d_model) for _ in range(3)],
        residual=pre_norm if norm_first else post_norm,
    )
    options = {"batch_first": True, "norm_first": norm_first, "activation": activation}
    layer = nn.TransformerDecoderLayer(d_model, n_heads, 7, dropout=0.0, **options)
    block, layer = layers(block, layer, seed=batch + seq)
    xs = [random(batch, seq, d_model), random(batch, src, d_model, seed=1)]
    ours, theirs = ([x.clone().requires_grad_() for x in xs] for _ in range(2))
    real = real_tokens(data, batch, src) if padded else torch.ones(batch, src, dtype=torch.bool)
    window = masks.sliding_window(seq, window=2)  # narrower than causal: it must reach the target
    assert_same(
        block,
        layer,
        ours,
        theirs,
        {"mask": window, "memory_mask": real[:, None, None] if padded else None},
        {"tgt_mask": ~window, "memory_key_padding_mask": ~real},
    )


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("residual", [pre_norm, post_norm])
def test_a_list_of_heads_in_a_block_does_what_the_fused_heads_do(residual, watched):
    heads = HeadList(8, 2, causal=True, qkv_bias=True)
    parts = FEED_FORWARDS["swiglu"](8, 12), RMSNorm(8), RMSNorm(8)
    slow = randomized(Block(heads, *parts, residual=residual))
    fast = Block(fuse(heads), *parts, residual=residual)
    if watched:
        heads.weights.register_forward_hook(lambda *_: None)
    x, mask = random(3, 5, 8), masks.documents(torch.tensor([[0, 0, 1, 1, 1]] * 3))
    assert_close(slow(x, mask=mask), fast(x, mask=mask))


def writers(block):
    """The layers of a block that write to the residual stream."""
    attentions = [block.attention, getattr(block, "cross_attention", block.attention)]
    return [block.feed_forward.w_out, *(attention.w_o for attention in attentions)]


def small_block(residual):
    attention, feed_forward = MultiHeadAttention(8, 2, causal=True), FEED_FORWARDS["gelu"](8, 32)
    return Block(attention, feed_forward, LayerNorm(8), LayerNorm(8), residual=residual)


def small_cross_block(residual):
    own, cross = MultiHeadAttention(8, 2, causal=True), MultiHeadAttention(8, 2)
    norms = [LayerNorm(8) for _ in range(3)]
    return CrossBlock(own, cross, FEED_FORWARDS["gelu"](8, 32), norms, residual=residual)


@pytest.mark.parametrize("build", [small_block, small_cross_block])
def test_a_pre_norm_block_that_writes_nothing_is_exactly_the_identity(build):
    block = randomized(build(pre_norm))
    memory = [random(2, 3, 8, seed=1)] if build is small_cross_block else []
    x = random(2, 5, 8)
    assert not torch.equal(block(x, *memory), x)
    for layer in writers(block):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    assert torch.equal(block(x, *memory), x)


def test_a_post_norm_block_that_writes_nothing_still_normalizes_twice():
    block, x = randomized(small_block(post_norm)), random(2, 5, 8)
    for layer in writers(block):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    assert not torch.allclose(block(x), x)
    assert torch.equal(block(x), block.norm_2(block.norm_1(x)))


def test_only_pre_norm_lets_a_gradient_pass_unchanged():
    x = random(2, 5, 8)
    for residual, unchanged in ((pre_norm, True), (post_norm, False)):
        leaf = x.clone().requires_grad_()
        residual(leaf, torch.zeros_like, LayerNorm(8).double()).sum().backward()
        assert torch.equal(leaf.grad, torch.ones_like(x)) == unchanged


def test_any_function_can_place_the_norm():
    block = randomized(small_block(lambda x, sublayer, norm: sublayer(norm(x))))
    x = random(2, 5, 8)
    expected = block.feed_forward(block.norm_2(block.attention(block.norm_1(x))))
    assert torch.equal(block(x), expected)


@pytest.mark.parametrize(
    ("build", "order"),
    [
        (small_block, ["attention", "feed_forward", "norm_1", "norm_2"]),
        (
            small_cross_block,
            ["attention", "cross_attention", "feed_forward", "norm_1", "norm_2", "norm_3"],
        ),
    ],
)
def test_the_parts_are_listed_in_one_order(build, order):
    assert [name for name, _ in build(pre_norm).named_children()] == order
