"""The recurrent cells and the three ways to look back, held equal to independent versions."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from glassbox.recurrent import (
    GRU,
    LSTM,
    AdditiveAttention,
    Bidirectional,
    Cell,
    DotAttention,
    NoAttention,
)

THEIRS = {GRU: nn.GRU, LSTM: nn.LSTM}
sizes = st.integers(1, 6)
cells = st.sampled_from([GRU, LSTM])
both_cells = pytest.mark.parametrize("kind", [GRU, LSTM])


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def copied(cell: Cell, module: nn.Module, suffix: str = "l0") -> Cell:
    """Give a cell the parameters of one direction of PyTorch's module."""
    with torch.no_grad():
        for ours, theirs in ((cell.w_x, "ih"), (cell.w_h, "hh")):
            ours.weight.copy_(getattr(module, f"weight_{theirs}_{suffix}"))
            ours.bias.copy_(getattr(module, f"bias_{theirs}_{suffix}"))
    return cell


def pair(kind, d_in, d_hidden):
    """Return a cell of ours and PyTorch's with equal parameters."""
    theirs = THEIRS[kind](d_in, d_hidden, batch_first=True).double()
    return copied(kind(d_in, d_hidden).double(), theirs), theirs


def random_state(kind, batch, d_hidden):
    return tuple(random(batch, d_hidden, seed=7 + i) for i in range(kind.n_tensors))


def as_theirs(state):
    """Write a state as PyTorch does: an axis of layers first, and no tuple around a single one."""
    stacked = tuple(tensor.unsqueeze(0) for tensor in state)
    return stacked if len(stacked) > 1 else stacked[0]


def as_ours(final, n_directions=1):
    """Undo `as_theirs`; two directions come side by side."""
    tensors = final if isinstance(final, tuple) else (final,)
    assert all(tensor.shape[0] == n_directions for tensor in tensors)
    return tuple(torch.cat(list(tensor), dim=-1) for tensor in tensors)


@settings(deadline=None, max_examples=40)
@given(cells, sizes, sizes, sizes, sizes, st.booleans())
def test_a_cell_equals_pytorchs_in_values_final_state_and_gradients(
    kind, batch, seq, d_in, d_hidden, from_zeros
):
    ours, theirs = pair(kind, d_in, d_hidden)
    state = None if from_zeros else random_state(kind, batch, d_hidden)
    x_ours, x_theirs = (random(batch, seq, d_in).requires_grad_() for _ in range(2))
    outputs, final = ours(x_ours, state)
    expected, expected_final = theirs(x_theirs, None if from_zeros else as_theirs(state))
    expected_final = as_ours(expected_final)
    assert_close(outputs, expected)
    assert_close(final, expected_final)
    for result, last in ((outputs, final), (expected, expected_final)):
        (result.square().sum() + sum(tensor.sin().sum() for tensor in last)).backward()
    assert_close(x_ours.grad, x_theirs.grad)
    for ours_part, name in ((ours.w_x, "ih"), (ours.w_h, "hh")):
        assert_close(ours_part.weight.grad, getattr(theirs, f"weight_{name}_l0").grad)
        assert_close(ours_part.bias.grad, getattr(theirs, f"bias_{name}_l0").grad)


@settings(deadline=None, max_examples=25)
@given(cells, sizes, sizes, sizes, sizes)
def test_both_directions_equal_pytorchs(kind, batch, seq, d_in, d_hidden):
    theirs = THEIRS[kind](d_in, d_hidden, batch_first=True, bidirectional=True).double()
    directions = (
        copied(kind(d_in, d_hidden).double(), theirs, suffix) for suffix in ("l0", "l0_reverse")
    )
    ours = Bidirectional(*directions)
    x = random(batch, seq, d_in)
    outputs, final = ours(x)
    expected, expected_final = theirs(x)
    assert_close(outputs, expected)
    assert_close(final, as_ours(expected_final, n_directions=2))


@settings(deadline=None, max_examples=25)
@given(cells, st.lists(st.integers(1, 5), min_size=1, max_size=4), st.booleans())
def test_padding_at_the_end_changes_nothing_before_it(kind, lengths, bidirectional):
    model = kind(3, 4).double()
    if bidirectional:
        model = Bidirectional(model, kind(3, 4).double())
    x = random(len(lengths), max(lengths) + 1, 3)
    keep = torch.arange(x.shape[1]) < torch.tensor(lengths)[:, None]
    outputs, final = model(x, keep=keep)
    for row, length in enumerate(lengths):
        alone, alone_final = model(x[row : row + 1, :length])
        assert_close(outputs[row : row + 1, :length], alone)
        assert_close(tuple(tensor[row : row + 1] for tensor in final), alone_final)


@both_cells
def test_padding_anywhere_leaves_the_state_as_it_is(kind):
    cell, x = kind(3, 4).double(), random(1, 6, 3)
    keep = torch.tensor([[False, True, True, False, True, False]])
    outputs, final = cell(x, keep=keep)
    short, expected = cell(x[keep].unsqueeze(0))
    assert_close(final, expected)
    assert_close(outputs[keep].unsqueeze(0), short)
    assert_close(outputs[:, 0], torch.zeros(1, 4, dtype=torch.float64))
    assert_close(outputs[:, 3], outputs[:, 2])


@both_cells
def test_padding_gets_no_gradient(kind):
    x = random(2, 4, 3).requires_grad_()
    keep = torch.tensor([[True, True, True, True], [True, False, True, False]])
    outputs, _ = kind(3, 4).double()(x, keep=keep)
    outputs.square().sum().backward()
    assert torch.equal(x.grad.any(dim=-1), keep)


@both_cells
def test_a_loop_of_single_steps_is_the_whole_run(kind):
    cell, x = kind(3, 4).double(), random(2, 5, 3)
    outputs, final = cell(x)
    state = cell.start(2)
    for t in range(5):
        state = cell.step(x[:, t], state)
        assert_close(state[0], outputs[:, t])
    assert_close(state, final)


@both_cells
@pytest.mark.parametrize("cut", [1, 3])
def test_a_run_can_be_resumed_from_its_final_state(kind, cut):
    cell, x = kind(3, 4).double(), random(2, 5, 3)
    whole, final = cell(x)
    first, state = cell(x[:, :cut])
    second, resumed = cell(x[:, cut:], state)
    assert_close(torch.cat([first, second], dim=1), whole)
    assert_close(resumed, final)


@both_cells
def test_gradients_are_exact(kind):
    cell = kind(2, 3).double()
    keep = torch.tensor([[True, True, False], [True, True, True]])

    def run(x, *state):
        outputs, final = cell(x, state, keep=keep)
        return outputs, *final

    leaves = [random(2, 3, 2), *random_state(kind, 2, 3)]
    assert torch.autograd.gradcheck(run, [leaf.requires_grad_() for leaf in leaves])


def test_with_the_forget_gate_open_the_gradient_passes_any_distance():
    cell = LSTM(2, 3).double()
    with torch.no_grad():
        cell.w_x.bias[3:6] = 1e3  # the second of i, f, g, o
        cell.w_h.weight.zero_()  # leaves the path through c alone
    c = random(1, 3).requires_grad_()
    _, (_, last) = cell(random(1, 60, 2, seed=1), (torch.zeros_like(c), c))
    (gradient,) = torch.autograd.grad(last.sum(), c)
    assert_close(gradient, torch.ones_like(c))


@both_cells
def test_parameters_start_as_pytorchs_do(kind):
    torch.manual_seed(0)
    cell, theirs = kind(7, 16), THEIRS[kind](7, 16)
    shapes = [sorted(tuple(p.shape) for p in m.parameters()) for m in (cell, theirs)]
    assert shapes[0] == shapes[1]
    for parameter in cell.parameters():
        assert parameter.abs().max() <= 0.25
        assert parameter.abs().max() > 0.2 and parameter.min() < -0.1 < 0.1 < parameter.max()


def test_the_base_of_the_cells_has_no_formula():
    class Empty(Cell):
        n_gates = n_tensors = 1

    with pytest.raises(NotImplementedError):
        Empty(2, 3)(torch.zeros(1, 1, 2))


# The three ways to look back

attentions = pytest.mark.parametrize(
    "attend", [DotAttention(3), AdditiveAttention(3, 3, 5)], ids=["dot", "additive"]
)


def double(module):
    return copy.deepcopy(module).double()


@settings(deadline=None, max_examples=25)
@given(sizes, sizes, sizes)
def test_dot_attention_is_a_softmax_of_dot_products_without_scale(batch, src, width):
    query, keys = random(batch, width), random(batch, src, width, seed=1)
    context, weights = DotAttention(width)(query, keys)
    for row in range(batch):
        expected = torch.softmax(keys[row] @ query[row], dim=0)
        assert_close(weights[row], expected)
        assert_close(context[row], expected @ keys[row])


@settings(deadline=None, max_examples=25)
@given(sizes, sizes, sizes, sizes, sizes)
def test_additive_attention_is_equations_5_and_6(batch, src, d_query, d_key, d_attention):
    attend = AdditiveAttention(d_query, d_key, d_attention).double()
    query, keys = random(batch, d_query), random(batch, src, d_key, seed=1)
    context, weights = attend(query, keys)
    W, U, v = (linear.weight for linear in (attend.w_q, attend.w_k, attend.w_score))
    for row in range(batch):
        scores = [v[0] @ torch.tanh(W @ query[row] + U @ key) for key in keys[row]]
        expected = torch.softmax(torch.stack(scores), dim=0)
        assert_close(weights[row], expected)
        assert_close(context[row], sum(a * key for a, key in zip(expected, keys[row], strict=True)))
    assert sum(p.numel() for p in attend.parameters()) == d_attention * (d_query + d_key + 1)


def test_doubling_query_and_keys_makes_a_dot_product_four_times_as_large():
    query, keys = random(1, 3), random(1, 4, 3, seed=1)
    once, twice = (DotAttention(3)(f * query, f * keys)[1].log() for f in (1, 2))
    assert_close(twice.diff(), 4 * once.diff())


def test_the_additive_score_is_not_bilinear():
    """One unit at most doubles where its input does, and a sum of units has no factor at all."""
    query, keys = random(1, 3), random(1, 4, 3, seed=1)
    single = AdditiveAttention(3, 3, 1).double()
    ratio = single.scores(2 * query, 2 * keys) / single.scores(query, keys)
    assert (ratio >= 1).all() and (ratio <= 2).all()
    torch.manual_seed(0)
    several = AdditiveAttention(3, 3, 5).double()
    ratio = several.scores(2 * query, 2 * keys) / several.scores(query, keys)
    assert ratio.max() - ratio.min() > 0.01


def test_the_additive_score_is_bounded():
    attend = AdditiveAttention(3, 3, 5).double()
    scores = attend.scores(1e6 * random(2, 3), 1e6 * random(2, 4, 3, seed=1))
    assert (scores.abs() <= attend.w_score.weight.abs().sum() + 1e-9).all()


@attentions
def test_a_mask_is_the_same_as_leaving_keys_out(attend):
    attend, query, keys = double(attend), random(2, 3), random(2, 4, 3, seed=1)
    mask = torch.tensor([[True, False, True, True], [False, True, False, False]])
    context, weights = attend(query, keys, mask)
    assert (weights[~mask] == 0).all()
    for row in range(2):
        alone, rest = attend(query[row : row + 1], keys[row : row + 1, mask[row]])
        assert_close(context[row : row + 1], alone)
        assert_close(weights[row : row + 1, mask[row]], rest)


@attentions
def test_a_query_that_may_see_nothing_gets_zeros_and_no_gradient(attend):
    attend, query, keys = double(attend), random(2, 3), random(2, 4, 3, seed=1)
    query.requires_grad_()
    mask = torch.tensor([[False] * 4, [True] * 4])
    context, weights = attend(query, keys, mask)
    assert (context[0] == 0).all() and (weights[0] == 0).all()
    assert_close(weights[1].sum(), torch.tensor(1.0, dtype=torch.float64))
    context.square().sum().backward()
    assert query.grad.isfinite().all() and (query.grad[0] == 0).all() and query.grad[1].any()


@attentions
def test_looking_back_has_exact_gradients(attend):
    leaves = [random(2, 3).requires_grad_(), random(2, 4, 3, seed=1).requires_grad_()]
    assert torch.autograd.gradcheck(double(attend), leaves)


def test_looking_at_nothing_gives_nothing():
    attend = NoAttention()
    context, weights = attend(random(2, 3), random(2, 5, 4))
    assert context.shape == (2, 0) and attend.d_context == 0
    assert weights.shape == (2, 5) and not weights.any()
    assert not list(attend.parameters())


# What a reader gets to read


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(2, 5, 4), r"\(2, 5, 4\).*at least 1 token, 3\).*d_in=3"),
        (torch.zeros(5, 3), r"\(5, 3\).*batch first.*`step` takes a single token"),
        (torch.zeros(2, 0, 3), r"\(2, 0, 3\).*at least 1 token"),
        (torch.zeros(2, 5, 3, dtype=torch.long), r"int64.*embedding first"),
    ],
)
@both_cells
def test_a_wrong_sequence_is_named(kind, x, message):
    with pytest.raises(ValueError, match=message):
        kind(3, 4)(x)


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("kind", "state", "message"),
    [
        (GRU, torch.zeros(2, 4), r"state is a Tensor; expected a tuple of 1.*\(h,\)"),
        (GRU, (torch.zeros(1, 4),), r"\[\(1, 4\)\]; GRU expects 1 of shape \(2, 4\)"),
        (LSTM, (torch.zeros(2, 4),), r"\[\(2, 4\)\]; LSTM expects 2 of shape \(2, 4\)"),
        (GRU, (torch.zeros(2, 4),) * 2, r"GRU expects 1"),
    ],
)
def test_a_wrong_state_is_named(kind, state, message):
    with pytest.raises(ValueError, match=message):
        kind(3, 4)(torch.zeros(2, 5, 3), state)


@pytest.mark.usefixtures("as_a_reader_runs_it")
@both_cells
def test_a_wrong_single_step_is_named(kind):
    cell = kind(3, 4)
    for shape in ((2, 5, 3), (2, 4), (3,)):
        with pytest.raises(ValueError, match=r"expected \(batch, 3\), one token of each sequence"):
            cell.step(torch.zeros(shape), cell.start(2))
    with pytest.raises(ValueError, match=r"state is a Tensor"):
        cell.step(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"state holds tensors of shapes \[\(1, 4\)"):
        cell.step(torch.zeros(2, 3), cell.start(1))


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize("keep", [torch.ones(2, 4).bool(), torch.ones(2, 5)])
def test_a_wrong_mark_of_padding_is_named(keep):
    with pytest.raises(ValueError, match=r"keep has shape.*shape \(2, 5\), True where"):
        GRU(3, 4)(torch.zeros(2, 5, 3), keep=keep)


@both_cells
@pytest.mark.parametrize(("d_in", "d_hidden", "name"), [(0, 2, "d_in"), (2, 0, "d_hidden")])
def test_a_width_of_zero_is_refused(kind, d_in, d_hidden, name):
    with pytest.raises(ValueError, match=f"{name} is 0"):
        kind(d_in, d_hidden)


def test_two_directions_need_two_cells_of_one_kind():
    cell = GRU(3, 4)
    with pytest.raises(ValueError, match=r"same object.*Build two"):
        Bidirectional(cell, cell)
    with pytest.raises(ValueError, match="ahead is GRU, back is LSTM"):
        Bidirectional(cell, LSTM(3, 4))


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("query", "keys", "mask", "message"),
    [
        ((2, 4), (2, 5, 3), None, r"query has shape \(2, 4\); expected \(batch, 3\)"),
        ((3,), (2, 5, 3), None, r"query has shape \(3,\)"),
        ((2, 3), (2, 5, 4), None, r"keys has shape \(2, 5, 4\); expected \(batch, source, 3\)"),
        ((2, 3), (2, 3), None, r"keys has shape \(2, 3\)"),
        ((1, 3), (2, 5, 3), None, "1 queries and 2 sequences of keys"),
        ((2, 3), (2, 5, 3), torch.ones(2, 4).bool(), r"mask has shape \(2, 4\).*\(2, 5\)"),
        ((2, 3), (2, 5, 3), torch.ones(2, 5), r"holds torch.float32; expected one boolean"),
    ],
)
@attentions
def test_a_wrong_look_back_is_named(attend, query, keys, mask, message):
    with pytest.raises(ValueError, match=message):
        attend(torch.zeros(query), torch.zeros(keys), mask)


@pytest.mark.parametrize("widths", [(0, 3, 5), (3, 0, 5), (3, 3, 0)])
def test_an_attention_of_width_zero_is_refused(widths):
    with pytest.raises(ValueError, match=r"is 0; expected a whole number"):
        AdditiveAttention(*widths)
    with pytest.raises(ValueError, match="d_key is 0"):
        DotAttention(0)
