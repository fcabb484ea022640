"""One formula, two paths: the explicit one that shows its weights, and the fused one."""

from math import exp, sqrt
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.testing import assert_close

from glassbox import masks
from glassbox.attention import SelfAttention, attention, fused_attention

both_paths = pytest.mark.parametrize("path", [attention, fused_attention])
sizes = st.integers(1, 5)


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def coins(*shape: int, seed: int = 0, heads: float = 0.6) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < heads


def context_of(path, *arguments: Tensor, **options) -> Tensor:
    result = path(*arguments, **options)
    return result[0] if path is attention else result


class Problem(NamedTuple):
    """Arguments of attention: tensors that may have gradients, and the rest."""

    query: Tensor
    key: Tensor
    value: Tensor
    bias: Tensor | None
    options: dict

    def to(self, dtype: torch.dtype) -> "Problem":
        """Return the same in another precision, as new leaves that have gradients."""
        *tensors, options = self
        return Problem(*(t if t is None else leaf(t.to(dtype)) for t in tensors), options)

    def solve(self, path) -> tuple[Tensor, ...]:
        """Return the context and the gradients of its sum, weighted at random."""
        context = context_of(path, *self[:3], bias=self.bias, **self.options)
        leaves = [tensor for tensor in self[:4] if tensor is not None and tensor.requires_grad]
        upstream = random(*context.shape, seed=9).to(context.dtype)
        return (context, *torch.autograd.grad(context, leaves, upstream))


def leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_()


@st.composite
def problems(draw) -> Problem:
    """Any leading axes; a mask and a bias of any shape that fits; rows that may see nothing."""
    batch = draw(st.lists(st.integers(1, 3), max_size=3))
    src, causal = draw(sizes), draw(st.booleans())
    seq = draw(st.integers(1, src) if causal else sizes)
    d_k = draw(sizes)
    d_v = draw(st.sampled_from([d_k, d_k + 1]))
    seed = draw(st.integers(0, 99))
    scores = (*batch, seq, src)

    def one_or_full(n_axes: int) -> list[int]:
        return [size if draw(st.booleans()) else 1 for size in scores[-n_axes:]]

    mask = bias = None
    if draw(st.booleans()):
        mask = coins(*one_or_full(draw(st.sampled_from([2, len(scores)]))), seed=seed)
        if draw(st.booleans()):
            mask[..., 0, :] = False
    if draw(st.booleans()):
        bias = random(*one_or_full(draw(st.integers(2, len(scores)))), seed=seed + 3)
    scale = draw(st.sampled_from([None, 0.3, 0.0, -1.0, 2.0]))
    query, key = random(*batch, seq, d_k, seed=seed), random(*batch, src, d_k, seed=seed + 1)
    value = random(*batch, src, d_v, seed=seed + 2)
    return Problem(query, key, value, bias, {"mask": mask, "causal": causal, "scale": scale})


def by_hand(problem: Problem) -> tuple[Tensor, Tensor]:
    """Contexts and weights by loops over the rows, in which a blocked key does not occur at all."""
    query, key, value, bias, options = problem
    *batch, seq, d_k = query.shape
    src = key.shape[-2]
    scale = 1 / sqrt(d_k) if options["scale"] is None else options["scale"]
    mask = torch.ones(1, 1, dtype=torch.bool) if options["mask"] is None else options["mask"]
    mask = mask.expand(*batch, seq, src).reshape(-1, seq, src)
    bias = torch.zeros(1, 1, dtype=query.dtype) if bias is None else bias
    bias = bias.expand(*batch, seq, src).reshape(-1, seq, src)
    query, key, value = (x.reshape(-1, *x.shape[-2:]) for x in (query, key, value))
    weights = torch.zeros(len(query), seq, src, dtype=query.dtype)
    for b in range(len(query)):
        for i in range(seq):
            last = i + src - seq if options["causal"] else src - 1
            seen = [j for j in range(last + 1) if mask[b, i, j]]
            parts = {
                j: exp(scale * (query[b, i] @ key[b, j]).item() + bias[b, i, j].item())
                for j in seen
            }
            for j in seen:
                weights[b, i, j] = parts[j] / sum(parts.values())
    context = weights @ value
    return context.view(*batch, *context.shape[1:]), weights.view(*batch, seq, src)


@settings(deadline=None, max_examples=100)
@given(problems())
def test_both_paths_are_a_loop_over_what_may_be_seen(problem):
    context, weights = by_hand(problem)
    options = {"bias": problem.bias, **problem.options}
    assert_close(attention(*problem[:3], **options), (context, weights))
    assert_close(fused_attention(*problem[:3], **options), context)


@settings(deadline=None, max_examples=200)
@given(problems(), st.booleans())
def test_both_paths_give_one_answer_and_one_gradient(problem, bias_learns):
    problem = problem.to(torch.float64)
    if problem.bias is not None and not bias_learns:  # PyTorch has another kernel for this
        problem.bias.requires_grad_(False)
    assert_close(problem.solve(fused_attention), problem.solve(attention), rtol=1e-9, atol=1e-11)


@settings(deadline=None, max_examples=60)
@given(problems(), st.sampled_from([(torch.float32, 1e-5), (torch.bfloat16, 0.04)]))
def test_both_paths_stay_close_to_the_exact_answer_in_low_precision(problem, precision):
    dtype, tolerance = precision
    exact = problem.to(dtype).to(torch.float64).solve(attention)
    for path in (attention, fused_attention):
        for ours, expected in zip(problem.to(dtype).solve(path), exact, strict=True):
            assert ours.dtype == dtype
            size = max(1.0, expected.abs().max().item())
            assert_close(ours.double(), expected, rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("seq", [1, 70, 600])
def test_a_text_longer_than_the_kernels_blocks_gives_one_answer(causal, seq):
    problem = Problem(
        random(2, 2, seq, 8),
        random(2, 2, 600, 8, seed=1),
        random(2, 2, 600, 8, seed=2),
        None,
        {"mask": coins(2, 1, 1, 600, heads=0.9), "causal": causal, "scale": None},
    ).to(torch.float64)
    assert_close(problem.solve(fused_attention), problem.solve(attention))
    problem.options["mask"] = None
    assert_close(problem.solve(fused_attention), problem.solve(attention))


@pytest.mark.parametrize("shape", [(3, 4), (2, 1, 1, 4), (2, 1, 3, 4), (1, 2, 3, 4), (2, 2, 3, 4)])
@pytest.mark.parametrize("bias_shape", [None, (2, 3, 4), (2, 2, 3, 4)])
@pytest.mark.parametrize("causal", [False, True])
def test_gradients_are_exact_on_both_paths(shape, bias_shape, causal):
    mask = coins(*shape, seed=4)
    mask[..., 0, :] = False  # nothing to see for the first query (of the first sequence)
    mask[-1, ..., 0] = True
    leaves = [leaf(random(2, 2, n, 2, seed=n)) for n in (3, 4, 4)]
    if bias_shape:
        leaves.append(leaf(random(*bias_shape, seed=5)))

    for path in (attention, fused_attention):

        def context(*leaves: Tensor, path=path) -> Tensor:
            bias = leaves[3] if len(leaves) > 3 else None
            return context_of(path, *leaves[:3], mask=mask, bias=bias, causal=causal)

        assert torch.autograd.gradcheck(context, leaves, fast_mode=True)


def test_the_weights_have_exact_gradients_too():
    leaves = [leaf(random(n, 3, seed=n)) for n in (3, 4, 4)] + [leaf(random(3, 4))]

    def both(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        return attention(query, key, value, bias=bias, causal=True, mask=coins(3, 4))

    assert torch.autograd.gradcheck(both, leaves)


@both_paths
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_a_query_that_may_see_nothing_gets_zeros_and_no_gradient(path, causal, with_bias):
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[2] = False
    query, key, value = (leaf(random(2, 3, 4, 5, seed=s)) for s in range(3))
    bias = leaf(random(3, 4, 4, seed=3)) if with_bias else None
    context = context_of(path, query, key, value, mask=mask, bias=bias, causal=causal)
    assert_close(context[..., 2, :], torch.zeros(2, 3, 5, dtype=torch.float64))
    assert not context.isnan().any()
    leaves = [query, key, value, *([bias] if with_bias else [])]
    gradients = torch.autograd.grad(context.square().sum(), leaves)
    assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients)
    assert not gradients[0][..., 2, :].any()
    if with_bias:
        assert not gradients[3][:, 2].any()


def test_a_query_that_may_see_nothing_has_weights_of_zero():
    mask = torch.tensor([[True, False], [False, False]])
    x = random(2, 3)
    weights = attention(x, x, x, mask=mask)[1]
    assert weights.tolist() == [[1.0, 0.0], [0.0, 0.0]]


@both_paths
def test_what_is_blocked_cannot_be_seen_not_even_through_the_denominator(path):
    query, key, value, mask = random(4, 3), random(6, 3, seed=1), random(6, 2, seed=2), coins(4, 6)
    before = context_of(path, query, key, value, mask=mask)
    for i in range(4):
        changed_key = torch.where(mask[i, :, None], key, 100.0)
        changed_value = torch.where(mask[i, :, None], value, -50.0)
        after = context_of(path, query, changed_key, changed_value, mask=mask)
        assert_close(after[i], before[i], rtol=0, atol=0)


@both_paths
@pytest.mark.parametrize("with_bias", [False, True])
def test_a_blocked_giant_score_leaves_the_rest_as_it_was(path, with_bias):
    """A mask after the softmax would divide 0 by 0; one of -10,000 would prefer what it blocks."""
    query, key, value = torch.ones(2, 1), torch.tensor([[-1e12], [1e12]]), torch.eye(2)
    bias = torch.zeros(2, 2) if with_bias else None
    assert context_of(path, query, key, value, bias=bias, causal=True).tolist() == [[1, 0], [0, 1]]


@both_paths
@pytest.mark.parametrize("scale", [0.0, -0.0, -1.0, 3.0])
def test_no_scale_shows_a_causal_query_its_future(path, scale):
    """PyTorch's causal kernel multiplies minus infinity by the scale."""
    query, key, value = (random(2, 2, 5, 4, seed=s) for s in range(3))
    scores = (scale * query @ key.transpose(-2, -1)).masked_fill(~masks.causal(5), -torch.inf)
    expected = scores.softmax(-1) @ value
    assert_close(context_of(path, query, key, value, causal=True, scale=scale), expected)


@both_paths
@settings(deadline=None, max_examples=20)
@given(sizes, sizes)
def test_causal_queries_are_the_last_of_the_positions(path, seq, earlier):
    src = seq + earlier
    query, key, value = (random(2, src, 4, seed=s) for s in range(3))
    full = context_of(path, query, key, value, causal=True)
    last = context_of(path, query[:, earlier:], key, value, causal=True)
    assert_close(last, full[:, earlier:])


@both_paths
def test_a_first_token_sees_itself_only_and_the_last_one_everything(path):
    query, key, value = (random(5, 4, seed=s) for s in range(3))
    causal, full = (context_of(path, query, key, value, causal=c) for c in (True, False))
    assert_close(causal[0], value[0])
    assert_close(causal[-1], full[-1])
    assert not torch.isclose(causal[:-1], full[:-1]).any()


@both_paths
@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_more_causal_queries_than_keys_are_refused(path):
    with pytest.raises(ValueError, match="3 queries and 2 keys"):
        path(random(3, 4), random(2, 4), random(2, 4), causal=True)


# Dropout. With the unit matrix for values, the contexts are the weights, on both paths.


def weights_of(path, share: float, seed: int = 0, **options) -> tuple[Tensor, Tensor]:
    """The weights of 4000 draws with dropout, and those without."""
    query, key = (random(1, 4, 3, seed=s, dtype=torch.float32) for s in (0, 1))
    value = torch.eye(4)[None]
    plain = context_of(path, query, key, value, **options)
    many = [x.expand(4000, *x.shape) for x in (query, key, value)]
    torch.manual_seed(seed)
    return context_of(path, *many, dropout=share, **options), plain


@both_paths
@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("options", [{}, {"causal": True}, {"mask": masks.sliding_window(4, 2)}])
def test_dropout_sets_weights_to_zero_and_scales_up_the_rest(path, share, options):
    dropped, plain = weights_of(path, share, **options)
    assert_close(dropped, torch.where(dropped == 0, 0.0, plain / (1 - share)))
    of_any = (dropped == 0)[:, plain != 0]
    assert abs(of_any.float().mean() - share) < 0.01
    assert_close(dropped.mean(0), plain, rtol=0, atol=0.03)


@both_paths
def test_dropout_draws_for_every_weight_and_every_sequence(path):
    dropped, _ = weights_of(path, 0.5)
    pattern = (dropped == 0).flatten(1).float()
    assert len(pattern.unique(dim=0)) > 3000  # of 2 ** 16 patterns
    assert (torch.corrcoef(pattern.T) - torch.eye(16)).abs().max() < 0.08


def test_dropout_is_part_of_the_weights_that_are_returned():
    query, key, value = (random(200, 4, seed=s) for s in range(3))
    context, weights = attention(query, key, value, dropout=0.5)
    assert 0.4 < (weights == 0).double().mean() < 0.6
    assert_close(context, weights @ value)


@both_paths
def test_a_draw_can_be_repeated_and_no_dropout_draws_nothing(path):
    assert_close(weights_of(path, 0.5)[0], weights_of(path, 0.5)[0], rtol=0, atol=0)
    assert not torch.equal(weights_of(path, 0.5)[0], weights_of(path, 0.5, seed=1)[0])
    state = torch.get_rng_state()
    path(random(3, 4), random(5, 4), random(5, 4))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_fused_path_asks_pytorchs_kernel():
    """With every kernel forbidden it cannot answer; the explicit path can."""
    x = random(1, 1, 3, 4)
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):  # which no CPU has
        attention(x, x, x)
        with pytest.raises(RuntimeError, match="kernel"):
            fused_attention(x, x, x)


@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (2, 3, 4), (2, 2, 3, 4)])
@pytest.mark.parametrize("causal", [False, True])
def test_a_single_head_gives_one_answer_on_both_paths(shape, causal):
    layer, x = SelfAttention(4, 3, causal=causal).double(), random(*shape).requires_grad_()
    mask = coins(shape[-2], shape[-2], seed=2)
    leaves = [x, *layer.parameters()]
    explicit, fused = layer.attend(x, mask=mask)[0], layer(x, mask=mask)
    assert_close(fused, explicit)
    upstream = random(*fused.shape, seed=3)
    assert_close(
        torch.autograd.grad(fused, leaves, upstream),
        torch.autograd.grad(explicit, leaves, upstream),
    )


# The reference head of the course: seed 789, widths 3 and 2, six tokens.

INPUTS = torch.tensor(
    [
        [0.43, 0.15, 0.89],
        [0.55, 0.87, 0.66],
        [0.57, 0.85, 0.64],
        [0.22, 0.58, 0.33],
        [0.77, 0.25, 0.10],
        [0.05, 0.80, 0.55],
    ]
)
CAUSAL_WEIGHTS = torch.tensor(
    [
        [1.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000],
        [0.5517, 0.4483, 0.0000, 0.0000, 0.0000, 0.0000],
        [0.3800, 0.3097, 0.3103, 0.0000, 0.0000, 0.0000],
        [0.2758, 0.2460, 0.2462, 0.2319, 0.0000, 0.0000],
        [0.2175, 0.1983, 0.1984, 0.1888, 0.1971, 0.0000],
        [0.1935, 0.1663, 0.1666, 0.1542, 0.1666, 0.1529],
    ]
)
CAUSAL_CONTEXT = torch.tensor(
    [
        [-0.0872, 0.0286],
        [-0.0991, 0.0501],
        [-0.0999, 0.0633],
        [-0.0983, 0.0489],
        [-0.0514, 0.1098],
        [-0.0754, 0.0693],
    ]
)
to_the_printed_decimals = {"rtol": 0, "atol": 5.01e-5}


@pytest.fixture
def reference_head() -> SelfAttention:
    torch.manual_seed(789)
    return SelfAttention(3, 2, causal=True)


def test_the_reference_head_gives_the_reference_weights_and_contexts(reference_head):
    printed = [[0.3161, 0.4568, 0.5118], [-0.1683, -0.3379, -0.0918]]
    assert_close(reference_head.w_q.weight.data, torch.tensor(printed), **to_the_printed_decimals)
    context, weights = reference_head.attend(INPUTS)
    assert_close(weights, CAUSAL_WEIGHTS, **to_the_printed_decimals)
    assert_close(context, CAUSAL_CONTEXT, **to_the_printed_decimals)
    assert_close(reference_head(INPUTS), CAUSAL_CONTEXT, **to_the_printed_decimals)


def test_two_copies_of_the_reference_are_a_batch(reference_head):
    batch = reference_head(torch.stack([INPUTS, INPUTS]))
    assert_close(batch, torch.stack([CAUSAL_CONTEXT] * 2), **to_the_printed_decimals)


def test_masking_the_weights_and_renormalizing_is_the_same_as_masking_the_scores(reference_head):
    causal = reference_head.attend(INPUTS)[1]
    reference_head.causal = False
    weights = reference_head.attend(INPUTS)[1]
    kept = weights * masks.causal(6)
    sums = torch.tensor([0.1921, 0.3700, 0.5357, 0.6775, 0.8415, 1.0000])
    assert_close(kept.sum(-1), sums, **to_the_printed_decimals)
    assert_close(kept / kept.sum(-1, keepdim=True), causal, rtol=0, atol=1e-7)


def test_dropout_of_the_reference_weights_leaves_zeros_and_doubles(reference_head):
    reference_head.dropout = 0.5
    torch.manual_seed(123)
    weights = reference_head.train().attend(INPUTS.expand(2000, 6, 3))[1]
    kept = weights != 0
    assert_close(weights, 2 * CAUSAL_WEIGHTS * kept, rtol=0, atol=1.01e-4)
    allowed = kept[:, masks.causal(6)]
    assert abs(allowed.float().mean() - 0.5) < 0.01
    sums = weights.sum(-1)
    assert sums[:, 0].unique().tolist() == [0.0, 2.0]  # a single weight: all or nothing
    assert sums.max() <= 2 + 1e-6


@pytest.mark.parametrize("path", ["attend", "forward"])
@pytest.mark.parametrize("cut", range(1, 6))
def test_a_later_token_cannot_change_an_earlier_row(reference_head, path, cut):
    def context(x: Tensor) -> Tensor:
        return reference_head.attend(x)[0] if path == "attend" else reference_head(x)

    changed = INPUTS.clone()
    changed[cut:] += 10.0
    assert_close(context(changed)[:cut], context(INPUTS)[:cut], rtol=0, atol=0)
    assert not torch.isclose(context(changed)[cut:], context(INPUTS)[cut:]).any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("what", ["plain", "mask", "bias", "causal"])
def test_half_precision_trains_through_the_kernel_in_single_precision(dtype, autocast, what):
    q, k, v = (leaf(random(2, 6, 8, seed=i).to(dtype)) for i in range(3))
    options = {"mask": coins(6, 6)} if what == "mask" else {}
    options |= {"bias": random(6, 6, seed=3).to(dtype)} if what == "bias" else {}
    options |= {"causal": what == "causal"}
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        context = fused_attention(q, k, v, **options)
    assert context.dtype == dtype
    single = [leaf(part.detach().float()) for part in (q, k, v)]
    options |= {"bias": options["bias"].float()} if what == "bias" else {}
    expected = fused_attention(*single, **options)
    assert torch.equal(context, expected.to(dtype))
    upstream = random(2, 6, 8, seed=4).to(dtype)
    found = torch.autograd.grad(context, (q, k, v), upstream)
    wanted = torch.autograd.grad(expected, single, upstream.float())
    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other.to(dtype))


def test_half_precision_decodes_without_a_copy_of_the_cache(monkeypatch):
    seen = []
    kernel = torch.nn.functional.scaled_dot_product_attention

    def spy(query, key, value, **options):
        seen.append(key.dtype)
        return kernel(query, key, value, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    q, k, v = (random(2, 6, 8, seed=i).bfloat16() for i in range(3))
    fused_attention(q, k, v)
    fused_attention(leaf(q), k, v)
    assert seen == [torch.bfloat16, torch.float32]
