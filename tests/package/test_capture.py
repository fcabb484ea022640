"""Recording leaves the model as it was, and what it records is what passed through."""

import copy
import gc
import weakref

import pytest
import torch
from torch import nn

from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, Bigram, GPTConfig, preset
from glassbox.inspection import record, record_attention, record_inputs, record_stream
from glassbox.losses import Output
from glassbox.recurrent import RecurrentConfig, RecurrentSeq2Seq

SIZES = {"vocab_size": 11, "context_length": 9, "d_model": 8, "n_heads": 2, "n_layers": 3}
TOKENS = torch.randint(11, (2, 7), generator=torch.Generator().manual_seed(0))
KINDS = pytest.mark.parametrize("kind", ["head_list", "multi_head"])


def gpt(**changes):
    torch.manual_seed(1)
    return GPT(GPTConfig(**SIZES | changes)).double()


def n_hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


RECORDERS = {
    "record": lambda model: record(model, "norm", "blocks.0.attention"),
    "record_inputs": lambda model: record_inputs(model, "norm", "blocks.0.attention.w_o"),
    "record_attention": record_attention,
    "record_stream": record_stream,
}
EVERY_RECORDER = pytest.mark.parametrize("recorder", RECORDERS.values(), ids=RECORDERS)


@EVERY_RECORDER
def test_hooks_come_and_go(recorder):
    model = gpt()
    with recorder(model):
        assert n_hooks(model) > 0
    assert n_hooks(model) == 0


@EVERY_RECORDER
def test_hooks_go_when_the_model_or_the_block_raises(recorder):
    model = gpt()
    with pytest.raises(ValueError, match="context holds"), recorder(model):
        model(torch.zeros(1, 20, dtype=torch.long))
    with pytest.raises(KeyError), recorder(model):
        raise KeyError
    assert n_hooks(model) == 0


@EVERY_RECORDER
def test_the_model_is_unchanged(recorder):
    model = gpt(attention="multi_head")
    before, state = model(TOKENS).logits, copy.deepcopy(model.state_dict())
    with recorder(model):
        during = model(TOKENS).logits
    torch.testing.assert_close(during, before)
    assert torch.equal(model(TOKENS).logits, before)
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert torch.equal(copy.deepcopy(model)(TOKENS).logits, before)


@EVERY_RECORDER
def test_what_is_recorded_keeps_neither_graph_nor_model_alive(recorder):
    model = gpt()
    with recorder(model) as seen:
        logits = model(TOKENS).logits
    found = list(seen.values()) if isinstance(seen, dict) else seen
    assert found and not any(tensor.requires_grad or tensor.grad_fn for tensor in found)
    gone = weakref.ref(model), weakref.ref(logits)
    del model, logits
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


@EVERY_RECORDER
def test_only_the_latest_run_is_kept(recorder):
    model = gpt()
    with recorder(model) as seen:
        model(TOKENS)
        first, size = list(seen), len(seen)
        model(TOKENS[:1, :4])
    assert len(seen) == size
    found = list(seen.values()) if isinstance(seen, dict) else seen
    assert all(tensor.shape[0] == 1 and 4 in tensor.shape for tensor in found)
    assert not isinstance(seen, dict) or list(seen) == first


@EVERY_RECORDER
def test_recording_nests(recorder):
    model = gpt()
    with recorder(model) as outer:
        with recorder(model) as inner:
            model(TOKENS)
        kept = list(inner.values()) if isinstance(inner, dict) else list(inner)
        model(TOKENS[:1])
    after = list(inner.values()) if isinstance(inner, dict) else list(inner)
    assert all(one is other for one, other in zip(kept, after, strict=True))
    found = list(outer.values()) if isinstance(outer, dict) else outer
    assert all(tensor.shape[0] == 1 for tensor in found)


def test_hooks_of_others_stay():
    model, calls = gpt(), []
    model.norm.register_forward_hook(lambda *_: calls.append(1))
    with record(model, "norm"):
        model(TOKENS)
    model(TOKENS)
    assert len(calls) == 2 and n_hooks(model) == 1


def test_the_output_of_any_module_is_recorded():
    model = gpt()
    names = "blocks.1.feed_forward.activation", "blocks.1.feed_forward.w_in", "head"
    with record(model, *names) as seen:
        logits = model(TOKENS).logits
    assert set(seen) == set(names)
    active, before, last = (seen[name] for name in names)
    torch.testing.assert_close(active, nn.functional.gelu(before))
    assert torch.equal(last, logits)


def test_tuples_stay_what_they_are():
    model = nn.Sequential(Bigram(11))
    with record(model, "0") as seen:
        model(TOKENS)
    assert isinstance(seen["0"], Output) and seen["0"].logits.grad_fn is None


def test_the_input_of_a_module_is_recorded():
    model = gpt()
    with record_inputs(model, "head") as given, record(model, "norm") as returned:
        model(TOKENS)
    assert torch.equal(given["head"], returned["norm"])


@pytest.mark.parametrize("recorder", [record, record_inputs])
def test_an_unknown_name_is_answered_with_the_closest(recorder):
    model = gpt()
    wrong = recorder(model, "norm", "blocks.0.feedforward.activation")
    with pytest.raises(ValueError, match=r"no module.*mean 'blocks.0.feed_forward.activation'"):
        wrong.__enter__()
    with pytest.raises(ValueError, match="no name is given"), recorder(model):
        pass
    assert n_hooks(model) == 0


@KINDS
def test_attention_weights_of_every_layer(kind):
    model = gpt(attention=kind).eval()
    with record_attention(model) as weights:
        model(TOKENS)
    assert list(weights) == [f"blocks.{layer}.attention" for layer in range(3)]
    for found in weights.values():
        assert found.shape == (2, 2, 7, 7)
        torch.testing.assert_close(found.sum(-1), torch.ones(2, 2, 7).double())
        assert found.triu(1).count_nonzero() == 0


def test_attention_of_an_encoder_and_decoder_is_told_apart():
    model = EncoderDecoder(EncoderDecoderConfig(**SIZES | {"n_layers": 1}))
    with record_attention(model) as weights:
        model(1 + TOKENS[:, :6] % 10, 1 + TOKENS[:, :4] % 10)
    assert {name: tuple(found.shape) for name, found in weights.items()} == {
        "encoder.blocks.0.attention": (2, 2, 6, 6),
        "decoder.blocks.0.attention": (2, 2, 4, 4),
        "decoder.blocks.0.cross_attention": (2, 2, 4, 6),
    }


def test_attention_of_a_recurrent_model():
    config = RecurrentConfig(vocab_size=11, d_embedding=3, d_hidden=6, attention="dot")
    with record_attention(model := RecurrentSeq2Seq(config)) as weights:
        model(TOKENS, TOKENS[:, :4])
    assert weights["weights"].shape == (2, 4, 7) and len(weights) == 1
    torch.testing.assert_close(weights["weights"].sum(-1), torch.ones(2, 4))


def test_attention_in_generation_is_that_of_the_newest_token():
    model = gpt(positions="rotary").eval()
    caches = model.new_caches(batch=2)
    with record_attention(model) as weights:
        model(TOKENS[:, :5], caches=caches)
        model(TOKENS[:, 5:6], caches=caches)
    assert weights["blocks.0.attention"].shape == (2, 2, 1, 6)


def test_a_model_without_attention_is_refused():
    with pytest.raises(ValueError, match="Bigram has no attention weights"):
        record_attention(Bigram(3)).__enter__()


def test_the_stream_starts_with_the_embedding_and_ends_before_the_norm():
    model = gpt().eval()
    with record_stream(model) as stream, record_inputs(model, "norm") as seen:
        model(TOKENS)
    assert len(stream) == 4
    assert torch.equal(stream[0], model.embed(TOKENS))
    assert torch.equal(stream[-1], seen["norm"])
    torch.testing.assert_close(stream[2], model.blocks[1](stream[1]))


def test_a_model_of_two_stacks_says_where_the_streams_are():
    model = EncoderDecoder(EncoderDecoderConfig(**SIZES))
    with pytest.raises(ValueError, match=r"no blocks.*model\.encoder or model\.decoder"):
        record_stream(model).__enter__()
    with record_stream(model.decoder) as stream:
        model(1 + TOKENS % 10, 1 + TOKENS[:, :4] % 10)
    assert [tuple(x.shape) for x in stream] == [(2, 4, 8)] * 4


def test_memory_does_not_grow_with_use():
    model = GPT(preset("character"))

    def living():
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    def use():
        with record_attention(model), record_stream(model), record(model, "norm"):
            model(TOKENS)

    use()
    before = living()
    for _ in range(5):
        use()
    assert living() == before
