"""The encoder-decoder: what target and source may see of each other, and the decoder's cache."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close
from twins import INSIDE, SMALL, our_names, random, randomized, some_tokens

from glassbox.encoder_decoder import Decoder, EncoderDecoder, EncoderDecoderConfig
from glassbox.losses import cross_entropy
from glassbox.positions import POSITIONS

OUTSIDE = [name for name in POSITIONS if name not in INSIDE]
PAIRS = [(name, "multi_head") for name in POSITIONS] + [(name, "head_list") for name in OUTSIDE]
every_scheme = pytest.mark.parametrize("positions", POSITIONS)
every_kind = pytest.mark.parametrize(("positions", "attention"), PAIRS)
reader = pytest.mark.usefixtures("as_a_reader_runs_it")


def model(seed: int = 0, **settings) -> EncoderDecoder:
    return randomized(
        EncoderDecoder(EncoderDecoderConfig(**SMALL | {"pad_id": 0} | settings)), seed
    )


def other(tokens: torch.Tensor) -> torch.Tensor:
    """Another token for each, and never the padding."""
    return tokens % 10 + 1


@settings(deadline=None, max_examples=20)
@given(
    st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.integers(1, 2), st.booleans(),
    st.sampled_from(["relu", "gelu"]), st.data(),
)  # fmt: skip
def test_both_halves_equal_pytorchs_stacks_in_values_and_gradients(
    batch, seq, src, n_layers, norm_first, activation, data
):
    options = {"norm_first": norm_first, "activation": activation, "batch_first": True}
    sizes = (8, 2, 9, 0.0)
    last = (lambda: nn.LayerNorm(8)) if norm_first else (lambda: None)
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(*sizes, **options), n_layers, last(), enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(*sizes, **options), n_layers, last())
    theirs = randomized(nn.ModuleDict({"encoder": encoder, "decoder": decoder})).train()
    ours = model(
        n_layers=n_layers,
        residual="pre" if norm_first else "post",
        feed_forward=activation,
        d_ff=9,
        qkv_bias=True,
        positions="learned",
    )
    for half, stack in theirs.items():
        for block, layer in zip(getattr(ours, half).blocks, stack.layers, strict=True):
            block.load_state_dict(our_names(layer.named_parameters()))
        if norm_first:
            getattr(ours, half).norm.load_state_dict(stack.norm.state_dict())
    lengths = data.draw(st.lists(st.integers(1, src), min_size=batch, max_size=batch))
    pad = torch.arange(src) >= torch.tensor(lengths)[:, None]
    source = some_tokens(batch, src).masked_fill(pad, 0)
    target, wanted = some_tokens(batch, seq, seed=1), some_tokens(batch, seq, seed=2)
    logits, loss = ours(source, target, wanted)

    read, write = ours.encoder, ours.decoder
    memory = encoder(
        read.token_embedding(source) + read.positions.table.weight[:src], src_key_padding_mask=pad
    )
    states = decoder(
        write.token_embedding(target) + write.positions.table.weight[:seq],
        memory,
        tgt_mask=torch.ones(seq, seq).triu(1).bool(),
        memory_key_padding_mask=pad,
    )
    expected = write.head(states)
    assert_close(logits, expected)
    expected_loss = nn.functional.cross_entropy(expected.flatten(0, 1), wanted.flatten())
    assert_close(loss, expected_loss)
    shared = [read.token_embedding.weight, write.token_embedding.weight, write.head.weight]
    for our, their in zip(
        torch.autograd.grad(loss, shared, retain_graph=True),
        torch.autograd.grad(expected_loss, shared, retain_graph=True),
        strict=True,
    ):
        assert_close(our, their)
    loss.backward()
    expected_loss.backward()
    for half, stack in theirs.items():
        for block, layer in zip(getattr(ours, half).blocks, stack.layers, strict=True):
            grads = {name: p.grad for name, p in block.named_parameters()}
            assert_close(grads, our_names((n, p.grad) for n, p in layer.named_parameters()))


@every_kind
@pytest.mark.parametrize("residual", ["pre", "post"])
def test_padding_of_the_source_never_matters(positions, attention, residual):
    parts = {"positions": positions, "attention": attention, "residual": residual, "n_layers": 1}
    both, source, target = model(**parts), some_tokens(2, 6), some_tokens(2, 4, seed=1)
    source[0, 3:] = 0
    logits = both(source, target).logits
    longer = torch.cat([source, torch.zeros(2, 5, dtype=torch.long)], dim=1)
    assert_close(both(longer, target).logits, logits, rtol=1e-10, atol=1e-10)
    alone = both(source[:1, :3], target[:1]).logits
    assert_close(logits[:1], alone, rtol=1e-10, atol=1e-10)
    with torch.no_grad():
        both.encoder.token_embedding.weight[0] += 3.0
    assert torch.equal(both(source, target).logits, logits)


@every_kind
def test_later_target_tokens_cannot_change_an_earlier_logit(positions, attention):
    both = model(positions=positions, attention=attention)
    source, target = some_tokens(2, 6), some_tokens(2, 5, seed=1)
    before = both(source, target).logits
    for now in (0, 2):
        changed = target.clone()
        changed[:, now + 1 :] = other(changed[:, now + 1 :])
        after = both(source, changed).logits
        assert torch.equal(after[:, : now + 1], before[:, : now + 1])
        assert not torch.isclose(after[:, now + 1 :], before[:, now + 1 :]).all(-1).any()


@every_scheme
def test_every_target_token_hears_from_every_source_token(positions):
    both = model(positions=positions, n_layers=1)
    source, target = some_tokens(2, 6), some_tokens(2, 4, seed=1)
    before = both(source, target).logits
    for place in (0, 3, 5):
        changed = source.clone()
        changed[:, place] = other(changed[:, place])
        assert not torch.isclose(both(changed, target).logits, before).all(-1).any()


def test_a_source_is_read_from_both_sides():
    both, source = model(), some_tokens(2, 6)
    before = both.encoder(source)
    source[:, -1] = other(source[:, -1])
    assert not torch.isclose(both.encoder(source), before).all(-1).any()


@pytest.mark.parametrize("attention", ["multi_head", "head_list"])
@pytest.mark.parametrize(("seq", "src"), [(7, 5), (5, 7), (1, 3), (4, 4)])
def test_the_three_maps_of_weights_have_the_shapes_of_who_asks_whom(seq, src, attention):
    sizes = {"d_model": 16, "n_heads": 4, "n_layers": 1, "n_kv_heads": None}
    both, seen = model(**sizes, attention=attention), {}
    places = {
        "source to source": both.encoder.blocks[0].attention,
        "target to target": both.decoder.blocks[0].attention,
        "target to source": both.decoder.blocks[0].cross_attention,
    }
    for name, layer in places.items():
        layer.weights.register_forward_hook(
            lambda module, inputs, weights, name=name: seen.update({name: weights})
        )
        layer.register_forward_hook(
            lambda module, inputs, out, name=name: seen.update({f"{name}, out": out})
        )
    source = some_tokens(2, src)
    source[1, -1] = 0
    assert both(source, some_tokens(2, seq, seed=1)).logits.shape == (2, seq, 11)
    assert seen["source to source"].shape == (2, 4, src, src)
    assert seen["target to target"].shape == (2, 4, seq, seq)
    assert seen["target to source"].shape == (2, 4, seq, src)
    assert seen["target to source, out"].shape == (2, seq, 16)
    for name in places:
        assert_close(seen[name].sum(-1), torch.ones(seen[name].shape[:-1]).double())
    assert (seen["target to target"].triu(1) == 0).all()
    for name in ("source to source", "target to source"):
        assert (seen[name][1, ..., -1] == 0).all()  # the padding
        assert (seen[name][0] > 0).all()


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from(list(POSITIONS)), st.sampled_from([1, 2, 4]), st.sampled_from(["pre", "post"]),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
)  # fmt: skip
def test_the_cache_changes_nothing_in_chunks_of_any_size(positions, n_kv_heads, residual, chunks):
    sizes = {"n_heads": 4, "d_model": 16, "n_kv_heads": n_kv_heads}
    both = model(positions=positions, residual=residual, **sizes)
    source, target = some_tokens(2, 6), some_tokens(2, sum(chunks), seed=1)
    source[0, 4:] = 0
    with torch.no_grad():
        memory, mask = both.encoder(source), both.encoder.padding_mask(source)
        caches = both.decoder.new_caches(2)
        parts = [
            both.decoder(chunk, memory, memory_mask=mask, caches=caches)
            for chunk in target.split(chunks, dim=1)
        ]
        whole = both(source, target).logits
    assert_close(torch.cat(parts, dim=1), whole, rtol=1e-9, atol=1e-9)


def test_training_reaches_every_parameter():
    for positions, attention in PAIRS:
        both = model(positions=positions, attention=attention, n_layers=1)
        both(some_tokens(2, 6), some_tokens(2, 4), some_tokens(2, 4, seed=1)).loss.backward()
        for name, parameter in both.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_loss_is_the_cross_entropy_of_the_logits_and_optional():
    both, source, target = model(), some_tokens(2, 6), some_tokens(2, 4)
    wanted = some_tokens(2, 4, seed=1)
    wanted[0, 2:] = -100
    logits, loss = both(source, target, wanted)
    assert torch.equal(loss, cross_entropy(logits, wanted))
    assert both(source, target).loss is None


def test_each_language_has_its_own_vocabulary():
    both = model(source_vocab_size=30)
    assert both.encoder.token_embedding.weight.shape == (30, 8)
    assert both.decoder.token_embedding.weight.shape == (11, 8)
    assert both.decoder.head.weight.shape == (11, 8)
    assert both(torch.tensor([[29, 28]]), torch.tensor([[10]])).logits.shape == (1, 1, 11)


def test_the_settings_reach_the_attention_between_target_and_source():
    both = EncoderDecoder(
        EncoderDecoderConfig(**SMALL, n_kv_heads=1, qkv_bias=True, bias=False, dropout=0.5)
    )
    for block in both.decoder.blocks:
        cross = block.cross_attention
        assert cross.w_k.weight.shape == (4, 8) and cross.w_q.bias is not None
        assert cross.w_o.bias is None and cross.dropout.p == 0.5 and not cross.causal
        assert block.attention.causal
    assert not any(block.attention.causal for block in both.encoder.blocks)


def test_a_decoder_block_has_one_attention_and_one_norm_more():
    both = EncoderDecoder(EncoderDecoderConfig(**SMALL))
    reads, writes = ({n for n, _ in half.blocks[0].named_children()} for half in both.children())
    assert writes - reads == {"cross_attention", "norm_3"} and reads < writes
    assert len(both.encoder.blocks) == len(both.decoder.blocks) == 2


@every_scheme
def test_half_precision_where_autocast_allows_it(positions):
    both = model(positions=positions).float()
    source, target = some_tokens(2, 6), some_tokens(2, 4)
    plain = both(source, target).logits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, loss = both(source, target, target)
    assert_close(logits.float(), plain, rtol=0.1, atol=0.15)
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in both.parameters())


@every_scheme
def test_saved_parameters_make_the_same_model_again(positions):
    both, source, target = model(positions=positions), some_tokens(2, 6), some_tokens(2, 4)
    again = EncoderDecoder(both.config).double()
    again.load_state_dict(both.state_dict())
    assert torch.equal(again(source, target).logits, both(source, target).logits)


@reader
@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ([[1, 2], [3, 4]], [[1]], "2 sources and 1 targets; expected one target"),
        ([[0, 0]], [[1]], "row 0 of tokens holds nothing but padding"),
        ([[1] * 13], [[1]], "13 tokens were given, but the context holds 12"),
        ([[1]], [[1] * 13], "13 tokens were given, but the context holds 12"),
        ([[11]], [[1]], "holds the id 11"),
        ([[1]], [[11]], "holds the id 11"),
    ],
)
def test_what_cannot_be_computed_is_refused(source, target, message):
    with pytest.raises(ValueError, match=message):
        model()(torch.tensor(source), torch.tensor(target))


@reader
def test_a_decoder_refuses_too_few_caches_and_a_text_beyond_its_context():
    decoder = Decoder(EncoderDecoderConfig(**SMALL)).double()
    memory, caches = random(1, 3, 8), decoder.new_caches(1)
    with pytest.raises(ValueError, match="1 caches for 2 blocks"):
        decoder(some_tokens(1, 4), memory, caches=caches[:1])
    decoder(some_tokens(1, 10), memory, caches=caches)
    with pytest.raises(ValueError, match="10 tokens in the cache and 3 new ones"):
        decoder(some_tokens(1, 3), memory, caches=caches)


def test_the_padding_id_is_one_of_the_source_alone():
    sizes = {"context_length": 8, "d_model": 8, "n_heads": 2, "n_layers": 1}
    config = EncoderDecoderConfig(**sizes, vocab_size=11, source_vocab_size=50, pad_id=20)
    assert config.source.vocab_size == 50
    assert EncoderDecoder(config).encoder.padding_mask(torch.tensor([[4, 20]])).sum() == 1
