"""The losses: held equal to PyTorch's and to their formulas."""

from math import log

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from twins import random

from glassbox.losses import IGNORED, Output, contrastive_loss, cross_entropy

small = st.integers(1, 5)


@settings(deadline=None, max_examples=50)
@given(st.lists(small, min_size=1, max_size=3), st.integers(1, 7), st.data())
def test_cross_entropy_equals_pytorchs_in_values_and_gradients(shape, classes, data):
    choices = st.one_of(st.integers(0, classes - 1), st.just(IGNORED))
    count = torch.Size(shape).numel()
    drawn = data.draw(st.lists(choices, min_size=count, max_size=count))
    drawn[data.draw(st.integers(0, count - 1))] = classes - 1  # one at least counts
    targets = torch.tensor(drawn).reshape(shape)
    ours, theirs = (random(*shape, classes).requires_grad_() for _ in range(2))
    loss = cross_entropy(ours, targets)
    # PyTorch wants the classes on the second axis; a sum over the counted ones needs no mean.
    rows, counted = theirs.reshape(-1, classes), targets.flatten() != -100
    expected = F.cross_entropy(rows[counted], targets.flatten()[counted], reduction="sum")
    expected = expected / counted.sum()
    assert_close(loss, expected)
    loss.backward()
    expected.backward()
    assert_close(ours.grad, theirs.grad)
    assert (ours.grad[targets == IGNORED] == 0).all()


def test_the_gradient_is_softmax_minus_the_truth():
    logits, targets = random(2, 3, 5).requires_grad_(), torch.tensor([[0, 4, 2], [1, -100, 3]])
    cross_entropy(logits, targets).backward()
    truth = F.one_hot(targets.clamp(min=0), 5)
    expected = (logits.softmax(-1) - truth) / 5 * (targets != -100)[..., None]
    assert_close(logits.grad, expected)


def test_knowing_nothing_costs_the_logarithm_of_the_number_of_classes():
    loss = cross_entropy(torch.zeros(4, 8, 65), torch.zeros(4, 8, dtype=torch.long))
    assert_close(loss, torch.tensor(log(65)))
    assert round(loss.item(), 4) == 4.1744


def test_a_softmax_too_many_keeps_the_loss_of_a_perfect_guess_above_zero():
    for classes, floor in ((2, 0.3133), (65, 3.2005)):
        perfect = F.one_hot(torch.tensor([1]), classes) * 1e4
        twice = cross_entropy(perfect.softmax(-1), torch.tensor([1]))
        assert round(twice.item(), 4) == floor
        assert cross_entropy(perfect.float(), torch.tensor([1])) == 0


def test_without_targets_there_is_no_loss():
    assert cross_entropy(random(2, 3), None) is None
    logits, loss = Output(random(2, 3), None)
    assert logits.shape == (2, 3) and loss is None


def test_targets_of_32_bits_count_as_well():
    logits, targets = random(2, 3, 5), torch.tensor([[0, 4, 2], [1, -100, 3]])
    assert torch.equal(cross_entropy(logits, targets.int()), cross_entropy(logits, targets))


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([[0, 1], [2, 3]], r"targets has shape \(2, 2\).*logits have shape \(2, 3, 5\).*\(2, 3\)"),
        ([[-100] * 3] * 2, "every target is -100"),
        ([[0, 1, 5], [0, 0, 0]], r"targets holds 5, but there are 5 classes: expected 0 to 4"),
        ([[0, 1, -1], [0, 0, -100]], "targets holds -1"),
    ],
)
def test_unfit_targets_are_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy(random(2, 3, 5), torch.tensor(targets))


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 6), st.integers(1, 5), st.floats(0.05, 5.0))
def test_the_contrastive_loss_is_its_formula(batch, d_model, temperature):
    left, right = random(batch, d_model), random(batch, d_model, seed=1)
    surprise = 0.0
    for i in range(batch):
        cosines = [F.cosine_similarity(left[i], right[j], dim=0).item() for j in range(batch)]
        odds = torch.tensor(cosines, dtype=torch.float64).div(temperature).exp()
        surprise -= log(odds[i] / odds.sum()) / batch
    loss = contrastive_loss(left, right, temperature)
    assert_close(loss.item(), surprise)


def test_the_contrastive_loss_where_nothing_is_told_apart_is_ln_of_the_batch():
    loss = contrastive_loss(torch.ones(32, 4), torch.ones(32, 4))
    assert_close(loss, torch.tensor(log(32)))
    assert round(loss.item(), 4) == 3.4657


def test_the_contrastive_loss_falls_when_pairs_agree_and_ignores_lengths():
    left = random(6, 16)
    assert contrastive_loss(left, left) < 1e-3 < contrastive_loss(left, left.roll(1, dims=0))
    right = random(6, 16, seed=1)
    assert_close(contrastive_loss(7 * left, right), contrastive_loss(left, right))
    # 0.05 is the default temperature
    assert_close(contrastive_loss(left, right), contrastive_loss(left, right, 0.05))


@pytest.mark.parametrize(("batch", "temperature"), [(4, 0.0), (4, -0.05), (1, 0.05)])
def test_a_contrast_without_others_or_without_a_temperature_is_refused(batch, temperature):
    with pytest.raises(ValueError, match="one pair" if batch == 1 else "temperature is"):
        contrastive_loss(random(batch, 3), random(batch, 3), temperature)
