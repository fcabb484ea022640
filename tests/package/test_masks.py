"""Masks: each pattern against a double loop, the conventions of others, and what packing keeps."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from glassbox import masks
from glassbox.attention import MultiHeadAttention, attention
from glassbox.positions import POSITIONS, build_positions

reader = pytest.mark.usefixtures("as_a_reader_runs_it")
inside_attention = ["none", "rotary", "alibi", "t5", "transformer_xl", "deberta"]
few = settings(deadline=None, max_examples=40)
sizes = st.integers(1, 6)
id_rows = st.integers(1, 6).flatmap(
    lambda seq: st.lists(
        st.lists(st.integers(0, 2), min_size=seq, max_size=seq), min_size=1, max_size=3
    )
)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def loop(seq: int, src: int, allowed) -> Tensor:
    """A mask of `allowed(i, j)`, asked for each query position i and each key position j."""
    return torch.tensor([[bool(allowed(i + src - seq, j)) for j in range(src)] for i in range(seq)])


def layer(name: str = "none", **options) -> MultiHeadAttention:
    """A layer of two heads of width 4, in double precision, whose parameters are all random."""
    config = SimpleNamespace(d_model=8, n_heads=2, d_head=4, context_length=16)
    positions = build_positions(name, config, options.get("causal", False))
    built = MultiHeadAttention(8, 2, positions=positions, qkv_bias=True, **options).double()
    for seed, parameter in enumerate(built.parameters()):
        parameter.data = random(*parameter.shape, seed=seed + 7) / 2
    return built


def assert_mask(mask: Tensor, expected: Tensor) -> None:
    """Equal, and boolean."""
    assert_close(mask, expected, rtol=0, atol=0)


# Patterns


@few
@given(sizes, sizes, sizes)
def test_causal_and_window_are_a_double_loop(seq, earlier, window):
    src = seq + earlier - 1
    assert_mask(masks.causal(seq, src), loop(seq, src, lambda i, j: j <= i))
    expected = loop(seq, src, lambda i, j: i - window < j <= i)
    assert_mask(masks.sliding_window(seq, window, src), expected)
    assert_mask(masks.causal(seq), masks.causal(seq, seq))
    assert_mask(masks.sliding_window(seq, window), masks.sliding_window(seq, window, seq))


@few
@given(sizes, st.lists(sizes, min_size=1, max_size=4))
def test_a_prefix_is_a_double_loop_with_one_length_or_one_for_each_sequence(seq, lengths):
    lengths = [min(length, seq + 1) - 1 for length in lengths]
    expected = [loop(seq, seq, lambda i, j, n=n: j <= i or j < n) for n in lengths]
    assert_mask(masks.prefix(seq, torch.tensor(lengths)), torch.stack(expected)[:, None])
    for n, mask in zip(lengths, expected, strict=True):
        assert_mask(masks.prefix(seq, n), mask)


def test_the_ends_of_prefix_and_window_are_causal_and_full():
    assert_mask(masks.prefix(5, 0), masks.causal(5))
    assert masks.prefix(5, 5).all()
    assert_mask(masks.sliding_window(5, 1), torch.eye(5, dtype=torch.bool))
    assert_mask(masks.sliding_window(5, 9), masks.causal(5))


@few
@given(id_rows)
def test_documents_and_their_positions_are_loops(rows):
    ids, seq = torch.tensor(rows), len(rows[0])
    expected = [loop(seq, seq, lambda i, j, row=row: row[i] == row[j]) for row in rows]
    assert_mask(masks.documents(ids), torch.stack(expected)[:, None])
    positions = []
    for row in rows:
        count = 0
        for t in range(seq):
            count = count + 1 if t and row[t] == row[t - 1] else 0
            positions.append(count)
    assert masks.document_positions(ids).flatten().tolist() == positions


@few
@given(id_rows, st.integers(0, 2))
def test_padding_hides_the_keys_that_fill_up(rows, pad_id):
    rows = [row for row in rows if set(row) != {pad_id}]
    if rows:
        expected = torch.tensor([[token != pad_id for token in row] for row in rows])
        assert_mask(masks.padding(torch.tensor(rows), pad_id), expected[:, None, None])


@few
@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 3), st.integers(0, 5))
def test_patterns_combine_to_what_all_of_them_allow(lengths, window, n_prefix):
    tokens = torch.tensor([[1] * n + [0] * (5 - n) for n in lengths])
    ids = torch.tensor([[0, 0, 1, 1, 1]])
    both = masks.padding(tokens, 0) & masks.causal(5) & masks.documents(ids)
    assert both.shape == (len(lengths), 1, 5, 5)
    for b, n in enumerate(lengths):
        expected = loop(5, 5, lambda i, j, n=n: j <= i and j < n and (i < 2) == (j < 2))
        assert_mask(both[b, 0], expected)
    either = masks.sliding_window(5, window) | masks.prefix(5, n_prefix)
    assert_mask(either, masks.prefix(5, n_prefix))


def test_patterns_are_made_where_they_are_asked_for():
    assert masks.causal(3, device="meta").is_meta
    assert masks.sliding_window(3, 2, device="meta").is_meta
    ids = torch.zeros(2, 3, dtype=torch.long, device="meta")
    assert masks.documents(ids).is_meta
    assert masks.document_positions(ids).is_meta
    assert masks.padding(ids, 0).shape == (2, 1, 1, 3)


@reader
@pytest.mark.parametrize(
    ("action", "parts"),
    [
        (lambda: masks.causal(0), ["seq is 0", "at least 1"]),
        (lambda: masks.causal(4, 3), ["4 queries and 3 keys", "last of the keys' positions"]),
        (lambda: masks.sliding_window(4, 0), ["window is 0", "at least 1"]),
        (lambda: masks.sliding_window(4, 2, src=3), ["4 queries and 3 keys"]),
        (lambda: masks.prefix(4, 5), ["n_prefix is 5 for 4 positions", "0 to 4"]),
        (lambda: masks.prefix(4, torch.tensor([2, -1])), ["[2, -1]", "0 to 4"]),
        (
            lambda: masks.documents(torch.zeros(3).long()),
            ["ids has shape (3,)", "ids.unsqueeze(0)"],
        ),
        (lambda: masks.document_positions(torch.zeros(3).long()), ["ids has shape (3,)"]),
        (
            lambda: masks.padding(torch.ones(3).long(), 0),
            ["tokens has shape (3,)", "tokens.unsqueeze(0)"],
        ),
        (lambda: masks.padding(torch.tensor([[1, 0], [0, 0]]), 0), ["row 1 of", "padding (id 0)"]),
        (lambda: masks.padding(torch.zeros(2, 2).long(), 0), ["row 0, 1 of tokens", "Leave empty"]),
    ],
)
def test_a_pattern_that_cannot_be_is_told_why(action, parts):
    with pytest.raises(ValueError) as error:
        action()
    for part in parts:
        assert part in str(error.value)


# Conventions

booleans = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=4).map(
    torch.tensor
)


@few
@given(booleans, st.sampled_from([torch.float32, torch.float64, torch.bfloat16]))
def test_every_convention_can_be_turned_into_ours_and_back(mask, dtype):
    blocked = masks.from_blocked(mask)
    assert_mask(blocked, torch.tensor([[not entry for entry in row] for row in mask.tolist()]))
    assert_mask(masks.from_blocked(blocked), mask)
    for number in (torch.int64, torch.uint8, torch.bool, dtype):
        assert_mask(masks.from_numbers(mask.to(number)), mask)
    additive = masks.to_additive(mask, dtype)
    expected = [[0.0 if entry else -torch.inf for entry in row] for row in mask.tolist()]
    assert_close(additive, torch.tensor(expected, dtype=dtype), rtol=0, atol=0)
    assert_mask(masks.from_additive(additive), mask)
    assert masks.to_additive(mask).dtype == torch.float32


@few
@given(booleans, st.integers(0, 9))
def test_the_three_conventions_of_pytorch_mean_our_mask(mask, seed):
    """Ours is that of `scaled_dot_product_attention`; a module of PyTorch blocks what is `True`."""
    mask[:, 0] = True  # a row of PyTorch's module that may see nothing is not a number
    query, memory = random(1, len(mask), 4, seed=seed), random(1, 3, 4, seed=seed + 1)
    ours = attention(query, memory, memory, mask=mask)[0]
    assert_close(F.scaled_dot_product_attention(query, memory, memory, attn_mask=mask), ours)
    added = masks.to_additive(mask, torch.float64)
    assert_close(F.scaled_dot_product_attention(query, memory, memory, attn_mask=added), ours)
    assert_close(attention(query, memory, memory, bias=added)[0], ours)
    module = torch.nn.MultiheadAttention(4, 1, bias=False, batch_first=True).double()
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.eye(4).repeat(3, 1))
        module.out_proj.weight.copy_(torch.eye(4))
    assert_close(module(query, memory, memory, attn_mask=masks.from_blocked(mask))[0], ours)
    assert_close(module(query, memory, memory, attn_mask=added)[0], ours)


def test_one_mask_means_the_opposite_to_pytorchs_module_and_function():
    mask, x = masks.causal(3), random(1, 3, 4)
    module = torch.nn.MultiheadAttention(4, 1, batch_first=True).double()
    weights = module(x, x, x, attn_mask=mask)[1][0]
    assert weights[2].isnan().all()  # the last token may see nothing
    assert (weights[:2][mask[:2]] == 0).all()


@reader
@pytest.mark.parametrize(
    ("action", "error", "parts"),
    [
        (lambda: masks.from_blocked(torch.ones(2)), TypeError, ["torch.float32", "from_numbers"]),
        (lambda: masks.to_additive(torch.ones(2).long()), TypeError, ["int64", "from_additive"]),
        (lambda: masks.from_numbers(torch.tensor([0, 2])), ValueError, ["0 and 1"]),
        (
            lambda: masks.from_numbers(torch.tensor([0.0, -torch.inf])),
            ValueError,
            ["from_additive"],
        ),
        (lambda: masks.from_numbers(torch.tensor([1.0, torch.nan])), ValueError, ["0 and 1"]),
        (lambda: masks.from_additive(torch.tensor([0.0, -1e9])), ValueError, ["bias="]),
        (lambda: masks.from_additive(torch.tensor([0.0, 1.0])), ValueError, ["from_numbers"]),
        (lambda: masks.from_additive(torch.tensor([0.0, torch.inf])), ValueError, ["minus inf"]),
    ],
)
def test_a_mask_of_another_convention_is_refused_with_its_converter(action, error, parts):
    with pytest.raises(error) as raised:
        action()
    for part in parts:
        assert part in str(raised.value)


# What a mask does to a layer


def test_every_position_scheme_that_acts_inside_attention_is_tried_here():
    config = SimpleNamespace(d_model=8, n_heads=2, d_head=4, context_length=16)
    built = {name: build_positions(name, config, True) for name in POSITIONS}
    seats = {name for name, scheme in built.items() if scheme.seat == "attention"}
    assert seats | {"none"} == set(inside_attention)


@pytest.mark.parametrize("name", inside_attention)
@pytest.mark.parametrize("causal", [False, True])
@settings(deadline=None, max_examples=8)
@given(lengths=st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_packed_documents_get_what_they_get_alone(name, causal, lengths):
    attend = layer(name, causal=causal)
    documents = [random(2, n, 8, seed=n + 10 * i) for i, n in enumerate(lengths)]
    ids = torch.tensor([[i for i, n in enumerate(lengths) for _ in range(n)]] * 2)
    packed = attend(torch.cat(documents, dim=1), mask=masks.documents(ids))
    alone = torch.cat([attend(document) for document in documents], dim=1)
    assert_close(packed, alone, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", inside_attention)
@pytest.mark.parametrize("causal", [False, True])
@settings(deadline=None, max_examples=8)
@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4), left=st.booleans())
def test_padding_on_either_side_changes_no_real_token(name, causal, lengths, left):
    attend, longest = layer(name, causal=causal), max(lengths)
    texts = [random(1, n, 8, seed=n + 10 * i) for i, n in enumerate(lengths)]
    places = [slice(longest - n, None) if left else slice(n) for n in lengths]
    x, tokens = torch.full((len(texts), longest, 8), 1e3).double(), torch.zeros(len(texts), longest)
    for b, (text, place) in enumerate(zip(texts, places, strict=True)):
        x[b, place], tokens[b, place] = text[0], 1
    together = attend(x, mask=masks.padding(tokens.long(), pad_id=0))
    assert together.isfinite().all()
    for b, (text, place) in enumerate(zip(texts, places, strict=True)):
        assert_close(together[b, place], attend(text)[0], rtol=1e-9, atol=1e-11)


def test_no_gradient_reaches_padding():
    x = random(2, 5, 8).requires_grad_()
    tokens = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    real = layer()(x, mask=masks.padding(tokens, pad_id=0))[tokens == 1]
    gradient = torch.autograd.grad(real.square().sum(), x)[0]
    assert torch.equal(gradient.any(dim=-1), tokens == 1)


def reach(mask: Tensor, n_layers: int) -> Tensor:
    """Which positions each output depends on, `[i, j]`, after layers with a residual stream."""
    layers = [layer() for _ in range(n_layers)]
    x = random(1, mask.shape[-1], 8).requires_grad_()
    y = x
    for attend in layers:
        y = y + attend(y, mask=mask)
    rows = [torch.autograd.grad(row.sum(), x, retain_graph=True)[0] for row in y[0]]
    return torch.stack([row[0].any(dim=-1) for row in rows])


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("window", [1, 2, 3])
def test_a_window_reaches_farther_with_each_layer(n_layers, window):
    farthest = n_layers * (window - 1) + 1
    found = reach(masks.sliding_window(8, window), n_layers)
    assert_mask(found, masks.sliding_window(8, farthest))


@pytest.mark.parametrize("n_layers", [1, 3])
def test_causal_and_prefix_masks_hold_at_any_depth(n_layers):
    for mask in (masks.causal(6), masks.prefix(6, 3)):
        assert_mask(reach(mask, n_layers), mask)


def test_a_prefix_of_its_own_length_holds_for_each_sequence():
    attend, x = layer(), random(3, 5, 8)
    together = attend(x, mask=masks.prefix(5, torch.tensor([0, 2, 5])))
    for b, n_prefix in enumerate([0, 2, 5]):
        assert_close(together[b : b + 1], attend(x[b : b + 1], mask=masks.prefix(5, n_prefix)))
    assert_close(together[:1], layer(causal=True)(x[:1]))
    assert_close(together[2:], attend(x[2:]))
