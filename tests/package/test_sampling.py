"""Filters and samplers, held equal to those of Hugging Face, and to what they promise."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close
from transformers import (
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from twins import random, some_tokens

from glassbox.generation import GREEDY, Sampler, filters

seeds = st.integers(0, 10_000)
shares = st.floats(0.01, 1.0)
TIES = torch.tensor([[1.0, 2.0, 2.0, 0.0, 2.0, 1.0]])


def some_logits(seed: int = 0, batch: int = 3, vocab_size: int = 40) -> Tensor:
    return 4 * random(batch, vocab_size, seed=seed)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    assert_close(ours, theirs, rtol=0, atol=0)


# Each filter alone


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(0.05, 5))
def test_temperature_is_that_of_hugging_face(seed, t):
    z = some_logits(seed)
    assert_same(filters.temperature(z, t), TemperatureLogitsWarper(t)(None, z.clone()))


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 60))
def test_top_k_is_that_of_hugging_face(seed, k):
    z = some_logits(seed)
    assert_same(filters.top_k(z, k), TopKLogitsWarper(k)(None, z.clone()))


@settings(deadline=None, max_examples=60)
@given(seeds, shares)
def test_top_p_is_that_of_hugging_face(seed, p):
    z = some_logits(seed)
    assert_same(filters.top_p(z, p), TopPLogitsWarper(p)(None, z.clone()))


@settings(deadline=None, max_examples=60)
@given(seeds, shares)
def test_min_p_is_that_of_hugging_face(seed, p):
    z = some_logits(seed)
    assert_same(filters.min_p(z, p), MinPLogitsWarper(p)(None, z.clone()))


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(0.5, 3), st.integers(1, 60))
def test_the_repetition_penalty_is_that_of_hugging_face(seed, penalty, seq):
    z, text = some_logits(seed), some_tokens(3, seq, vocab_size=40, seed=seed)
    ours = filters.repetition_penalty(z, text, penalty)
    assert_same(ours, RepetitionPenaltyLogitsProcessor(penalty)(text, z.clone()))
    assert not torch.equal(ours, z) or penalty == 1


@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 5), st.integers(1, 30))
def test_runs_are_blocked_as_hugging_face_blocks_them(seed, n, seq):
    z, text = some_logits(seed, vocab_size=35), some_tokens(3, seq, vocab_size=4, seed=seed)
    ours = filters.block_repeats(z, text, n)
    assert_same(ours, NoRepeatNGramLogitsProcessor(n)(text, z.clone()))


@settings(deadline=None, max_examples=40)
@given(seeds, shares)
def test_the_nucleus_reaches_p_and_no_smaller_set_does(seed, p):
    z = some_logits(seed)
    probabilities, kept = z.softmax(-1), filters.top_p(z, p).isfinite()
    for row, keep in zip(probabilities, kept, strict=True):
        assert row[keep].sum() >= p - 1e-12
        assert row[keep].sum() - row[keep].min() < p
        assert keep.all() or row[keep].min() >= row[~keep].max()


def test_the_nucleus_of_half_precision_is_summed_in_single():
    z = some_logits(0, vocab_size=2_000).bfloat16()
    for p in (0.5, 0.9, 0.99):
        assert torch.equal(filters.top_p(z, p).isinf(), filters.top_p(z.float(), p).isinf())


def test_equal_logits_at_the_border_stay_in_the_order_of_their_ids():
    for k, kept in [(1, [1]), (2, [1, 2]), (3, [1, 2, 4]), (4, [0, 1, 2, 4]), (9, [*range(6)])]:
        assert filters.top_k(TIES, k)[0].isfinite().nonzero().flatten().tolist() == kept
    for p, kept in [(0.01, [1]), (0.3, [1, 2]), (0.6, [1, 2, 4]), (0.85, [0, 1, 2, 4])]:
        assert filters.top_p(TIES, p)[0].isfinite().nonzero().flatten().tolist() == kept
    assert filters.min_p(TIES, 1.0)[0].isfinite().nonzero().flatten().tolist() == [1, 2, 4]


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_filters_that_filter_nothing_change_nothing(seed):
    z, text = some_logits(seed), some_tokens(3, 9, vocab_size=40, seed=seed)
    same = [filters.temperature(z, 1.0), filters.top_k(z, 40), filters.top_p(z, 1.0)]
    same += [filters.repetition_penalty(z, text, 1.0), filters.block_repeats(z, text, 10)]
    for filtered in same:
        assert_same(filtered, z)


@pytest.mark.parametrize("name", ["top_k", "top_p", "min_p"])
def test_what_was_ruled_out_stays_out_and_one_token_is_always_left(name):
    z = torch.full((2, 5), -torch.inf)
    z[0, 3] = z[1, 1] = 0.0
    assert_same(getattr(filters, name)(z, 1), z)
    largest = some_logits(batch=200).float().argmax(-1)
    for p in (1e-3, 1e-9, 1e-30) if name == "top_p" else ():
        kept = filters.top_p(some_logits(batch=200).float(), p).isfinite()
        assert torch.equal(kept.nonzero()[:, 1], largest)


@settings(deadline=None, max_examples=20)
@given(seeds, st.integers(0, 6), st.integers(1, 3))
def test_padding_counts_as_no_repetition(seed, n_padding, n):
    z, text = some_logits(seed, vocab_size=30), some_tokens(3, 8, vocab_size=4, seed=seed)
    padded = torch.cat([some_tokens(3, n_padding, vocab_size=4, seed=seed + 1), text], dim=1)
    real = torch.arange(8 + n_padding).expand(3, -1) >= n_padding
    for filtered, setting in [(filters.repetition_penalty, 1.7), (filters.block_repeats, n)]:
        assert_same(filtered(z, padded, setting, real), filtered(z, text, setting))


def test_no_filter_changes_the_logits_it_was_given():
    z, text = some_logits(), some_tokens(3, 9, vocab_size=40)
    before = z.clone()
    filters.temperature(z, 0.5), filters.top_k(z, 3), filters.top_p(z, 0.5), filters.min_p(z, 0.5)
    filters.repetition_penalty(z, text, 2.0), filters.block_repeats(z, text, 1)
    assert_same(z, before)


# The chain


@settings(deadline=None, max_examples=25)
@given(seeds, st.floats(0.3, 2), st.integers(2, 30), st.floats(0.3, 1), st.floats(0.01, 0.5))
def test_a_sampler_filters_in_the_order_of_hugging_face(seed, t, k, p, least):
    z, text = some_logits(seed, batch=1), some_tokens(1, 12, vocab_size=40, seed=seed)
    chain = [RepetitionPenaltyLogitsProcessor(1.3), NoRepeatNGramLogitsProcessor(1)]
    chain += [TemperatureLogitsWarper(t), TopKLogitsWarper(k), TopPLogitsWarper(p)]
    left = z.clone()
    for filtered in [*chain, MinPLogitsWarper(least)]:
        left = filtered(text, left)
    sampler = Sampler(
        temperature=t, top_k=k, top_p=p, min_p=least, repetition_penalty=1.3, block_repeats=1
    )
    draws = sampler(z.expand(4000, -1), text.expand(4000, -1), generator(seed))
    shares = torch.bincount(draws, minlength=40) / 4000
    expected = left.softmax(-1)[0]
    assert not shares[expected == 0].any()
    assert (shares - expected).abs().max() < 0.05  # more than 6 standard deviations


@pytest.mark.parametrize("t", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_as_often_as_softmax_says(t):
    z, n = some_logits(batch=1, vocab_size=8) / 2, 40_000
    text = torch.zeros(n, 1, dtype=torch.long)
    drawn = torch.bincount(Sampler(temperature=t)(z.expand(n, -1), text, generator()), minlength=8)
    expected = n * (z[0] / t).softmax(-1)
    surprise = ((drawn - expected) ** 2 / expected).sum()
    assert surprise < 35  # chi-square with 7 degrees of freedom: once in 100,000


def test_greedy_top_1_and_hardly_any_temperature_take_the_largest_logit():
    z, text = some_logits(batch=500), torch.zeros(500, 1, dtype=torch.long)
    largest = z.argmax(-1)
    assert torch.equal(GREEDY(z, text), largest)
    for sampler in (Sampler(top_k=1), Sampler(top_p=1e-6), Sampler(temperature=1e-5)):
        assert torch.equal(sampler(z, text, generator()), largest)
    ties = TIES.expand(500, -1)
    assert (Sampler(top_k=1)(ties, text, generator()) == GREEDY(ties, text)).all()


def test_the_same_seed_draws_the_same_and_another_one_does_not():
    z, text = some_logits(batch=50), torch.zeros(50, 1, dtype=torch.long)
    first, again, other = (Sampler()(z, text, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_half_precision_does_not_overflow_at_a_small_temperature():
    z = torch.tensor([[60.0, 59.0, -60.0]], dtype=torch.float16)
    text = torch.zeros(1, 1, dtype=torch.long)
    assert Sampler(temperature=1e-4)(z, text, generator()).item() == 0


def test_greedy_settings_know_repetition_too():
    z, text = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0, 0]])
    assert Sampler(temperature=0, repetition_penalty=2.0)(z, text).item() == 1
    assert Sampler(temperature=0, block_repeats=2)(z, text).item() == 1
    assert Sampler(temperature=0, block_repeats=2)(z, text, real=text > 0).item() == 0
