"""Evaluating gives the mean over targets, and leaves no trace."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import TensorDataset
from twins import SMALL, randomized, some_tokens

from glassbox.gpt import GPT, GPTConfig
from glassbox.training import Batches, TrainingConfig, estimate_losses, evaluate, train


def gpt(**change) -> GPT:
    return randomized(GPT(GPTConfig(**SMALL | {"n_layers": 1} | change)))


def data(items: int = 10, seed: int = 0) -> TensorDataset:
    text = some_tokens(items, 8, seed=seed)
    targets = text[:, 1:].clone()
    for row in range(items):
        targets[row, : row % 7] = -100
    return TensorDataset(text[:, :-1], targets)


@pytest.mark.parametrize("size", [1, 3, 4, 10, 25])
def test_the_loss_is_the_mean_over_targets_however_the_data_are_cut(size):
    model, dataset = gpt(), data()
    tokens, targets = dataset.tensors
    expected = F.cross_entropy(model(tokens).logits.flatten(0, 1), targets.flatten()).item()
    batches = Batches(dataset, size, shuffle=False)
    assert evaluate(model, batches) == pytest.approx(expected, rel=1e-12)
    assert evaluate(model, list(batches)) == pytest.approx(expected, rel=1e-12)


def test_batches_in_which_nothing_counts_are_passed_over():
    model, dataset = gpt(), data()
    tokens, targets = dataset[:4]
    nothing = torch.full_like(targets, -100)
    with_them = [(tokens, nothing), (tokens, targets), (tokens, nothing)]
    assert evaluate(model, with_them) == evaluate(model, [(tokens, targets)])


def test_only_so_many_batches_are_read():
    model, batches = gpt(), list(Batches(data(), 3, shuffle=False))
    for count in (1, 2, 4, 9):
        assert evaluate(model, batches, count) == evaluate(model, batches[:count])


def test_sources_are_estimated_by_name_and_a_sample_is_the_same_each_time():
    model = gpt()
    sources = {"train": Batches(data(), 3, seed=5), "held_out": list(Batches(data(seed=1), 3))}
    losses = estimate_losses(model, sources, max_batches=2)
    assert losses == estimate_losses(model, sources, max_batches=2)
    assert losses == {name: evaluate(model, source, 2) for name, source in sources.items()}
    assert losses["train"] != evaluate(model, Batches(data(), 3, seed=6), 2)


@pytest.mark.parametrize("fails", [False, True])
def test_modes_generators_and_gradients_stay_as_they_were(fails):
    model = gpt(dropout=0.5).train()
    model.blocks[0].eval()
    modes = [module.training for module in model.modules()]
    draws = torch.nn.functional.dropout
    seen = []

    def look(module, inputs, output):
        seen.append([part.training for part in model.modules()])
        draws(torch.ones(3), training=True)  # a layer that draws even in evaluation mode
        assert not torch.is_grad_enabled()
        if fails:
            raise ArithmeticError

    model.head.register_forward_hook(look)
    state = torch.get_rng_state()
    if fails:
        with pytest.raises(ArithmeticError):
            evaluate(model, [data()[:4]])
    else:
        evaluate(model, [data()[:4]])
    assert seen == [[False] * len(modes)]
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled() and all(p.grad is None for p in model.parameters())


def test_training_is_the_same_with_and_without_evaluations():
    class Noisy(nn.Module):
        """Draws random numbers in evaluation mode too."""

        def forward(self, x):
            return nn.functional.dropout(x, 0.2, training=True)

    runs = []
    for every in (None, 1, 2):
        model = gpt(dropout=0.3)
        model.dropout = Noisy()
        config = TrainingConfig(steps=6, evaluate_every=every)
        held_out = None if every is None else Batches(data(seed=3), 4)
        history = train(model, Batches(data(), 4), config, held_out=held_out)
        runs.append((history.losses, [p.tolist() for p in model.parameters()]))
        assert len(history.evaluations) == (0 if every is None else 6 // every)
    assert runs[0] == runs[1] == runs[2]


def test_labels_are_not_smoothed_in_an_evaluation():
    model, held_out = gpt(), [data()[:6]]
    config = TrainingConfig(steps=1, learning_rate=1e-12, label_smoothing=0.5, weight_decay=0.0)
    history = train(model, Batches(data(), 4), config, held_out=held_out)
    tokens, targets = held_out[0]
    expected = F.cross_entropy(model(tokens).logits.flatten(0, 1), targets.flatten()).item()
    assert history.held_out_loss == pytest.approx(expected, rel=1e-9)
