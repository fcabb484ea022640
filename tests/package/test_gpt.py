"""GPT: who may influence whom, the cache, and a model that is saved, copied or trained."""

import pickle
from copy import deepcopy
from dataclasses import replace
from io import BytesIO
from itertools import islice, product
from math import log, sqrt

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close
from twins import INSIDE, SMALL, random, randomized, some_tokens

from glassbox import masks
from glassbox.attention import fuse
from glassbox.encoder import Encoder, EncoderConfig
from glassbox.encoder_decoder import Decoder, EncoderDecoderConfig
from glassbox.feedforward import FEED_FORWARDS
from glassbox.gpt import GPT, Bigram, GPTConfig
from glassbox.initialization import initialize_fan_in, initialize_gpt2
from glassbox.losses import cross_entropy
from glassbox.norms import NORMS
from glassbox.positions import POSITIONS

every_scheme = pytest.mark.parametrize("positions", POSITIONS)
OUTSIDE = [name for name in POSITIONS if name not in INSIDE]
schemes = st.sampled_from(list(POSITIONS))


def model(seed: int = 0, **settings) -> GPT:
    return randomized(GPT(GPTConfig(**SMALL | settings)), seed)


def compositions(positions: str, **settings):
    """A model for each combination of norm, feed-forward network and attention with one scheme."""
    attentions = ["multi_head"] if positions in INSIDE else ["multi_head", "head_list"]
    for index, parts in enumerate(product(attentions, NORMS, FEED_FORWARDS)):
        named = dict(zip(("attention", "norm", "feed_forward"), parts, strict=True))
        residual = ("pre", "post")[index % 2]
        yield model(positions=positions, residual=residual, n_layers=1, **named, **settings)


def changed(tokens: torch.Tensor, where: slice | int) -> torch.Tensor:
    """The tokens, with others at some places."""
    tokens = tokens.clone()
    tokens[:, where] = (tokens[:, where] + 1) % 11
    return tokens


@every_scheme
def test_future_tokens_cannot_change_a_past_logit(positions):
    tokens, present = some_tokens(1, 7).expand(3, 7), (0, 3, 5)
    later = torch.cat([changed(tokens[:1], slice(now + 1, None)) for now in present])
    with torch.no_grad():
        for gpt in compositions(positions):
            before, after = gpt(tokens).logits, gpt(later).logits
            for row, now in enumerate(present):
                assert torch.equal(after[row, : now + 1], before[row, : now + 1])
                same = torch.isclose(after[row, now + 1 :], before[row, now + 1 :])
                assert not same.all(-1).any()


@every_scheme
def test_without_the_mask_future_tokens_do_change_the_past(positions):
    tokens = some_tokens(2, 7)
    with torch.no_grad():
        for gpt in islice(compositions(positions, causal=False), None, None, 3):
            before, after = gpt(tokens).logits, gpt(changed(tokens, -1)).logits
            assert not torch.isclose(after, before).all(-1).any()


@every_scheme
def test_no_gradient_flows_from_a_logit_to_a_later_token(positions):
    gpt, seen = model(positions=positions), []
    gpt.token_embedding.register_forward_hook(lambda m, i, out: seen.append(out))
    logits = gpt(some_tokens(2, 7)).logits
    (gradient,) = torch.autograd.grad(logits[:, 3].square().sum(), seen)
    assert (gradient[:, 4:] == 0).all()
    assert (gradient[:, :4] != 0).any(-1).all()


@every_scheme
@pytest.mark.parametrize("residual", ["pre", "post"])
def test_a_prefix_alone_gets_the_logits_that_it_gets_in_the_whole(positions, residual):
    gpt, tokens = model(positions=positions, residual=residual), some_tokens(2, 7)
    whole = gpt(tokens).logits
    for stop in (1, 4, 6):
        assert_close(gpt(tokens[:, :stop]).logits, whole[:, :stop], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("positions", [name for name in POSITIONS if name != "t5"])
def test_in_one_layer_the_last_row_needs_no_mask(positions):
    # T5 is left out: its buckets differ where keys may lie ahead.
    one, tokens = model(positions=positions, n_layers=1), some_tokens(2, 7)
    both = GPT(replace(one.config, causal=False)).double()
    both.load_state_dict(one.state_dict())
    assert_close(both(tokens).logits[:, -1], one(tokens).logits[:, -1])
    assert not torch.allclose(both(tokens).logits[:, 0], one(tokens).logits[:, 0])
    assert_close(both(tokens, mask=masks.causal(7)).logits, one(tokens).logits)


@every_scheme
def test_without_the_mask_a_model_is_an_encoder_with_a_head(positions):
    gpt, tokens = model(positions=positions, causal=False), some_tokens(2, 7)
    encoder = Encoder(EncoderConfig(**SMALL, positions=positions, residual="pre", pad_id=None))
    state = {name: p for name, p in gpt.state_dict().items() if not name.startswith("head")}
    encoder.double().load_state_dict(state)
    assert_close(gpt(tokens).logits, gpt.head(encoder(tokens)))


@every_scheme
def test_a_prefix_sees_itself_both_ways_and_the_rest_is_causal(positions):
    gpt, tokens = model(positions=positions, causal=False), some_tokens(2, 7)
    lengths = torch.tensor([3, 5])
    for mask, stops in ((masks.prefix(7, 4), (4, 4)), (masks.prefix(7, lengths), (3, 5))):
        before = gpt(tokens, mask=mask).logits
        for row, stop in enumerate(stops):
            inside = gpt(changed(tokens, stop - 1), mask=mask).logits[row]
            assert not torch.isclose(inside, before[row]).all(-1).any()
            beyond = gpt(changed(tokens, stop), mask=mask).logits[row]
            assert torch.equal(beyond[:stop], before[row, :stop])
            assert not torch.isclose(beyond[stop:], before[row, stop:]).all(-1).any()
    nothing = gpt(tokens, mask=masks.prefix(7, 0)).logits
    assert torch.equal(nothing, gpt(tokens, mask=masks.causal(7)).logits)


@pytest.mark.parametrize(
    ("positions", "attention"),
    [(name, "multi_head") for name in POSITIONS] + [(name, "head_list") for name in OUTSIDE],
)
def test_packed_documents_get_what_separate_runs_give(positions, attention):
    gpt = model(positions=positions, attention=attention)
    ids = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1], [5, 5, 5, 5, 5, 5, 2, 2]])
    tokens, where = some_tokens(2, 8), masks.document_positions(ids)
    packed = gpt(tokens, mask=masks.documents(ids), positions=where).logits
    for row, cut in ((0, 3), (1, 6)):
        parts = [gpt(part).logits for part in tokens[row : row + 1].split([cut, 8 - cut], dim=1)]
        assert_close(packed[row : row + 1], torch.cat(parts, dim=1))


@every_scheme
def test_a_sliding_window_reaches_back_once_per_layer(positions):
    gpt, tokens = model(positions=positions, n_layers=2), some_tokens(2, 10)
    mask = masks.sliding_window(10, window=3)
    before = gpt(tokens, mask=mask).logits
    reach = 2 * (3 - 1)  # two layers, two places back in each
    after = gpt(changed(tokens, 2), mask=mask).logits
    unequal = (after != before).any(-1)
    assert unequal[:, 2 : 2 + reach + 1].all()
    assert not unequal[:, :2].any() and not unequal[:, 2 + reach + 1 :].any()


def greedy(gpt: GPT, tokens: torch.Tensor, new: int, caches=None) -> torch.Tensor:
    """Continue with the likeliest token, again and again; only new tokens go in with caches."""
    fresh = tokens
    for _ in range(new):
        logits = gpt(fresh if caches else tokens, caches=caches).logits
        fresh = logits[:, -1:].argmax(-1)
        tokens = torch.cat([tokens, fresh], dim=1)
    return tokens


@settings(deadline=None, max_examples=30)
@given(
    schemes, st.sampled_from([1, 2, 4]), st.sampled_from(["pre", "post"]), st.booleans(),
    st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 2),
)  # fmt: skip
def test_the_cache_changes_nothing_in_chunks_of_any_size(
    positions, n_kv_heads, residual, windowed, chunks, batch
):
    sizes = {"n_heads": 4, "d_model": 16, "context_length": 16, "n_kv_heads": n_kv_heads}
    gpt, seq = model(positions=positions, residual=residual, **sizes), sum(chunks)
    tokens = some_tokens(batch, seq)
    mask = masks.sliding_window(seq, window=3) if windowed else None
    with torch.no_grad():
        whole = gpt(tokens, mask=mask).logits
        caches, parts, done = gpt.new_caches(batch, capacity=seq), [], 0
        for chunk in tokens.split(chunks, dim=1):
            done += chunk.shape[1]
            rows = mask[done - chunk.shape[1] : done, :done] if windowed else None
            parts.append(gpt(chunk, mask=rows, caches=caches).logits)
            assert [cache.length for cache in caches] == [done] * 2
    assert_close(torch.cat(parts, dim=1), whole, rtol=1e-9, atol=1e-9)


@every_scheme
@pytest.mark.parametrize("n_kv_heads", [None, 1])
def test_generation_with_a_cache_writes_the_same_text(positions, n_kv_heads):
    gpt, start = model(positions=positions, n_kv_heads=n_kv_heads), some_tokens(3, 2)
    with torch.no_grad():
        assert torch.equal(greedy(gpt, start, 7, gpt.new_caches(3)), greedy(gpt, start, 7))


def test_a_cleared_cache_is_as_good_as_a_new_one():
    gpt, start = model(positions="rotary"), some_tokens(3, 2)
    caches = gpt.new_caches(3)
    with torch.no_grad():
        text = greedy(gpt, start, 10, caches)
        assert caches[0].capacity == 12 and caches[0].length == 11
        for cache in caches:
            cache.clear()
        assert torch.equal(greedy(gpt, start, 10, caches), text)


def test_caches_are_made_as_the_model_is():
    gpt = model(n_kv_heads=1, n_layers=3)
    for make, dtype in ((gpt.double, torch.float64), (gpt.bfloat16, torch.bfloat16)):
        caches = make().new_caches(batch=5, capacity=7)
        assert [cache.keys.shape for cache in caches] == [(5, 1, 7, 4)] * 3
        assert {cache.keys.dtype for cache in caches} == {dtype}
    assert len({id(cache) for cache in caches}) == 3


reader = pytest.mark.usefixtures("as_a_reader_runs_it")


@reader
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m(some_tokens(1, 13)), ValueError, r"13 tokens were given.*tokens\[:, -12:\]"),
        (lambda m: m(torch.tensor([3, 4])), ValueError, r"expected \(batch, tokens\).*unsqueeze"),
        (lambda m: m(torch.tensor([[11]])), ValueError, "holds the id 11.*0 to 10"),
        (lambda m: m(torch.tensor([[-1]])), ValueError, "holds the id -1"),
        (lambda m: m(torch.ones(1, 3)), TypeError, r"torch.float32; expected token ids"),
        (lambda m: m(some_tokens(1, 3), some_tokens(1, 2)), ValueError, "targets has shape"),
        (
            lambda m: m(some_tokens(1, 3), caches=m.new_caches(1)[:1]),
            ValueError,
            "1 caches for 2 blocks.*new_caches",
        ),
        (lambda m: m(some_tokens(2, 3), caches=m.new_caches(1)), ValueError, "do not fit this"),
        (lambda m: m(some_tokens(1, 3), mask=torch.ones(3, 3)), TypeError, "expected torch.bool"),
        (
            lambda m: m(some_tokens(1, 3), positions=torch.tensor([0, 1])),
            ValueError,
            "expected one position for each token",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused_with_a_way_out(call, error, message):
    with pytest.raises(error, match=message):
        call(model())


@reader
def test_a_full_cache_says_how_many_tokens_it_holds():
    gpt = model()
    caches = gpt.new_caches(1)
    gpt(some_tokens(1, 10), caches=caches)
    with pytest.raises(ValueError, match=r"10 tokens in the cache and 3 new ones.*holds 12"):
        gpt(some_tokens(1, 3), caches=caches)
    gpt(some_tokens(1, 2), caches=caches)


@reader
@pytest.mark.parametrize("positions", INSIDE)
def test_a_list_of_heads_refuses_positions_that_act_inside_attention(positions):
    with pytest.raises(ValueError, match=f"positions is '{positions}'.*attention='multi_head'"):
        GPT(GPTConfig(**SMALL, attention="head_list", positions=positions))


@reader
def test_a_list_of_heads_refuses_a_cache():
    gpt = model(attention="head_list")
    with pytest.raises(ValueError, match=r"keeps no cache.*multi_head"):
        gpt(some_tokens(1, 3), caches=gpt.new_caches(1))


@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("positions", OUTSIDE)
def test_a_model_of_head_lists_equals_the_fused_one(positions, qkv_bias):
    slow = model(positions=positions, attention="head_list", qkv_bias=qkv_bias)
    fast = deepcopy(slow)
    for block in fast.blocks:
        block.attention = fuse(block.attention)
    built = GPT(replace(slow.config, attention="multi_head")).double()
    built.load_state_dict(fast.state_dict())  # the same names and shapes
    tokens = some_tokens(2, 7)
    assert_close(built(tokens).logits, slow(tokens).logits)


@pytest.mark.parametrize("watched", [0, 1])
@every_scheme
def test_to_be_watched_changes_nothing(positions, watched):
    gpt, tokens, seen = model(positions=positions, n_kv_heads=1), some_tokens(2, 7), []
    before = gpt(tokens).logits
    tap = gpt.blocks[watched].attention.weights
    tap.register_forward_hook(lambda m, i, weights: seen.append(weights))
    assert_close(gpt(tokens).logits, before)
    assert seen[0].shape == (2, 2, 7, 7)
    assert_close(seen[0].sum(-1), torch.ones(2, 2, 7).double())
    assert (seen[0].triu(1) == 0).all() and (seen[0].tril() > 0).sum() == 2 * 2 * 28


@every_scheme
@pytest.mark.parametrize("tied", [False, True])
def test_saved_parameters_make_the_same_model_again(positions, tied):
    gpt, tokens = model(positions=positions, tied=tied), some_tokens(2, 7)
    file = BytesIO()
    torch.save(gpt.state_dict(), file)
    file.seek(0)
    again = GPT(gpt.config).double()
    assert not torch.equal(again(tokens).logits, gpt(tokens).logits)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(again(tokens).logits, gpt(tokens).logits)
    assert (again.head.weight is again.token_embedding.weight) == tied


@every_scheme
@pytest.mark.parametrize("copy", [deepcopy, lambda gpt: pickle.loads(pickle.dumps(gpt))])
def test_a_copy_is_a_model_of_its_own(positions, copy):
    gpt, tokens = model(positions=positions, tied=True), some_tokens(2, 7)
    before, twin = gpt(tokens).logits, copy(gpt)
    assert torch.equal(twin(tokens).logits, before)
    assert len(list(twin.parameters())) == len(list(gpt.parameters()))  # what is shared, stays so
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1.0)
    assert torch.equal(gpt(tokens).logits, before)
    assert not torch.allclose(twin(tokens).logits, before)


@pytest.mark.parametrize("positions", ["t5", "transformer_xl", "deberta"])
def test_learned_positions_inside_attention_are_shared_by_all_blocks(positions):
    one, three = (GPT(GPTConfig(**SMALL | {"positions": positions, "n_layers": n})) for n in (1, 3))
    assert len({id(block.attention.positions) for block in three.blocks}) == 1
    grown = sum(p.numel() for p in three.parameters()) - sum(p.numel() for p in one.parameters())
    in_block = 4 * 64 + 8 + (8 * 32 + 32) + (32 * 8 + 8) + 4 * 8
    assert grown == 2 * in_block


@every_scheme
def test_training_reaches_every_parameter(positions):
    tokens = some_tokens(2, 8)
    for gpt in islice(compositions(positions), None, None, 3):
        loss = gpt(tokens[:, :-1], tokens[:, 1:]).loss
        loss.backward()
        for name, parameter in gpt.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_loss_is_the_cross_entropy_of_the_logits_and_optional():
    gpt, tokens, targets = model(), some_tokens(2, 7), some_tokens(2, 7, seed=1)
    targets[0, :3] = -100
    logits, loss = gpt(tokens, targets)
    assert torch.equal(loss, cross_entropy(logits, targets))
    assert gpt(tokens).loss is None
    logits, loss = Bigram(11)(tokens, targets)
    assert torch.equal(loss, cross_entropy(logits, targets))


@every_scheme
def test_half_precision_where_autocast_allows_it(positions):
    gpt, tokens = model(positions=positions).float(), some_tokens(2, 8)
    plain = gpt(tokens, tokens)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, loss = gpt(tokens, tokens)
    assert logits.dtype == torch.bfloat16
    assert_close(loss.float(), plain.loss, rtol=0.05, atol=0.05)
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in gpt.parameters())


@every_scheme
def test_a_model_cast_to_half_precision_runs(positions):
    gpt, tokens = model(positions=positions), some_tokens(2, 8)
    expected = gpt(tokens).logits.softmax(-1)
    gpt = gpt.bfloat16()
    logits = gpt(tokens).logits
    assert logits.dtype == torch.bfloat16
    assert_close(logits.double().softmax(-1), expected, rtol=0, atol=0.15)
    cached = gpt(tokens, caches=gpt.new_caches(2)).logits
    assert_close(cached.double().softmax(-1), expected, rtol=0, atol=0.15)


@pytest.mark.parametrize("attention", ["multi_head", "head_list"])
@pytest.mark.parametrize("feed_forward", FEED_FORWARDS)
def test_dropout_acts_at_its_four_places_and_only_in_training(attention, feed_forward):
    settings = {"attention": attention, "feed_forward": feed_forward, "dropout": 0.5}
    gpt, tokens, x = model(**settings), some_tokens(4, 12), random(4, 12, 8)
    block, seen = gpt.blocks[0], []
    block.attention.weights.register_forward_hook(lambda m, i, out: seen.append(out))
    places = {
        "embedding": lambda: gpt.embed(tokens),
        "attention": lambda: block.attention(x),
        "weights": lambda: (block.attention(x), seen.pop().tril()[:, :, -1])[1],
        "feed-forward": lambda: block.feed_forward(x),
    }
    torch.manual_seed(0)
    for training in (False, True):
        gpt.train(training)
        for place, compute in places.items():
            share = (compute() == 0).double().mean()
            assert 0.3 < share < 0.7 if training else share == 0, place
    gpt.eval()
    assert torch.equal(gpt(tokens).logits, gpt(tokens).logits)


def test_positions_may_be_given_by_hand():
    gpt, tokens = model(), some_tokens(2, 4)
    counted = gpt(tokens).logits
    assert torch.equal(gpt(tokens, positions=torch.arange(4)).logits, counted)
    assert torch.equal(gpt(tokens, positions=torch.arange(4).expand(2, 4)).logits, counted)
    shifted = gpt(tokens, positions=torch.arange(4) + 3).logits
    assert not torch.allclose(shifted, counted)


def test_a_model_builds_the_parts_that_its_settings_name():
    gpt = GPT(GPTConfig(**SMALL, d_ff=5, bias=False, qkv_bias=True, n_kv_heads=1, norm="rms"))
    block = gpt.blocks[1]
    assert block.feed_forward.w_in.weight.shape == (5, 8) and block.feed_forward.w_in.bias is None
    assert block.attention.w_o.bias is None and block.attention.w_q.bias is not None
    assert block.attention.w_k.weight.shape == (4, 8)
    assert [type(n) for n in (block.norm_1, block.norm_2, gpt.norm)] == [NORMS["rms"]] * 3
    assert gpt.head.bias is None and len(gpt.blocks) == 2
    post = GPT(GPTConfig(**SMALL, residual="post", head_bias=True))
    assert isinstance(post.norm, nn.Identity) and post.head.bias is not None


@pytest.mark.parametrize("feed_forward", ["gelu", "swiglu"])
@pytest.mark.parametrize("attention", ["multi_head", "head_list"])
def test_initialize_draws_each_group_at_its_own_scale(feed_forward, attention):
    sizes = {"vocab_size": 300, "context_length": 200, "d_model": 128, "n_layers": 8}
    settings = {"attention": attention, "feed_forward": feed_forward, "qkv_bias": True}
    gpt = GPT(GPTConfig(**SMALL | sizes, **settings, head_bias=True))
    for parameter in gpt.parameters():
        nn.init.constant_(parameter, 7.0)
    torch.manual_seed(0)
    assert initialize_gpt2(gpt) is gpt
    for name, parameter in gpt.named_parameters():
        kind = name.rsplit(".", 1)[1]
        if "norm" in name:
            assert (parameter == 7).all(), name  # norms are left alone
        elif kind == "bias":
            assert (parameter == 0).all(), name
        else:
            writes = "w_o." in name or "w_out." in name
            expected = 0.02 / sqrt(2 * 8) if writes else 0.02
            assert_close(parameter.std().item(), expected, rtol=0.03, atol=0.0, msg=name)
            assert parameter.mean().abs() < expected / 20, name


def test_initialize_takes_another_scale_and_draws_a_tied_table_once():
    gpt = initialize_gpt2(GPT(GPTConfig(**SMALL | {"vocab_size": 5_000}, tied=True)), std=0.1)
    assert_close(gpt.token_embedding.weight.std().item(), 0.1, rtol=0.03, atol=0.0)
    assert gpt.head.weight is gpt.token_embedding.weight


@pytest.mark.parametrize("std", [0.0, -0.02])
def test_initialize_refuses_a_scale_that_is_none(std):
    with pytest.raises(ValueError, match=r"std is .*; expected a positive number"):
        initialize_gpt2(GPT(GPTConfig(**SMALL)), std=std)


def test_initialize_reaches_all_three_writers_of_a_decoder():
    decoder = Decoder(EncoderDecoderConfig(**SMALL | {"d_model": 64}))
    initialize_gpt2(decoder)
    for block in decoder.blocks:
        writers = block.attention.w_o, block.cross_attention.w_o, block.feed_forward.w_out
        for writer in writers:
            assert_close(writer.weight.std().item(), 0.02 / 6**0.5, rtol=0.1, atol=0.0)


@pytest.mark.parametrize("positions", POSITIONS)
def test_caches_made_under_autocast_take_what_autocast_computes(positions):
    gpt = GPT(GPTConfig(**SMALL | {"positions": positions})).eval()
    tokens = torch.tensor([[1, 2, 3]])
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        caches = gpt.new_caches(1)
        pieces = [gpt(tokens[:, i : i + 1], caches=caches).logits for i in range(3)]
        full = gpt(tokens).logits
    assert caches[0].keys.dtype == torch.bfloat16
    assert_close(torch.cat(pieces, dim=1), full, rtol=0.05, atol=0.05)


def test_a_tied_model_with_a_small_start_begins_at_chance():
    settings = SMALL | {"vocab_size": 65, "d_model": 64}
    tokens = torch.randint(65, (8, 7), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    small = GPT(GPTConfig(**settings, tied=True, initialization="gpt2"))(
        tokens, tokens.flip(1)
    ).loss
    plain = GPT(GPTConfig(**settings, tied=True))(tokens, tokens.flip(1)).loss
    assert abs(small.item() - 4.1744) < 0.1 < 10 < plain


@pytest.mark.parametrize("feed_forward", ["squared_relu", "swiglu"])
def test_fan_in_keeps_variance_and_starts_every_block_as_the_identity(feed_forward):
    sizes = {"vocab_size": 300, "d_model": 128, "n_layers": 3, "d_ff": 200}
    settings = {"feed_forward": feed_forward, "qkv_bias": True, "initialization": "fan_in"}
    torch.manual_seed(0)
    gpt = GPT(GPTConfig(**SMALL | sizes | settings, head_bias=True))
    for name, module in gpt.named_modules():
        if isinstance(module, nn.Linear):
            silent = name.endswith(("w_o", "w_out", "head"))
            expected = 0.0 if silent else module.in_features**-0.5
            assert_close(module.weight.std().item(), expected, rtol=0.03, atol=0.0, msg=name)
            assert module.bias is None or not module.bias.any(), name
    assert_close(gpt.token_embedding.weight.std().item(), 1.0, rtol=0.03, atol=0.0)
    x = random(1, 4, 128).float()
    assert torch.equal(gpt.blocks[1](x), x)
    tokens = torch.tensor([[1, 2, 3]])
    assert_close(gpt(tokens, tokens).loss.item(), log(300), rtol=1e-6, atol=0.0)


def test_a_tied_head_cannot_start_at_zero():
    with pytest.raises(ValueError, match="tied is True and initialization is 'fan_in'"):
        GPTConfig(**SMALL, tied=True, initialization="fan_in")
    with pytest.raises(ValueError, match="the head of this model is its embedding table"):
        initialize_fan_in(GPT(GPTConfig(**SMALL, tied=True)))
