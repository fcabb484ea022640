"""Positions: what holds for every scheme, and the rotation, held equal to Llama's."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from glassbox.positions import (
    POSITIONS,
    ALiBi,
    NoPositions,
    Positions,
    Rotary,
    T5Bias,
    build_positions,
    offsets,
)

names = st.sampled_from(sorted(POSITIONS))
reader = pytest.mark.usefixtures("as_a_reader_runs_it")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def scheme(name: str, causal: bool = True, context_length: int = 16) -> Positions:
    """A scheme of two heads of width 4, whose parameters are random numbers and not zeros."""
    sizes = SimpleNamespace(d_model=8, n_heads=2, d_head=4, context_length=context_length)
    built = build_positions(name, sizes, causal).double()
    for seed, parameter in enumerate(built.parameters()):
        parameter.data = random(*parameter.shape, seed=seed + 7)
    return built


@settings(deadline=None, max_examples=80)
@given(names, st.booleans(), st.integers(1, 12), st.data())
def test_the_last_tokens_alone_get_what_they_get_among_all(name, causal, src, data):
    seq = data.draw(st.integers(1, src))
    positions, start = scheme(name, causal), src - seq
    x, where = random(3, src, 8), torch.arange(src)
    query, key = random(3, 2, src, 4, seed=1), random(3, 2, src, 4, seed=2)
    assert_close(
        positions(x[:, start:], where[start:]), positions(x, where)[:, start:], rtol=0, atol=0
    )
    turned = positions.turn(query, start=0)
    assert_close(positions.turn(query[:, :, start:], start), turned[:, :, start:], rtol=0, atol=0)
    full, last = positions.bias(query, key), positions.bias(query[:, :, start:], key)
    if full is None:
        assert last is None
    else:
        assert full.shape in {(2, src, src), (3, 2, src, src)}
        assert_close(last, full[..., start:, :], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", POSITIONS)
def test_a_scheme_acts_at_its_seat_and_nowhere_else(name):
    positions, x, q = scheme(name), random(3, 5, 8), random(3, 2, 5, 4)
    acts_at_embeddings = not torch.equal(positions(x, torch.arange(5)), x)
    acts_in_attention = not torch.equal(positions.turn(q, 3), q) or positions.bias(q, q) is not None
    assert acts_at_embeddings == (name in {"sinusoidal", "learned"})
    assert acts_in_attention == (name not in {"none", "sinusoidal", "learned"})
    assert positions.seat == ("attention" if acts_in_attention else "embeddings")
    assert positions.terms == (3 if name == "deberta" else 1)


@pytest.mark.parametrize("name", [name for name in POSITIONS if scheme(name).seat == "attention"])
def test_a_relative_scheme_scores_by_the_offset_alone(name):
    positions = scheme(name, causal=False)
    query, key = (random(1, 2, 1, 4, seed=s).expand(1, 2, 9, 4) for s in (1, 2))
    scores = positions.turn(query, 0) @ positions.turn(key, 0).transpose(-2, -1)
    bias = positions.bias(query, key)
    scores = scores if bias is None else scores + bias
    assert_close(scores[..., 1:, 1:], scores[..., :-1, :-1])
    first_row, first_column = scores[0, :, 0], scores[0, :, :, 0]
    assert first_row.diff().abs().min() > 1e-6 or name == "t5"  # T5 puts neighbors in one bucket
    assert torch.equal(first_row, first_column) == (name == "alibi")  # only ALiBi loses the sign


@pytest.mark.parametrize("name", POSITIONS)
def test_precision_in_is_precision_out(name):
    positions = scheme(name).bfloat16()
    x, q = random(3, 5, 8).bfloat16(), random(3, 2, 5, 4).bfloat16()
    results = positions(x, torch.arange(5)), positions.turn(q, 2), positions.bias(q, q)
    assert all(result.dtype == torch.bfloat16 for result in results if result is not None)


@pytest.mark.parametrize("name", ["learned", "t5", "transformer_xl", "deberta"])
def test_training_reaches_every_parameter_from_the_first_step(name):
    sizes = SimpleNamespace(d_model=8, n_heads=2, d_head=4, context_length=16)
    positions = build_positions(name, sizes, causal=True).double()
    x, q, k = random(3, 5, 8), random(3, 2, 5, 4, seed=1), random(3, 2, 5, 4, seed=2)
    scores = positions.turn(q, 0) @ positions.turn(k, 0).transpose(-2, -1)
    bias = positions.bias(q, k)
    loss = (random(3, 2, 5, 5, seed=3) * (scores if bias is None else scores + bias)).sum()
    loss = loss + positions(x, torch.arange(5)).square().sum()
    gradients = torch.autograd.grad(loss, list(positions.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("name", ["none", "sinusoidal", "rotary", "alibi"])
def test_what_can_be_recomputed_is_neither_learned_nor_saved(name):
    assert not list(scheme(name).parameters()) and not scheme(name).state_dict()


def test_the_names_build_the_schemes_with_the_sizes_of_the_model():
    kinds = [type(scheme(name)).__name__ for name in POSITIONS]
    assert kinds == [
        *("NoPositions", "Sinusoidal", "Learned", "Rotary"),
        *("ALiBi", "T5Bias", "TransformerXL", "DeBERTa"),
    ]
    assert scheme("sinusoidal").table.shape == scheme("learned").table.weight.shape == (16, 8)
    assert scheme("t5", causal=True).causal and not scheme("t5", causal=False).causal
    assert scheme("deberta").max_distance == 16
    with pytest.raises(ValueError, match=r"positions is 'rotory'.*Did you mean 'rotary'"):
        scheme("rotory")


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 8), st.integers(1, 9), st.integers(0, 40), st.sampled_from([100.0, 1e4, 5e5]))
def test_rotary_equals_llamas(pairs, seq, start, base):
    query, key = (random(2, 3, seq, 2 * pairs, seed=s).float() for s in (1, 2))
    rope = {"rope_type": "default", "rope_theta": base}
    config = LlamaConfig(
        hidden_size=6 * pairs, num_attention_heads=3, head_dim=2 * pairs, rope_parameters=rope
    )
    cos, sin = LlamaRotaryEmbedding(config)(query, torch.arange(start, start + seq)[None])
    theirs = apply_rotary_pos_emb(query, key, cos, sin)
    rotary = Rotary(2 * pairs, base)
    for our, their in zip((query, key), theirs, strict=True):
        assert_close(rotary.turn(our, start), their, rtol=1e-4, atol=3e-5)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 8), st.integers(1, 9), st.integers(0, 200_000))
def test_rotary_turns_neighbors_as_in_roformer_up_to_the_order_of_columns(pairs, seq, start):
    x = random(2, 3, seq, 2 * pairs)
    rates = torch.tensor([10000 ** (-i / pairs) for i in range(pairs)], dtype=torch.float64)
    turns = torch.outer(torch.arange(start, start + seq).double(), rates)
    numbers = torch.view_as_complex(x.unflatten(-1, (pairs, 2)))  # columns 2i and 2i + 1
    expected = torch.view_as_real(numbers * torch.polar(torch.ones_like(turns), turns)).flatten(-2)
    order = torch.arange(2 * pairs).view(pairs, 2).T.flatten()  # first the even, then the odd ones
    assert_close(
        Rotary(2 * pairs).turn(x[..., order], start), expected[..., order], rtol=0, atol=1e-10
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 500), st.integers(0, 500))
def test_rotary_keeps_lengths_and_scores_of_a_shifted_text(start, later):
    rotary, query, key = Rotary(8), random(1, 1, 6, 8), random(1, 1, 6, 8, seed=1)
    here, there = (rotary.turn(query, s) @ rotary.turn(key, s).mT for s in (start, later))
    assert_close(here, there)
    assert_close(rotary.turn(query, start).norm(dim=-1), query.norm(dim=-1))


def test_rotary_knows_far_positions_in_a_model_of_low_precision():
    x = random(1, 1, 4, 8).bfloat16()
    expected = Rotary(8).turn(x.double(), 4001)
    assert_close(Rotary(8).bfloat16().turn(x, 4001).double(), expected, rtol=1e-2, atol=5e-3)


def test_queries_are_the_last_of_the_positions_that_have_keys():
    expected = [[2, 1, 0, -1], [3, 2, 1, 0]]
    assert offsets(torch.zeros(2, 8), torch.zeros(5, 4, 3)).tolist() == expected
    assert offsets(torch.zeros(1, 3), torch.zeros(1, 3)).tolist() == [[0]]


@reader
@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: Rotary(3), "d_head is 3; expected an even number.*Take 4"),
        (lambda: Rotary(0), "d_head is 0"),
        (lambda: ALiBi(0), "n_heads is 0"),
        (lambda: T5Bias(0), "n_heads is 0"),
        (lambda: Rotary(4).turn(torch.zeros(1, 1, 3, 6), 0), r"\(1, 1, 3, 6\).*d_head=4"),
        (lambda: offsets(torch.zeros(5, 4), torch.zeros(3, 4)), "5 queries but 3 keys.*NoPosit"),
    ],
)
def test_a_wrong_size_is_told_what_was_expected(action, message):
    with pytest.raises(ValueError, match=message):
        action()


def test_nothing_is_passed_on_untouched():
    x, q = random(2, 5, 8), random(2, 2, 5, 4)
    nothing = NoPositions()
    assert nothing(x, torch.arange(5)) is x and nothing.turn(q, 3) is q
    assert nothing.bias(q, q) is None


def test_a_scheme_of_ones_own_acts_where_its_methods_are():
    class Pull(Positions):
        def bias(self, query, key):
            return None

    class Push(Positions):
        def forward(self, x, positions):
            return x

    assert (Pull.seat, Push.seat, NoPositions.seat) == ("attention", "embeddings", "embeddings")
