"""The key-value cache: piece by piece, a layer answers as it does all at once."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from glassbox import masks
from glassbox.attention import HeadList, KeyValueCache, MultiHeadAttention
from glassbox.positions import build_positions

reader = pytest.mark.usefixtures("as_a_reader_runs_it")
inside_attention = ["none", "rotary", "alibi", "t5", "transformer_xl", "deberta"]
chunks = st.lists(st.integers(1, 4), min_size=1, max_size=5)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def layer(name: str, n_kv_heads: int, causal: bool = True) -> MultiHeadAttention:
    """A layer of four heads of width 2, in double precision, whose parameters are all random."""
    config = SimpleNamespace(d_model=8, n_heads=4, d_head=2, context_length=4)
    attend = MultiHeadAttention(
        8,
        4,
        n_kv_heads=n_kv_heads,
        causal=causal,
        qkv_bias=True,
        positions=build_positions(name, config, causal),
    ).double()
    for seed, parameter in enumerate(attend.parameters()):
        parameter.data = random(*parameter.shape, seed=seed + 7) / 2
    return attend


def room(capacity: int, n_kv_heads: int = 1, batch: int = 2, **options) -> KeyValueCache:
    options = {"dtype": torch.float64, **options}
    return KeyValueCache(batch, n_kv_heads, capacity, d_head=2, **options)


def assert_same(piecewise: Tensor, full: Tensor) -> None:
    assert_close(piecewise, full, rtol=0, atol=1e-10)


# A layer


@pytest.mark.parametrize("name", inside_attention)
@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
@settings(deadline=None, max_examples=8)
@given(lengths=chunks, watched=st.booleans())
def test_chunks_of_any_size_equal_the_full_pass(name, n_kv_heads, lengths, watched):
    attend, x = layer(name, n_kv_heads), random(2, sum(lengths), 8)
    full = attend(x)
    if watched:
        attend.weights.register_forward_hook(lambda *_: None)
    cache, outputs = room(sum(lengths) + 1, n_kv_heads), []
    with torch.no_grad():
        for i, chunk in enumerate(x.split(lengths, dim=1)):
            outputs.append(attend(chunk, cache=cache))
            assert cache.length == sum(lengths[: i + 1])
    assert_same(torch.cat(outputs, dim=1), full)


@pytest.mark.parametrize("name", inside_attention)
@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
def test_one_token_at_a_time_equals_the_full_pass(name, n_kv_heads):
    attend, x, cache = layer(name, n_kv_heads), random(2, 7, 8), room(7, n_kv_heads)
    outputs = [attend(token, cache=cache) for token in x.split(1, dim=1)]
    assert_same(torch.cat(outputs, dim=1), attend(x))
    assert cache.length == cache.capacity == 7


@pytest.mark.parametrize("name", inside_attention)
def test_the_weights_of_a_token_cover_all_keys_so_far(name):
    attend, x, cache, seen = layer(name, 2), random(2, 4, 8), room(9, 2), []
    attend.weights.register_forward_hook(lambda tap, inputs, output: seen.append(output))
    for part in (x, x[:, :3], x[:, 3:]):
        attend(part, cache=None if part is x else cache)
    full, first, last = seen
    assert_same(first, full[:, :, :3, :3])
    assert_same(last, full[:, :, 3:])


@settings(deadline=None, max_examples=20)
@given(chunks, st.integers(1, 4), st.sampled_from(inside_attention))
def test_a_mask_over_all_keys_so_far_goes_with_a_cache(lengths, window, name):
    attend, seq = layer(name, 2), sum(lengths)
    x, cache, outputs = random(2, seq, 8), room(seq, 2), []
    real = torch.ones(2, seq, dtype=torch.bool)
    real[0, : seq // 2] = False  # the first sequence is padded on the left
    for chunk in x.split(lengths, dim=1):
        src = cache.length + chunk.shape[1]
        mask = masks.sliding_window(chunk.shape[1], window, src) & real[:, None, None, :src]
        outputs.append(attend(chunk, mask=mask, cache=cache))
    full = attend(x, mask=masks.sliding_window(seq, window) & real[:, None, None])
    assert_same(torch.cat(outputs, dim=1), full)


@pytest.mark.parametrize("name", inside_attention)
def test_a_cleared_cache_is_as_good_as_new(name):
    attend, cache = layer(name, 2), room(5, 2)
    attend(random(2, 5, 8, seed=1) * 100, cache=cache)
    cache.clear()
    assert cache.length == 0
    x = random(2, 4, 8)
    assert_same(attend(x, cache=cache), attend(x))
    assert cache.length == 4


def test_a_layer_stores_what_its_few_key_heads_have():
    attend, x, cache = layer("rotary", 2), random(2, 3, 8), room(6, 2)
    attend(x, cache=cache)
    keys = attend.w_k(x).unflatten(-1, (2, 2)).transpose(1, 2)
    values = attend.w_v(x).unflatten(-1, (2, 2)).transpose(1, 2)
    assert_close(cache.keys[:, :, :3], attend.positions.turn(keys, 0))
    assert_close(cache.values[:, :, :3], values)
    assert not cache.keys[:, :, 3:].any() and not cache.values[:, :, 3:].any()


@pytest.mark.parametrize(("n_kv_heads", "numbers"), [(4, 128), (2, 64), (1, 32)])
def test_a_token_takes_as_many_numbers_as_there_are_key_heads(n_kv_heads, numbers):
    attend = MultiHeadAttention(64, 4, n_kv_heads=n_kv_heads, causal=True)
    cache = KeyValueCache(1, attend.n_kv_heads, 10, attend.d_head)
    attend(torch.zeros(1, 10, 64), cache=cache)
    assert (cache.keys.numel() + cache.values.numel()) / 10 == numbers


@reader
def test_neither_cross_attention_nor_a_list_of_heads_takes_a_cache():
    x = torch.zeros(2, 3, 8)
    cache = KeyValueCache(2, 4, 8, 2)
    with pytest.raises(ValueError, match="memory was given to attention with a cache"):
        MultiHeadAttention(8, 4)(x, x, cache=cache)
    with pytest.raises(ValueError, match=r"fuse\(layer\)"):
        HeadList(8, 4, causal=True)(x, cache=cache)
    assert cache.length == 0


# The cache alone


@settings(deadline=None, max_examples=20)
@given(chunks)
def test_what_is_appended_comes_back_in_order_and_is_not_copied(lengths):
    keys, values = random(2, 3, sum(lengths), 2), random(2, 3, sum(lengths), 2, seed=1)
    cache, end = room(sum(lengths) + 2, 3), 0
    places = cache.keys.data_ptr(), cache.values.data_ptr()
    for part in zip(keys.split(lengths, dim=2), values.split(lengths, dim=2), strict=True):
        end += part[0].shape[2]
        so_far = cache.append(*part)
        assert_close(so_far, (keys[:, :, :end], values[:, :, :end]), rtol=0, atol=0)
        assert tuple(view.data_ptr() for view in so_far) == places
        assert (cache.keys.data_ptr(), cache.values.data_ptr()) == places
        assert cache.length == end


def test_the_cache_keeps_its_own_copy_of_what_is_appended():
    keys, cache = random(2, 1, 3, 2), room(5)
    stored, _ = cache.append(keys, keys)
    keys.zero_()
    assert stored.all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_room_is_allocated_once_in_the_type_and_place_asked_for(dtype):
    cache = KeyValueCache(2, 3, 5, 4, dtype=dtype)
    assert cache.keys.shape == cache.values.shape == (2, 3, 5, 4)
    assert cache.keys.dtype == cache.values.dtype == dtype
    assert (cache.capacity, cache.length) == (5, 0)
    assert KeyValueCache(1, 1, 1, 1).keys.dtype == torch.get_default_dtype()
    elsewhere = KeyValueCache(1, 1, 1, 1, device="meta")
    assert elsewhere.keys.is_meta and elsewhere.values.is_meta


def test_a_full_cache_takes_no_more_and_loses_nothing():
    cache, part = room(4), random(2, 1, 3, 2)
    cache.append(part, part)
    with pytest.raises(ValueError, match=r"room for 4 positions; 3 are taken and 2 more"):
        cache.append(part[:, :, :2], part[:, :, :2])
    assert cache.length == 3
    keys, values = cache.append(part[:, :, :1], part[:, :, :1])
    assert_close(keys, torch.cat([part, part[:, :, :1]], dim=2), rtol=0, atol=0)
    assert_close(values, keys, rtol=0, atol=0)


@reader
@pytest.mark.parametrize(
    ("shapes", "dtype"),
    [
        ([(3, 1, 1, 2)] * 2, torch.float64),  # another batch
        ([(2, 2, 1, 2)] * 2, torch.float64),  # other heads
        ([(2, 1, 1, 3)] * 2, torch.float64),  # another width
        ([(2, 1, 1, 2), (2, 1, 2, 2)], torch.float64),  # more values than keys
        ([(1, 1, 1, 2)] * 2, torch.float64),  # one sequence, which would fill two
        ([(2, 1, 1, 2)] * 2, torch.float32),
    ],
)
def test_what_does_not_fit_the_cache_is_refused_and_changes_nothing(shapes, dtype):
    cache = room(4)
    with pytest.raises(ValueError, match=r"which takes \(2, 1, 1, 2\) of torch\.float64"):
        cache.append(*(torch.ones(shape, dtype=dtype) for shape in shapes))
    assert cache.length == 0 and not cache.keys.any() and not cache.values.any()


@pytest.mark.parametrize("name", ["batch", "n_kv_heads", "capacity", "d_head"])
def test_a_cache_without_room_is_refused(name):
    sizes = {"batch": 1, "n_kv_heads": 1, "capacity": 1, "d_head": 1}
    with pytest.raises(ValueError, match=f"{name} is 0; expected a whole number of at least 1"):
        KeyValueCache(**{**sizes, name: 0})


@reader
def test_a_wrong_mask_is_refused_before_the_cache_takes_anything_in():
    attend, cache = layer("rotary", n_kv_heads=4), room(8, n_kv_heads=4)
    attend(random(2, 3, 8), cache=cache)
    with pytest.raises(ValueError, match="mask"):
        attend(random(2, 1, 8), mask=torch.ones(2, 1, 3, dtype=torch.bool), cache=cache)
    assert cache.length == 3


def test_no_gradient_flows_through_a_cache_so_a_cleared_one_can_be_trained_beside():
    attend, cache = layer("none", n_kv_heads=4), room(8, n_kv_heads=4)
    for _ in range(2):
        cache.clear()
        attend(random(2, 3, 8), cache=cache).sum().backward()
    assert not cache.keys.requires_grad
