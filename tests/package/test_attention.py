"""The attention formula and its layer, held equal to PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from torch.testing import assert_close

from glassbox.attention import (
    SelfAttention,
    attention,
    fused_attention,
    simple_self_attention,
)

sizes = st.integers(1, 7)
shapes = st.lists(sizes, max_size=3)


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@settings(deadline=None, max_examples=60)
@given(shapes, sizes, sizes, sizes, sizes)
def test_attention_equals_pytorchs_in_values_and_gradients(batch, seq, src, d_k, d_v):
    leaves = [random(*batch, seq, d_k), random(*batch, src, d_k, seed=1), random(*batch, src, d_v)]
    ours, theirs = ([leaf.clone().requires_grad_() for leaf in leaves] for _ in range(2))
    context, _ = attention(*ours)
    expected = F.scaled_dot_product_attention(*theirs)
    assert_close(context, expected)
    context.square().sum().backward()
    expected.square().sum().backward()
    for our, their in zip(ours, theirs, strict=True):
        assert_close(our.grad, their.grad)


@settings(deadline=None, max_examples=30)
@given(sizes, sizes, st.floats(0.0, 50.0))
def test_every_row_of_weights_is_a_share_of_one(seq, src, scale):
    weights = attention(random(seq, 4), random(src, 4, seed=1), random(src, 2), scale=scale)[1]
    assert (weights >= 0).all()
    assert_close(weights.sum(-1), torch.ones(seq, dtype=torch.float64))


def test_scores_of_wide_queries_are_not_larger():
    """The default scale is the width of a query, whatever the values and the heads are like."""
    for d_k in (1, 4, 100):
        q, k, v = random(2, 3, d_k), random(2, 5, d_k, seed=1), random(2, 5, 7, seed=2)
        expected = torch.softmax(q @ k.transpose(1, 2) / d_k**0.5, dim=-1)
        assert_close(attention(q, k, v)[1], expected)


def test_simple_attention_compares_the_vectors_as_they_are():
    x = random(2, 5, 3)
    context, weights = simple_self_attention(x)
    assert_close(weights, torch.softmax(x @ x.transpose(1, 2), dim=-1))
    assert_close(context, weights @ x)


def test_the_scale_is_a_factor_on_the_scores():
    q, k, v = random(3, 4), random(5, 4, seed=1), random(5, 2, seed=2)
    expected = torch.softmax(0.3 * q @ k.T, dim=-1) @ v
    assert_close(attention(q, k, v, scale=0.3)[0], expected)


def test_a_scale_of_zero_averages_uniformly():
    x = random(4, 3)
    assert_close(attention(x, x, x, scale=0.0)[0], x.mean(0).expand(4, 3))


def test_gradients_are_exact():
    leaves = [random(3, 4), random(5, 4, seed=1), random(5, 2, seed=2)]
    assert torch.autograd.gradcheck(attention, [leaf.requires_grad_() for leaf in leaves])


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(6)))
def test_self_attention_is_permutation_equivariant(order):
    layer, x = SelfAttention(4, 3).double(), random(2, 6, 4)
    assert_close(layer(x[:, order]), layer(x)[:, order])


@pytest.mark.parametrize("bias", [False, True])
def test_the_layer_is_attention_over_three_projections(bias):
    layer, x = SelfAttention(5, 3, bias=bias).double(), random(2, 6, 5)
    expected = F.scaled_dot_product_attention(layer.w_q(x), layer.w_k(x), layer.w_v(x))
    assert_close(layer(x), expected)
    assert_close(layer.attend(x)[0], expected)
    assert sum(p.numel() for p in layer.parameters()) == 3 * (15 + 3 * bias)


def test_the_layer_equals_pytorchs_multi_head_attention_with_one_head():
    ours, x = SelfAttention(4, 4).double(), random(2, 6, 4)
    theirs = torch.nn.MultiheadAttention(4, 1, bias=False, batch_first=True).double()
    with torch.no_grad():
        stacked = torch.cat([ours.w_q.weight, ours.w_k.weight, ours.w_v.weight])
        theirs.in_proj_weight.copy_(stacked)
        theirs.out_proj.weight.copy_(torch.eye(4))
    assert_close(ours.attend(x), theirs(x, x, x))


def test_shapes_in_signatures_are_enforced_here():
    with pytest.raises(TypeCheckError):
        attention(random(3, 4), random(5, 4), random(6, 2))


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("shapes", "parts"),
    [
        ([(4,), (5, 4), (5, 2)], ["query has shape (4,)", "query.unsqueeze(0)"]),
        ([(3, 4), (4,), (5, 2)], ["key has shape (4,)", "key.unsqueeze(0)"]),
        ([(3, 4), (5, 4), (5,)], ["value has shape (5,)"]),
        ([(3, 4), (5, 6), (5, 2)], ["width 4", "width 6", "same d_k"]),
        ([(3, 4), (5, 4), (6, 2)], ["5 keys but 6 values", "one value for each key"]),
        ([(3, 4), (7, 4), (6, 2)], ["7 keys but 6 values"]),
        ([(3, 6), (5, 4), (5, 2)], ["width 6", "width 4"]),
    ],
)
def test_a_wrong_shape_is_told_what_was_given_and_how_to_mend_it(shapes, parts):
    with pytest.raises(ValueError) as error:
        attention(*(torch.zeros(shape) for shape in shapes))
    for part in parts:
        assert part in str(error.value)


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize("path", [attention, fused_attention])
@pytest.mark.parametrize(
    ("change", "error", "parts"),
    [
        ({"query": torch.zeros(2, 3, 4)}, ValueError, ["(2, 3, 4), (2, 2, 5, 4)", "as many heads"]),
        ({"key": torch.zeros(2, 1, 5, 4)}, ValueError, ["(2, 1, 5, 4)", "repeat_interleave"]),
        ({"value": torch.zeros(1, 2, 5, 4)}, ValueError, ["(1, 2, 5, 4)", "must agree"]),
        ({"key": torch.zeros(2, 2, 5, 4).double()}, ValueError, ["float64", ".to(query.dtype)"]),
        ({"value": torch.zeros(2, 2, 5, 4).half()}, ValueError, ["float16", "one type"]),
        ({"key": torch.zeros(2, 2, 5, 4, device="meta")}, ValueError, ["meta", "one device"]),
        ({"mask": torch.ones(3, 5)}, TypeError, ["torch.float32", "from_numbers", "bias="]),
        ({"mask": torch.ones(3, 5).long()}, TypeError, ["torch.int64", "True where"]),
        ({"mask": torch.ones(3, 5, device="meta").bool()}, ValueError, ["meta", "mask.to("]),
        ({"mask": torch.ones(2, 3, 5).bool()}, ValueError, ["(2, 3, 5)", "mask.unsqueeze(1)"]),
        ({"mask": torch.ones(5).bool()}, ValueError, ["(5,)", "(2, 2, 3, 5)"]),
        ({"mask": torch.ones(5, 3).bool()}, ValueError, ["(5, 3)", "here (3, 5)", "all 4 axes"]),
        ({"mask": torch.ones(1, 2, 2, 3, 5).bool()}, ValueError, ["(1, 2, 2, 3, 5)"]),
        ({"mask": torch.ones(2, 4, 3, 5).bool()}, ValueError, ["(2, 4, 3, 5)"]),
        ({"bias": torch.zeros(3, 5).double()}, ValueError, ["float64", "bias.to(query)"]),
        ({"bias": torch.ones(3, 5).bool()}, ValueError, ["torch.bool", "mask="]),
        ({"bias": torch.zeros(3, 5, device="meta")}, ValueError, ["meta", "bias.to(query)"]),
        ({"bias": torch.zeros(5)}, ValueError, ["(5,)", "(2, 2, 3, 5)"]),
        ({"bias": torch.zeros(3, 3, 5)}, ValueError, ["(3, 3, 5)", "the last axes"]),
        ({"bias": torch.zeros(4, 2, 2, 3, 5)}, ValueError, ["(4, 2, 2, 3, 5)"]),
    ],
)
def test_arguments_that_do_not_fit_together_are_named_on_both_paths(path, change, error, parts):
    fitting = {
        name: torch.zeros(2, 2, n, 4) for name, n in (("query", 3), ("key", 5), ("value", 5))
    }
    path(**fitting)
    with pytest.raises(error) as raised:
        path(**(fitting | change))
    for part in parts:
        assert part in str(raised.value)


@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_integers_are_refused_with_a_way_out():
    x = torch.zeros(3, 4)
    with pytest.raises(ValueError, match=r"key holds torch\.int64.*key\.float\(\)"):
        attention(x, x.long(), x)


def test_the_layer_draws_query_then_key_then_value():
    torch.manual_seed(0)
    layer = SelfAttention(3, 2)
    torch.manual_seed(0)
    for linear in (layer.w_q, layer.w_k, layer.w_v):
        assert_close(linear.weight, torch.nn.Linear(3, 2, bias=False).weight)


def test_training_reaches_every_parameter_and_the_weights_carry_gradients():
    layer, x = SelfAttention(4, 3), random(6, 4, dtype=torch.float32)
    layer(x).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in layer.parameters())
    weights = layer.attend(x)[1]
    assert torch.autograd.grad(weights.square().sum(), layer.w_q.weight)[0].abs().sum() > 0


@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_an_input_of_the_wrong_width_names_the_layers_width():
    with pytest.raises(ValueError, match=r"\(6, 5\); expected \(\.\.\., tokens, 3\).*d_in=3"):
        SelfAttention(3, 2)(torch.zeros(6, 5))


@pytest.mark.parametrize("share", [-0.1, 1.0, 10.0])
def test_a_dropout_that_is_no_share_is_refused(share):
    with pytest.raises(ValueError, match=r"expected a share.*write 0\.1"):
        SelfAttention(3, 2, dropout=share)


@pytest.mark.parametrize("training", [False, True])
def test_one_head_drops_weights_in_training_only(training):
    layer, x = SelfAttention(4, 3, dropout=0.5).train(training), random(50, 4).float()
    weights = layer.attend(x)[1]
    assert 0.4 < (weights == 0).float().mean() < 0.6 if training else weights.all()
    assert torch.equal(layer(x), layer(x)) != training


@pytest.mark.parametrize(("d_in", "d_head"), [(0, 2), (3, 0), (-1, 2)])
def test_a_layer_without_width_is_refused(d_in, d_head):
    with pytest.raises(ValueError, match="at least 1"):
        SelfAttention(d_in, d_head)
