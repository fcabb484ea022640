"""Normalization: the formulas, held equal to PyTorch's layers and to what the layers are for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from glassbox.norms import NORMS, LayerNorm, RMSNorm, layer_norm, rms_norm

sizes = st.integers(1, 7)
shapes = st.lists(sizes, max_size=3)
eps = st.floats(1e-8, 1e-2)
reader = pytest.mark.usefixtures("as_a_reader_runs_it")


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def same_values_and_gradients(ours, theirs, x: torch.Tensor) -> None:
    """Assert that two modules with equal parameters agree, forward and backward."""
    leaves = [x.clone().requires_grad_() for _ in range(2)]
    weights = random(*x.shape, seed=9)
    for module, leaf in zip((ours, theirs), leaves, strict=True):
        (weights * module(leaf)).sum().backward()
    assert_close(ours(x), theirs(x))
    assert_close(leaves[0].grad, leaves[1].grad)
    expected = dict(theirs.named_parameters())
    assert dict(ours.named_parameters()).keys() == expected.keys()
    for name, parameter in ours.named_parameters():
        assert_close(parameter.grad, expected[name].grad)


def randomized(module: nn.Module) -> nn.Module:
    module = module.double()
    for seed, parameter in enumerate(module.parameters()):
        parameter.data = random(*parameter.shape, seed=seed + 7)
    return module


class Formula(nn.Module):
    """The function in place of the module, with the module's own parameters."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, getattr(norm, "bias", None), norm.eps
        self.centers = isinstance(norm, LayerNorm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.centers:
            return layer_norm(x, self.weight, self.bias, self.eps)
        return rms_norm(x, self.weight, self.eps)


@pytest.mark.parametrize("as_formula", [False, True])
@settings(deadline=None, max_examples=25)
@given(shapes, sizes, eps, st.booleans())
def test_layer_norm_is_pytorchs_in_values_and_gradients(as_formula, batch, d_model, eps, bias):
    ours = randomized(LayerNorm(d_model, eps=eps, bias=bias))
    theirs = nn.LayerNorm(d_model, eps=eps, bias=bias).double()
    theirs.load_state_dict(ours.state_dict())
    same_values_and_gradients(
        Formula(ours) if as_formula else ours, theirs, random(*batch, d_model)
    )


@pytest.mark.parametrize("as_formula", [False, True])
@settings(deadline=None, max_examples=25)
@given(shapes, sizes, eps)
def test_rms_norm_is_pytorchs_in_values_and_gradients(as_formula, batch, d_model, eps):
    ours = randomized(RMSNorm(d_model, eps=eps))
    theirs = nn.RMSNorm(d_model, eps=eps).double()
    theirs.load_state_dict(ours.state_dict())
    same_values_and_gradients(
        Formula(ours) if as_formula else ours, theirs, random(*batch, d_model)
    )


def test_the_constants_are_those_of_pytorch_and_of_llama():
    assert LayerNorm(3).eps == nn.LayerNorm(3).eps == 1e-5
    assert RMSNorm(3).eps == 1e-6
    x = torch.tensor([1e-3, 2e-3, 4e-3], dtype=torch.float64)  # small enough for ε to matter
    weight = torch.ones(3, dtype=torch.float64)
    assert_close(layer_norm(x, weight), LayerNorm(3).double()(x))
    assert_close(rms_norm(x, weight), RMSNorm(3).double()(x))
    assert torch.equal(LayerNorm(3).weight, torch.ones(3))
    assert torch.equal(LayerNorm(3).bias, torch.zeros(3))
    assert torch.equal(RMSNorm(3).weight, torch.ones(3))


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([0.001, 0.002, 0.003], [-0.3062, 0.0, 0.3062]),
        ([1000.0, 2000.0, 3000.0], [-1.2247, 0.0, 1.2247]),
        ([-500.0, 800.0, -200.0], [-0.9596, 1.3794, -0.4198]),
    ],
)
def test_layer_norm_of_the_example_tokens(x, expected):
    assert_close(LayerNorm(3)(torch.tensor(x)), torch.tensor(expected), rtol=0, atol=5e-5)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 7), st.floats(0.5, 100.0), st.floats(-10.0, 10.0))
def test_layer_norm_forgets_scale_and_shift_and_rms_norm_only_the_scale(d_model, scale, shift):
    x = random(4, d_model)
    layer, rms = LayerNorm(d_model, eps=0.0).double(), RMSNorm(d_model, eps=0.0).double()
    assert_close(layer(scale * x + shift), layer(x))
    assert_close(rms(scale * x), rms(x))
    assert_close(rms(x).square().mean(-1), torch.ones(4, dtype=torch.float64))
    if abs(shift) > 0.1:
        assert not torch.allclose(rms(x + shift), rms(x))


@pytest.mark.parametrize("norm", NORMS.values())
def test_a_token_is_normalized_without_regard_to_the_others(norm):
    layer, x = randomized(norm(5)), random(2, 6, 5)
    changed = x.clone()
    changed[0, 3] = 100.0
    kept = torch.ones(2, 6, dtype=torch.bool)
    kept[0, 3] = False
    assert torch.equal(layer(changed)[kept], layer(x)[kept])


def test_the_names_and_the_sizes_of_the_norms():
    assert list(NORMS.items()) == [("layer", LayerNorm), ("rms", RMSNorm)]
    assert [sum(p.numel() for p in norm(64).parameters()) for norm in NORMS.values()] == [128, 64]
    assert [name for name, _ in LayerNorm(4).named_parameters()] == ["weight", "bias"]
    assert [name for name, _ in LayerNorm(4, bias=False).named_parameters()] == ["weight"]


@reader
@pytest.mark.parametrize(
    "action",
    [
        lambda x: LayerNorm(3)(x),
        lambda x: RMSNorm(3)(x),
        lambda x: layer_norm(x, torch.ones(3)),
        lambda x: rms_norm(x, torch.ones(3)),
    ],
)
@pytest.mark.parametrize("shape", [(2, 5), (3, 1), ()])
def test_another_width_is_told_what_was_expected(action, shape):
    with pytest.raises(
        ValueError, match=r"x has shape \(.*expected \(\.\.\., tokens, 3\).*d_model=3"
    ):
        action(torch.zeros(shape))


@pytest.mark.parametrize("norm", NORMS.values())
def test_a_norm_without_width_is_refused(norm):
    with pytest.raises(ValueError, match="d_model is 0"):
        norm(0)


def test_a_printed_norm_names_its_sizes():
    assert str(LayerNorm(4, bias=False)) == "LayerNorm(4, eps=1e-05, bias=False)"
    assert str(RMSNorm(4)) == "RMSNorm(4, eps=1e-06)"
