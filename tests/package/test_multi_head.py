"""Many heads: against loops, against PyTorch's module, and against a list of single heads."""

from math import sqrt
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from glassbox import masks
from glassbox.attention import HeadList, MultiHeadAttention, fuse
from glassbox.gpt import GPT, GPTConfig
from glassbox.inspection import record_attention
from glassbox.norms import NORMS
from glassbox.positions import ALiBi, Rotary, build_positions

reader = pytest.mark.usefixtures("as_a_reader_runs_it")
inside_attention = ["none", "rotary", "alibi", "t5", "transformer_xl", "deberta"]
heads = st.sampled_from([(1, 1), (2, 2), (2, 1), (4, 4), (4, 2), (4, 1), (6, 3)])
sizes = st.integers(1, 5)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def randomized(module: nn.Module) -> nn.Module:
    """The module in double precision, with random numbers for parameters."""
    module = module.double()
    for seed, parameter in enumerate(module.parameters()):
        parameter.data = random(*parameter.shape, seed=seed + 7) / 2
    return module


def layer(n_heads: int = 2, name: str = "none", d_head: int = 4, **options) -> MultiHeadAttention:
    d_model = n_heads * d_head
    config = SimpleNamespace(d_model=d_model, n_heads=n_heads, d_head=d_head, context_length=4)
    positions = build_positions(name, config, options.get("causal", False))
    return randomized(MultiHeadAttention(d_model, n_heads, positions=positions, **options))


def watch(module: nn.Module) -> list[Tensor]:
    """Look at the weights from now on; the list grows by one tensor a forward."""
    seen: list[Tensor] = []
    module.weights.register_forward_hook(lambda tap, inputs, output: seen.append(output))
    return seen


def gradients(output: Tensor, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(output, leaves, random(*output.shape, seed=5))


def mask_of_kind(kind: str, batch: int, n_heads: int, seq: int, src: int) -> Tensor | None:
    shapes = {
        "(T, S)": (seq, src),
        "(B, 1, 1, S)": (batch, 1, 1, src),
        "(B, 1, T, S)": (batch, 1, seq, src),
        "(1, H, T, S)": (1, n_heads, seq, src),
        "(B, H, T, S)": (batch, n_heads, seq, src),
    }
    if kind == "none":
        return None
    mask = random(*shapes[kind], seed=3) < 0.5
    mask[..., -1, 0] = True
    mask[..., 0, :] = mask[..., 0, :] & (kind == "(B, 1, 1, S)")  # nothing to see for a query
    return mask


mask_kinds = st.sampled_from(
    ["none", "(T, S)", "(B, 1, 1, S)", "(B, 1, T, S)", "(1, H, T, S)", "(B, H, T, S)"]
)


def by_hand(attend: MultiHeadAttention, x: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
    """The layer by loops over sequences, heads and queries, from slices of its parameters."""
    d, shared = attend.d_head, attend.n_heads // attend.n_kv_heads
    batch, seq, src = len(x), x.shape[1], memory.shape[1]
    q, k, v = attend.w_q(x), attend.w_k(memory), attend.w_v(memory)
    query = torch.stack([q[..., h * d : h * d + d] for h in range(attend.n_heads)], 1)
    key, value = (
        torch.stack(
            [y[..., h // shared * d : h // shared * d + d] for h in range(attend.n_heads)], 1
        )
        for y in (k, v)
    )
    query, key = attend.positions.turn(query, 0), attend.positions.turn(key, 0)
    bias = attend.positions.bias(query, key)
    full = (batch, attend.n_heads, seq, src)
    bias = torch.zeros(full) if bias is None else bias.expand(full)
    mask = torch.ones(full, dtype=torch.bool) if mask is None else mask.expand(full)
    joined = torch.zeros(batch, seq, attend.n_heads * d, dtype=x.dtype)
    for b in range(batch):
        for h in range(attend.n_heads):
            for i in range(seq):
                seen = [j for j in range(src) if mask[b, h, i, j] and (j <= i or not attend.causal)]
                if seen:
                    scores = key[b, h, seen] @ query[b, h, i] / sqrt(attend.positions.terms * d)
                    shares = (scores + bias[b, h, i, seen]).exp()
                    context = shares @ value[b, h, seen] / shares.sum()
                    joined[b, i, h * d : (h + 1) * d] = context
    return joined @ attend.w_o.weight.T + (0 if attend.w_o.bias is None else attend.w_o.bias)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(inside_attention), heads, sizes, mask_kinds, st.booleans(), st.booleans())
def test_a_layer_is_a_loop_over_heads_and_queries(name, heads, seq, kind, causal, bias):
    n_heads, n_kv_heads = heads
    options = {"n_kv_heads": n_kv_heads, "causal": causal, "qkv_bias": bias, "out_bias": bias}
    attend, x = layer(n_heads, name, **options), random(2, seq, n_heads * 4)
    mask = mask_of_kind(kind, 2, n_heads, seq, seq)
    assert_close(attend(x, mask=mask), by_hand(attend, x, x, mask), rtol=1e-9, atol=1e-11)


@settings(deadline=None, max_examples=20)
@given(heads, sizes, sizes, mask_kinds)
def test_cross_attention_is_a_loop_over_heads_and_queries(heads, seq, src, kind):
    attend = layer(heads[0], n_kv_heads=heads[1], qkv_bias=True)
    x, memory = random(2, seq, heads[0] * 4), random(2, src, heads[0] * 4, seed=1)
    mask = mask_of_kind(kind, 2, heads[0], seq, src)
    expected = by_hand(attend, x, memory, mask)
    assert_close(attend(x, memory, mask=mask), expected, rtol=1e-9, atol=1e-11)


# Watched or not


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(inside_attention), heads, sizes, mask_kinds, st.booleans(), st.booleans())
def test_looking_at_the_weights_changes_neither_output_nor_gradients(
    name, heads, seq, kind, causal, bias
):
    n_heads, n_kv_heads = heads
    attend = layer(n_heads, name, n_kv_heads=n_kv_heads, causal=causal, qkv_bias=bias)
    x, mask = random(2, seq, n_heads * 4).requires_grad_(), mask_of_kind(kind, 2, n_heads, seq, seq)
    leaves = [x, *attend.parameters()]
    fused = attend(x, mask=mask)
    seen = watch(attend)
    explicit = attend(x, mask=mask)
    assert_close(fused, explicit, rtol=1e-9, atol=1e-11)
    assert_close(gradients(fused, leaves), gradients(explicit, leaves), rtol=1e-8, atol=1e-10)
    (weights,) = seen
    assert weights.shape == (2, n_heads, seq, seq)
    allowed = torch.ones(seq, seq, dtype=torch.bool) if mask is None else mask
    if causal:
        allowed = allowed & masks.causal(seq)
    assert not weights[~allowed.expand_as(weights)].any()
    assert_close(weights.sum(-1), allowed.any(-1).expand(2, n_heads, seq).double())


@settings(deadline=None, max_examples=20)
@given(heads, sizes, sizes, mask_kinds)
def test_looking_at_cross_attention_changes_nothing(heads, seq, src, kind):
    attend = layer(heads[0], n_kv_heads=heads[1])
    x, memory = (random(2, n, heads[0] * 4, seed=n).requires_grad_() for n in (seq, src))
    mask, leaves = mask_of_kind(kind, 2, heads[0], seq, src), [x, memory, *attend.parameters()]
    fused = attend(x, memory, mask=mask)
    seen = watch(attend)
    explicit = attend(x, memory, mask=mask)
    assert [weights.shape for weights in seen] == [(2, heads[0], seq, src)]
    assert_close(fused, explicit, rtol=1e-9, atol=1e-11)
    assert_close(gradients(fused, leaves), gradients(explicit, leaves), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", inside_attention)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_of_low_precision_answers_in_it_on_both_paths(name, dtype):
    exact, x = layer(2, name, causal=True, qkv_bias=True), random(2, 4, 8)
    attend = layer(2, name, causal=True, qkv_bias=True).to(dtype)
    fused = attend(x.to(dtype))
    watch(attend)
    for answer in (fused, attend(x.to(dtype))):
        assert answer.dtype == dtype
        tolerance = 1e-4 if dtype == torch.float32 else 0.1
        assert_close(answer.double(), exact(x), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("build", [MultiHeadAttention, HeadList])
def test_a_layer_is_watched_by_either_kind_of_hook_and_only_while_it_is_there(build, monkeypatch):
    attend, x, seen = build(8, 2), torch.randn(2, 3, 8), []
    monkeypatch.setattr(attend.weights, "forward", lambda w: seen.append(w.shape) or w)
    attend(x)
    assert not seen  # without a hook the weights are not even computed
    for register in ("register_forward_hook", "register_forward_pre_hook"):
        hook = getattr(attend.weights, register)(lambda *_: None)
        attend(x)
        assert seen.pop() == (2, 2, 3, 3) and not seen
        hook.remove()
    attend(x)
    assert not seen


@pytest.mark.parametrize("build", [MultiHeadAttention, HeadList])
def test_a_hook_that_would_change_the_weights_is_refused(build):
    attend = build(8, 2)
    attend.weights.register_forward_hook(lambda tap, inputs, output: output * 0)
    with pytest.raises(ValueError, match="one may only look"):
        attend(torch.randn(1, 3, 8))


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("name", inside_attention)
def test_gradients_of_input_and_parameters_are_exact(watched, name):
    attend = layer(2, name, d_head=2, n_kv_heads=1, causal=True, qkv_bias=True)
    if watched:
        watch(attend)
    mask = torch.ones(3, 3, dtype=torch.bool)
    mask[1] = False  # nothing to see
    names, parameters = zip(*attend.named_parameters(), strict=True)
    leaves = [random(1, 3, 4).requires_grad_(), *parameters]

    def output(x: Tensor, *parameters: Tensor) -> Tensor:
        state = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(attend, state, (x,), {"mask": mask})

    assert torch.autograd.gradcheck(output, leaves, fast_mode=True)


# PyTorch's module


def copied(n_heads: int, bias: bool, **options) -> tuple[MultiHeadAttention, nn.MultiheadAttention]:
    """Our layer and PyTorch's, with the same parameters."""
    ours = layer(n_heads, qkv_bias=bias, out_bias=bias, **options)
    theirs = nn.MultiheadAttention(4 * n_heads, n_heads, bias=bias, batch_first=True).double()
    with torch.no_grad():
        three = (ours.w_q, ours.w_k, ours.w_v)
        theirs.in_proj_weight.copy_(torch.cat([linear.weight for linear in three]))
        theirs.out_proj.weight.copy_(ours.w_o.weight)
        if bias:
            theirs.in_proj_bias.copy_(torch.cat([linear.bias for linear in three]))
            theirs.out_proj.bias.copy_(ours.w_o.bias)
    return ours, theirs


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([1, 2, 3]), st.booleans(), sizes, sizes, st.booleans(), st.booleans(), st.data()
)
def test_a_layer_equals_pytorchs_in_values_weights_and_gradients(
    n_heads, bias, seq, src, cross, causal, data
):
    """Their masks are ours turned round."""
    causal = causal and not cross
    src = src if cross else seq
    ours, theirs = copied(n_heads, bias, causal=causal)
    x, memory = random(2, seq, 4 * n_heads), random(2, src, 4 * n_heads, seed=1)
    x.requires_grad_()
    memory = memory.requires_grad_() if cross else None
    lengths = data.draw(st.lists(st.integers(1, src), min_size=2, max_size=2))
    tokens = torch.tensor([[1] * n + [0] * (src - n) for n in lengths])
    mask, attn_mask = masks.padding(tokens, 0), None
    if causal:
        attn_mask = masks.from_blocked(masks.causal(seq))
    elif data.draw(st.booleans()):
        pairs = random(seq, src, seed=2) < 0.5
        pairs[:, 0] = True
        mask, attn_mask = mask & pairs, masks.from_blocked(pairs)
    seen = watch(ours)
    output = ours(x, memory, mask=mask)
    source = x if memory is None else memory
    expected, weights = theirs(
        x,
        source,
        source,
        key_padding_mask=masks.from_blocked(tokens == 1),
        attn_mask=attn_mask,
        average_attn_weights=False,
    )
    assert_close(output, expected)
    assert_close(seen[0], weights)
    inputs = [x] if memory is None else [x, memory]
    upstream = random(*output.shape, seed=5)
    output.backward(upstream)
    of_ours = [leaf.grad.clone() for leaf in inputs]
    for leaf in inputs:
        leaf.grad = None
    expected.backward(upstream)
    assert_close(of_ours, [leaf.grad for leaf in inputs])
    three = (ours.w_q, ours.w_k, ours.w_v)
    assert_close(torch.cat([linear.weight.grad for linear in three]), theirs.in_proj_weight.grad)
    assert_close(ours.w_o.weight.grad, theirs.out_proj.weight.grad)
    if bias:
        assert_close(torch.cat([linear.bias.grad for linear in three]), theirs.in_proj_bias.grad)
        assert_close(ours.w_o.bias.grad, theirs.out_proj.bias.grad)


def test_the_shapes_of_cross_attention():
    attend = MultiHeadAttention(16, 4)
    seen = watch(attend)
    assert attend(torch.randn(2, 7, 16), torch.randn(2, 5, 16)).shape == (2, 7, 16)
    assert seen[0].shape == (2, 4, 7, 5)


# A list of heads


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([1, 2, 4]), sizes, mask_kinds, st.booleans(), st.booleans(), st.booleans())
def test_a_list_of_heads_equals_the_fused_layer(n_heads, seq, kind, causal, qkv_bias, out_bias):
    options = {"causal": causal, "qkv_bias": qkv_bias, "out_bias": out_bias}
    slow = randomized(HeadList(4 * n_heads, n_heads, **options))
    fast, mask = fuse(slow), mask_of_kind(kind, 2, n_heads, seq, seq)
    x = random(2, seq, 4 * n_heads).requires_grad_()

    def answer(attend: nn.Module) -> dict[str, Tensor]:
        """The output, and the gradient of the input and of each parameter, by name."""
        output = attend(x, mask=mask)
        names, parameters = zip(*attend.named_parameters(), strict=True)
        found = gradients(output, [x, *parameters])
        return dict(zip(("output", "x", *names), (output, *found), strict=True))

    unwatched = answer(slow), answer(fast)
    seen = watch(slow), watch(fast)
    watched = answer(slow), answer(fast)
    exactly = {"rtol": 1e-9, "atol": 1e-11}
    assert_close(*seen, **exactly)
    assert_close(watched, unwatched, **exactly)
    of_slow, of_fast = watched
    for name, tensor in of_fast.items():
        of_heads = [of_slow.get(f"heads.{h}.{name}") for h in range(n_heads)]
        expected = of_slow[name] if of_heads[0] is None else torch.cat(of_heads)
        assert_close(tensor, expected, **exactly)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_fusing_keeps_mode_precision_dropout_and_causality(training, dtype):
    slow = randomized(HeadList(8, 2, causal=True, dropout=0.3)).to(dtype).train(training)
    fast = fuse(slow)
    assert all(module.training == training for module in fast.modules())
    assert fast.w_q.weight.dtype == fast.w_o.bias.dtype == dtype
    assert_close(fast.w_v.weight[4:], slow.heads[1].w_v.weight, rtol=0, atol=0)
    assert (fast.dropout.p, fast.causal, fast.n_heads, fast.n_kv_heads) == (0.3, True, 2, 2)
    assert (slow.n_heads, slow.n_kv_heads, slow.d_head) == (2, 2, 4)


def test_the_fused_layer_has_parameters_of_its_own():
    slow, x = randomized(HeadList(8, 2)), random(1, 3, 8)
    fast = fuse(slow)
    before = fast(x)
    for parameter in slow.parameters():
        parameter.data.zero_()
    assert_close(fast(x), before, rtol=0, atol=0)
    assert all(parameter.requires_grad for parameter in fast.parameters())


def test_heads_and_projections_are_drawn_in_the_order_that_is_promised():
    torch.manual_seed(0)
    fast, slow = MultiHeadAttention(8, 2, n_kv_heads=1, qkv_bias=True), HeadList(8, 2)
    torch.manual_seed(0)
    for linear, width in [(fast.w_q, 8), (fast.w_k, 4), (fast.w_v, 4), (fast.w_o, 8)]:
        expected = nn.Linear(8, width)
        assert_close(linear.weight, expected.weight)
        assert_close(linear.bias, expected.bias)
    for head in slow.heads:
        for linear in (head.w_q, head.w_k, head.w_v):
            assert_close(linear.weight, nn.Linear(8, 4, bias=False).weight)
    assert_close(slow.w_o.weight, nn.Linear(8, 8).weight)


# Shared keys and values


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([(2, 1), (4, 2), (4, 1), (6, 3), (6, 2)]),
    st.sampled_from(inside_attention),
    st.booleans(),
)
def test_shared_keys_and_values_equal_a_full_layer_that_repeats_them(heads, name, causal):
    n_heads, n_kv_heads = heads
    options = {"causal": causal, "qkv_bias": True}
    grouped = layer(n_heads, name, n_kv_heads=n_kv_heads, **options)
    full, shared = layer(n_heads, name, **options), n_heads // n_kv_heads
    state = grouped.state_dict()
    for key in ("w_k.weight", "w_k.bias", "w_v.weight", "w_v.bias"):
        pieces = state[key].split(4)
        state[key] = torch.cat([pieces[h // shared] for h in range(n_heads)])
    full.load_state_dict(state)
    x = random(2, 5, n_heads * 4)
    upstream = random(2, 5, n_heads * 4, seed=5)
    outputs = grouped(x), full(x)
    assert_close(*outputs)
    for output in outputs:
        output.backward(upstream)
    for role in ("w_k", "w_v"):
        of_full = getattr(full, role).weight.grad.view(n_kv_heads, shared, 4, -1).sum(1)
        assert_close(getattr(grouped, role).weight.grad, of_full.flatten(0, 1))


def test_as_many_key_heads_as_query_heads_is_plain_multi_head_attention():
    torch.manual_seed(0)
    plain = MultiHeadAttention(8, 2, causal=True)
    torch.manual_seed(0)
    grouped, x = MultiHeadAttention(8, 2, n_kv_heads=2, causal=True), torch.randn(2, 5, 8)
    assert plain.n_kv_heads == grouped.n_kv_heads == 2
    for ours, theirs in zip(plain.parameters(), grouped.parameters(), strict=True):
        assert_close(ours, theirs, rtol=0, atol=0)
    assert_close(plain(x), grouped(x), rtol=0, atol=0)


@pytest.mark.parametrize(("n_kv_heads", "count"), [(4, 12_288), (2, 8_192), (1, 6_144)])
def test_parameters_of_full_grouped_and_multi_query_attention(n_kv_heads, count):
    attend = MultiHeadAttention(64, 4, n_kv_heads=n_kv_heads)
    assert sum(linear.weight.numel() for linear in (attend.w_q, attend.w_k, attend.w_v)) == count
    assert sum(parameter.numel() for parameter in attend.parameters()) == count + 4_096 + 64


@pytest.mark.parametrize("n_heads", [1, 2, 4, 8])
def test_more_heads_cost_no_more_parameters(n_heads):
    for build in (MultiHeadAttention, HeadList):
        attend = build(64, n_heads)
        assert sum(parameter.numel() for parameter in attend.parameters()) == 16_448
        assert attend.d_head == 64 // n_heads


# Properties


@pytest.mark.parametrize("build", [MultiHeadAttention, HeadList])
@settings(deadline=None, max_examples=15)
@given(order=st.permutations(range(5)))
def test_without_mask_and_positions_attention_is_permutation_equivariant(build, order):
    attend, x = randomized(build(8, 2)), random(2, 5, 8)
    assert_close(attend(x[:, order]), attend(x)[:, order])


@settings(deadline=None, max_examples=15)
@given(order=st.permutations(range(5)))
def test_the_order_of_the_memory_does_not_matter(order):
    attend, x, memory = layer(), random(2, 3, 8), random(2, 5, 8, seed=1)
    assert_close(attend(x, memory[:, order]), attend(x, memory))


def test_sequences_of_a_batch_do_not_see_each_other():
    x = random(3, 4, 8).requires_grad_()
    for attend in (layer(name="rotary"), randomized(HeadList(8, 2))):
        gradient = torch.autograd.grad(attend(x)[1].sum(), x)[0]
        assert gradient.flatten(1).any(1).tolist() == [False, True, False]


def test_each_head_reads_every_column_and_writes_its_own():
    attend, x = layer(4), random(1, 3, 16).requires_grad_()
    joined = []
    attend.w_o.register_forward_pre_hook(lambda linear, inputs: joined.append(inputs[0]))
    output = attend(x)
    assert_close(output, attend.w_o(joined[0]))
    for h in range(4):
        context = joined[0][..., 4 * h : 4 * h + 4]
        assert torch.autograd.grad(context.sum(), x, retain_graph=True)[0].all()
        (of_query,) = torch.autograd.grad(context.sum(), attend.w_q.weight, retain_graph=True)
        assert of_query.any(1).nonzero().flatten().tolist() == list(range(4 * h, 4 * h + 4))


@pytest.mark.parametrize("name", inside_attention)
@pytest.mark.parametrize("n_kv_heads", [1, 2])
@pytest.mark.parametrize("watched", [False, True])
def test_a_later_token_cannot_change_an_earlier_row(name, n_kv_heads, watched):
    attend, x = layer(2, name, n_kv_heads=n_kv_heads, causal=True), random(2, 5, 8)
    if watched:
        watch(attend)
    for cut in range(1, 5):
        changed = x.clone()
        changed[:, cut:] *= -9.0
        assert_close(attend(changed)[:, :cut], attend(x)[:, :cut], rtol=0, atol=0)
        assert not torch.isclose(attend(changed)[:, cut:], attend(x)[:, cut:]).all(-1).any()


def test_the_last_row_of_one_causal_layer_needs_no_mask():
    causal, full, x = layer(causal=True), layer(), random(2, 5, 8)
    assert_close(causal(x)[:, -1], full(x)[:, -1])
    assert not torch.isclose(causal(x)[:, :-1], full(x)[:, :-1]).any()


# Dropout


@pytest.mark.parametrize("build", [MultiHeadAttention, HeadList])
@pytest.mark.parametrize("watched", [False, True])
def test_dropout_keeps_the_expected_output_and_stops_in_evaluation(build, watched):
    attend, x = randomized(build(8, 2, dropout=0.3)).float(), random(1, 3, 8).float()
    if watched:
        watch(attend)
    expected = attend.eval()(x)[0]
    assert_close(attend(x)[0], expected, rtol=0, atol=0)
    torch.manual_seed(0)
    outputs = attend.train()(x.expand(20_000, 3, 8))
    error = outputs.std(0) / sqrt(20_000)
    assert ((outputs.mean(0) - expected).abs() < 5 * error).all()
    assert abs((outputs == 0).float().mean() - 0.3) < 0.01  # the output's own dropout


@pytest.mark.parametrize("build", [MultiHeadAttention, HeadList])
def test_dropout_of_the_weights_is_drawn_for_each_head_and_scaled_up(build):
    attend, x = randomized(build(8, 2, dropout=0.25)), random(1, 4, 8)
    seen = watch(attend)
    attend.eval()(x)
    attend.train()(x.expand(4000, 4, 8))
    plain, dropped = seen
    assert_close(dropped, torch.where(dropped == 0, 0.0, plain / 0.75))
    assert abs((dropped == 0).double().mean() - 0.25) < 0.01
    first, second = (dropped == 0).double().transpose(0, 1).flatten(1)
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1]) < 0.05


@pytest.mark.parametrize("build", [MultiHeadAttention, HeadList])
def test_dropout_reaches_the_weights_on_the_fused_path_too(build):
    """With the output's dropout taken away, what varies is the weights."""
    attend, x = randomized(build(8, 2, dropout=0.5)), random(1, 4, 8)
    with torch.no_grad():
        attend.w_o.weight.copy_(torch.eye(8))
    outputs = attend.train()(x.expand(500, 4, 8))
    survivors = [outputs[:, 0, c][outputs[:, 0, c] != 0] for c in range(8)]
    assert min(len(column.unique()) for column in survivors) > 10


# Errors


@reader
@pytest.mark.parametrize(
    ("action", "parts"),
    [
        (lambda: MultiHeadAttention(10, 4), ["d_model is 10", "n_heads is 4", "8 or 12"]),
        (lambda: HeadList(10, 4), ["d_model is 10", "n_heads is 4", "8 or 12"]),
        (lambda: MultiHeadAttention(8, 4, n_kv_heads=3), ["n_heads is 4", "n_kv_heads is 3"]),
        (lambda: MultiHeadAttention(8, 4, n_kv_heads=8), ["n_heads is 4", "n_kv_heads is 8"]),
        (lambda: MultiHeadAttention(8, 4, n_kv_heads=0), ["n_kv_heads is 0", "at least 1"]),
        (lambda: MultiHeadAttention(0, 4), ["d_model is 0"]),
        (lambda: HeadList(8, 0), ["n_heads is 0"]),
        (lambda: MultiHeadAttention(8, 4, dropout=10), ["dropout is 10", "write 0.1"]),
        (lambda: HeadList(8, 4, dropout=1.0), ["dropout is 1.0"]),
    ],
)
def test_a_layer_that_cannot_be_built_is_told_why(action, parts):
    with pytest.raises(ValueError) as error:
        action()
    for part in parts:
        assert part in str(error.value)


@reader
@pytest.mark.parametrize("build", [MultiHeadAttention, HeadList])
@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ((3, 8), ["x has shape (3, 8)", "(batch, tokens, 8)", "x.unsqueeze(0)"]),
        ((2, 3, 6), ["x has shape (2, 3, 6)", "d_model=8"]),
        ((1, 2, 3, 8), ["x has shape (1, 2, 3, 8)"]),
    ],
)
def test_an_input_of_another_shape_is_named(build, shape, parts):
    with pytest.raises(ValueError) as error:
        build(8, 2)(torch.zeros(shape))
    for part in parts:
        assert part in str(error.value)


@reader
@pytest.mark.parametrize("build", [MultiHeadAttention, HeadList])
@pytest.mark.parametrize(
    ("mask", "error", "parts"),
    [
        (torch.ones(3, 3), TypeError, ["mask holds torch.float32", "from_numbers"]),
        (torch.ones(2, 3, 3).bool(), ValueError, ["line up with the heads", "mask.unsqueeze(1)"]),
        (torch.ones(2, 3).bool(), ValueError, ["(2, 3)", "(2, 2, 3, 3)", "here (3, 3)"]),
        (torch.ones(3, 2, 3, 3).bool(), ValueError, ["(3, 2, 3, 3)", "(2, 2, 3, 3)"]),
        (torch.ones(3).bool(), ValueError, ["mask has shape (3,)"]),
    ],
)
def test_a_mask_that_does_not_fit_is_named(build, mask, error, parts):
    with pytest.raises(error) as raised:
        build(8, 2)(torch.zeros(2, 3, 8), mask=mask)
    for part in parts:
        assert part in str(raised.value)


@reader
@pytest.mark.parametrize(
    ("options", "memory", "parts"),
    [
        ({}, (3, 5, 8), ["x holds 2 sequences and memory 3"]),
        ({}, (2, 5, 6), ["memory has shape (2, 5, 6)", "d_model=8"]),
        ({}, (5, 8), ["memory has shape (5, 8)", "memory.unsqueeze(0)"]),
        ({"causal": True}, (2, 5, 8), ["causal=True", "without it"]),
        ({"positions": Rotary(4)}, (2, 5, 8), ["positions=Rotary"]),
        ({"positions": ALiBi(2)}, (2, 5, 8), ["positions=ALiBi"]),
    ],
)
def test_a_memory_that_does_not_fit_is_named(options, memory, parts):
    with pytest.raises(ValueError) as error:
        MultiHeadAttention(8, 2, **options)(torch.zeros(2, 3, 8), torch.zeros(memory))
    for part in parts:
        assert part in str(error.value)


def test_fusing_draws_no_random_numbers_and_shares_no_memory():
    heads = HeadList(8, 2)
    before = torch.get_rng_state()
    fused = fuse(heads)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.no_grad():
        heads.w_o.weight.zero_()
    assert fused.w_o.weight.abs().sum() > 0
    assert all(parameter.requires_grad for parameter in fused.parameters())


@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("positions", ["none", "rotary"])
def test_queries_and_keys_of_each_head_are_normalized_before_they_are_turned(kind, positions):
    scheme = Rotary(4) if positions == "rotary" else None
    options = {"n_kv_heads": 2, "causal": True, "positions": scheme, "qk_norm": NORMS[kind]}
    layer = randomized(MultiHeadAttention(16, 4, **options))
    x = random(2, 5, 16)
    query = layer.norm_q(layer.w_q(x).view(2, 5, 4, 4)).transpose(1, 2)
    key = layer.norm_k(layer.w_k(x).view(2, 5, 2, 4)).transpose(1, 2)
    value = layer.w_v(x).view(2, 5, 2, 4).transpose(1, 2)
    if scheme is not None:
        query, key = scheme.turn(query, 0), scheme.turn(key, 0)
    expected = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
    assert_close(layer(x), layer.w_o(expected.transpose(1, 2).flatten(2)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_a_configuration_chooses_the_norm_of_queries_and_keys(kind):
    settings = {"vocab_size": 11, "context_length": 12, "d_model": 8, "n_heads": 2, "n_layers": 1}
    attention = GPT(GPTConfig(**settings, norm=kind, qk_norm=True)).blocks[0].attention
    norms = attention.norm_q, attention.norm_k
    assert [type(norm) for norm in norms] == [NORMS[kind]] * 2 and norms[0] is not norms[1]
    assert norms[0].weight.shape == (4,)
    plain = GPT(GPTConfig(**settings)).blocks[0].attention
    assert not list(plain.norm_q.parameters())


def test_with_norms_larger_inputs_give_no_larger_scores():
    layer = MultiHeadAttention(8, 2, qk_norm=NORMS["rms"]).eval()
    x = random(1, 5, 8).float()
    weights = []
    for size in (10.0, 1000.0):
        with record_attention(layer) as recorded:
            layer(size * x)
        weights += recorded.values()
    assert_close(weights[0], weights[1], rtol=0, atol=1e-5)
