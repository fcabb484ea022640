"""Relative positions: biases and relative vectors, held equal to formulas and implementations."""

from math import sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from transformers import DebertaConfig, T5Config, XLNetConfig
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.deberta.modeling_deberta import DisentangledSelfAttention
from transformers.models.t5.modeling_t5 import T5Attention
from transformers.models.xlnet.modeling_xlnet import XLNetModel, XLNetRelativeAttention

from glassbox.positions import (
    ALiBi,
    DeBERTa,
    T5Bias,
    TransformerXL,
    alibi_slopes,
    relative_bucket,
    sinusoids,
)

sizes = st.integers(1, 6)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def randomized(module: torch.nn.Module) -> torch.nn.Module:
    """The module in double precision, with random numbers for parameters."""
    module = module.double()
    for seed, parameter in enumerate(module.parameters()):
        parameter.data = random(*parameter.shape, seed=seed + 7)
    return module


@pytest.mark.parametrize("n_heads", range(1, 41))
def test_the_slopes_of_alibi_are_blooms_for_any_number_of_heads(n_heads):
    theirs = build_alibi_tensor(torch.ones(1, 2), n_heads, torch.float32)[:, 0, 1]
    assert_close(alibi_slopes(n_heads), theirs)


def test_the_slopes_of_eight_heads_are_those_of_the_paper():
    assert alibi_slopes(8).tolist() == [2.0**-h for h in range(1, 9)]


@settings(deadline=None, max_examples=25)
@given(sizes, sizes, sizes, st.data())
def test_alibi_falls_with_the_distance_at_the_slope_of_the_head(batch, n_heads, src, data):
    seq = data.draw(st.integers(1, src))
    query, key = random(batch, n_heads, seq, 2), random(batch, n_heads, src, 2)
    bias, slopes = ALiBi(n_heads).double().bias(query, key), alibi_slopes(n_heads)
    for h in range(n_heads):
        for i in range(seq):
            for j in range(src):
                distance = abs(src - seq + i - j)
                assert bias[h, i, j].item() == pytest.approx(-slopes[h].item() * distance, abs=0)


@settings(deadline=None, max_examples=60)
@given(st.booleans(), st.integers(4, 70), st.integers(1, 300))
def test_buckets_are_t5s_at_every_distance(bidirectional, n_buckets, beyond):
    max_distance = n_buckets // (4 if bidirectional else 2) + beyond
    distances = torch.arange(-500, 501)
    theirs = T5Attention._relative_position_bucket(
        distances, bidirectional, n_buckets, max_distance
    )
    ours = relative_bucket(distances, bidirectional, n_buckets, max_distance)
    assert torch.equal(ours, theirs)
    assert ours.min() >= 0 and ours.max() < n_buckets


@settings(deadline=None, max_examples=20)
@given(st.booleans(), sizes, st.integers(1, 40), st.data())
def test_the_t5_bias_is_t5s(causal, n_heads, src, data):
    seq = data.draw(st.integers(1, src))
    config = T5Config(
        d_model=2 * n_heads,
        d_kv=2,
        num_heads=n_heads,
        relative_attention_num_buckets=12,
        relative_attention_max_distance=20,
        is_decoder=causal,
    )
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).double()
    ours = randomized(T5Bias(n_heads, n_buckets=12, max_distance=20, causal=causal))
    theirs.relative_attention_bias.weight.data = ours.table.data
    expected = theirs.compute_bias(seq, src, past_seen_tokens=src - seq)[0]
    assert_close(ours.bias(random(1, n_heads, seq, 2), random(1, n_heads, src, 2)), expected)


def test_a_new_t5_bias_prefers_no_distance_and_has_a_row_for_each_bucket():
    positions = T5Bias(4)
    assert positions.table.shape == (32, 4) and not positions.table.any()


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 2), st.integers(1, 3), st.integers(1, 6), st.data())
def test_transformer_xl_is_the_papers_four_terms(batch, n_heads, src, data):
    seq, d_head = data.draw(st.integers(1, src)), 2
    layer = randomized(TransformerXL(n_heads * d_head, n_heads))
    query, key = random(batch, n_heads, seq, d_head), random(batch, n_heads, src, d_head, seed=1)
    bias = layer.bias(query, key)
    for b in range(batch):
        for h in range(n_heads):
            w_r = layer.w_r.weight[h * d_head : (h + 1) * d_head]
            u, v = layer.content_bias[h, 0], layer.position_bias[h, 0]
            for i in range(seq):
                for j in range(src):
                    q, k = query[b, h, i], key[b, h, j]
                    distance = torch.tensor(src - seq + i - j, dtype=torch.float64)
                    r = w_r @ sinusoids(distance, n_heads * d_head)
                    expected = (q @ r + u @ k + v @ r) / sqrt(d_head)
                    assert_close(bias[b, h, i, j], expected)


def test_transformer_xl_knows_far_distances_in_a_model_of_low_precision():
    layer = randomized(TransformerXL(8, 1)).bfloat16()
    query, key = random(1, 1, 1, 8).bfloat16(), random(1, 1, 600, 8, seed=1).bfloat16()
    found = layer.bias(query, key).double()
    expected = layer.double().bias(query.double(), key.double())
    assert_close(found, expected, rtol=0, atol=0.1)


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 3), st.integers(1, 7))
def test_transformer_xl_gives_the_weights_of_xlnet(n_heads, seq):
    d_head, d_model = 2, 2 * n_heads
    config = XLNetConfig(d_model=d_model, n_head=n_heads, dropout=0.0)
    theirs, ours = (
        XLNetRelativeAttention(config).double(),
        randomized(TransformerXL(d_model, n_heads)),
    )
    theirs.r_w_bias.data, theirs.r_r_bias.data = ours.content_bias[:, 0], ours.position_bias[:, 0]
    rates = torch.tensor([10000 ** (-i / n_heads) for i in range(n_heads)], dtype=torch.float64)
    distances = torch.arange(seq, -seq, -1.0, dtype=torch.float64)
    waves = XLNetModel.positional_embedding(distances, rates)  # all sines, then all cosines
    order = torch.arange(d_model).view(-1, 2).T.flatten()
    r = (waves @ ours.w_r.weight[:, order].T).unflatten(-1, (n_heads, d_head))
    query, key = random(3, n_heads, seq, d_head), random(3, n_heads, seq, d_head, seed=1)
    q, k = (x.permute(2, 0, 1, 3) for x in (query, key))
    expected = theirs.rel_attn_core(q, k, k, r, output_attentions=True)[1].permute(2, 3, 0, 1)
    scores = query @ key.mT / sqrt(d_head) + ours.bias(query, key)
    assert_close(torch.softmax(scores, -1), expected)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 2), st.integers(1, 3), st.integers(1, 6), st.integers(1, 4), st.data())
def test_deberta_is_the_papers_two_position_terms(batch, n_heads, src, k_max, data):
    seq, d_head = data.draw(st.integers(1, src)), 3
    layer = randomized(DeBERTa(n_heads * d_head, n_heads, k_max))
    query, key = random(batch, n_heads, seq, d_head), random(batch, n_heads, src, d_head, seed=1)
    bias = layer.bias(query, key)

    def delta(i: int, j: int) -> int:
        if i - j <= -k_max:
            return 0
        return 2 * k_max - 1 if i - j >= k_max else i - j + k_max

    for b in range(batch):
        for h in range(n_heads):
            head = slice(h * d_head, (h + 1) * d_head)
            key_r = layer.table.weight @ layer.w_kr.weight[head].T
            query_r = layer.table.weight @ layer.w_qr.weight[head].T
            for row in range(seq):
                i = src - seq + row
                for j in range(src):
                    to_position = query[b, h, row] @ key_r[delta(i, j)]
                    to_content = key[b, h, j] @ query_r[delta(j, i)]
                    expected = (to_position + to_content) / sqrt(3 * d_head)
                    assert_close(bias[b, h, row, j], expected)


@pytest.mark.parametrize("term", ["c2p", "p2c"])
def test_each_term_of_deberta_is_hugging_faces(term):
    """Their third term looks up δ(i, j), the paper's and ours δ(j, i): the table turns round."""
    seq, n_heads, d_head, k_max = 5, 2, 3, 7
    config = DebertaConfig(
        hidden_size=n_heads * d_head,
        num_attention_heads=n_heads,
        relative_attention=True,
        max_relative_positions=k_max,
        pos_att_type=["c2p", "p2c"],
        hidden_dropout_prob=0.0,
    )
    ours = randomized(DeBERTa(n_heads * d_head, n_heads, k_max))
    theirs = DisentangledSelfAttention(config).double()
    theirs.pos_proj.weight.data = ours.w_kr.weight.data.clone()
    theirs.pos_q_proj.weight.data = ours.w_qr.weight.data.clone()
    theirs.pos_q_proj.bias.data.zero_()
    (ours.w_qr if term == "c2p" else ours.w_kr).weight.data.zero_()
    (theirs.pos_q_proj if term == "c2p" else theirs.pos_proj).weight.data.zero_()
    table = ours.table.weight.detach()
    if term == "p2c":
        table = torch.cat([table[:1], table[1:].flip(0)])
    query, key = random(1, n_heads, seq, d_head), random(1, n_heads, seq, d_head, seed=1)
    offset = torch.arange(seq)[:, None] - torch.arange(seq)
    expected = theirs.disentangled_att_bias(query / sqrt(3 * d_head), key, offset, table, 3)
    assert_close(ours.bias(query, key), expected, rtol=1e-6, atol=1e-6)  # their root is float32


def test_deberta_knows_no_distance_beyond_its_last_row():
    layer, x = randomized(DeBERTa(4, 2, max_distance=3)), random(1, 2, 1, 2).expand(1, 2, 9, 2)
    row = layer.bias(x, x)[0, 0, 0]  # keys ahead of the query, by 0 to 8 tokens
    assert torch.equal(row[3:], row[3].expand(6))
    assert row[:4].diff().abs().min() > 1e-6


def test_sizes_of_the_parameters_are_those_of_the_formulas():
    shapes = {name: tuple(p.shape) for name, p in TransformerXL(8, 2).named_parameters()}
    assert shapes == {
        "content_bias": (2, 1, 4),
        "position_bias": (2, 1, 4),
        "w_r.weight": (8, 8),
    }
    shapes = {name: tuple(p.shape) for name, p in DeBERTa(8, 2, 5).named_parameters()}
    assert shapes == {"table.weight": (10, 8), "w_qr.weight": (8, 8), "w_kr.weight": (8, 8)}


def _bias(positions, *shape):
    return positions.bias(torch.zeros(shape), torch.zeros(shape))


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: _bias(ALiBi(1), 2, 4, 5, 8), r"\(2, 4, 5, 8\); expected \(batch, 1, .*n_heads=1"),
        (lambda: _bias(T5Bias(1), 2, 4, 5, 8), r"expected \(batch, 1, tokens, d_head\)"),
        (lambda: _bias(TransformerXL(8, 2), 2, 4, 5, 4), r"expected \(batch, 2, tokens, 4\)"),
        (lambda: _bias(DeBERTa(8, 2, 3), 2, 2, 5, 1), r"\(2, 2, 5, 1\); expected \(batch, 2, tok"),
        (
            lambda: ALiBi(2).bias(torch.zeros(1, 2, 5, 4), torch.zeros(1, 2, 3, 4)),
            "5 queries but 3 keys",
        ),
        (lambda: TransformerXL(9, 2), "d_model is 9 and n_heads is 2"),
        (lambda: TransformerXL(9, 3), "d_model is 9; expected an even number"),
        (lambda: DeBERTa(9, 2, 3), "d_model is 9 and n_heads is 2"),
        (lambda: DeBERTa(8, 2, 0), "max_distance is 0"),
        (lambda: T5Bias(2, n_buckets=1), "n_buckets is 1; expected at least 2"),
        (lambda: T5Bias(2, n_buckets=3, causal=False), "at least 4.*in each direction"),
        (lambda: T5Bias(2, n_buckets=32, max_distance=16), "max_distance is 16.*more than 16"),
        (
            lambda: relative_bucket(torch.arange(3), n_buckets=32, max_distance=8),
            "max_distance is 8.*more than 8",
        ),
    ],
)
def test_a_wrong_size_is_told_what_was_expected(action, message):
    with pytest.raises(ValueError, match=message):
        action()
