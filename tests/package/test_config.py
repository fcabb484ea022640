"""Configurations: plain values that are checked when they are written down and when they change."""

from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from twins import SMALL

from glassbox.assembly import RESIDUALS as RESIDUAL_FUNCTIONS
from glassbox.blank import blank
from glassbox.classifier import ClassifierConfig, shape_trace
from glassbox.config import RESIDUALS, TransformerConfig
from glassbox.encoder import EncoderConfig
from glassbox.encoder_decoder import EncoderDecoderConfig
from glassbox.gpt import GPT, GPTConfig

KINDS = {
    TransformerConfig: {},
    GPTConfig: {"tied": True},
    EncoderConfig: {"pad_id": 3},
    ClassifierConfig: {"n_classes": 2},
    EncoderDecoderConfig: {"source_vocab_size": 7},
}
every_kind = pytest.mark.parametrize(("kind", "own"), KINDS.items(), ids=lambda k: str(k)[:30])


@every_kind
def test_equal_settings_are_equal_and_can_be_looked_up(kind, own):
    one, same, other = kind(**SMALL, **own), kind(**SMALL, **own), kind(**SMALL, **own, d_ff=9)
    assert one == same and hash(one) == hash(same)
    assert {one: "trained"}[same] == "trained"
    assert one != other


@every_kind
def test_settings_cannot_be_changed_in_place(kind, own):
    config = kind(**SMALL, **own)
    with pytest.raises(FrozenInstanceError):
        config.d_model = 16
    assert config.d_model == 8


@every_kind
def test_a_changed_copy_keeps_the_rest_and_computes_the_widths_anew(kind, own):
    config = kind(**SMALL, **own)
    assert (config.d_head, config.feed_forward_width) == (4, 32)
    wider = replace(config, d_model=24, n_heads=4)
    assert (wider.d_head, wider.feed_forward_width, wider.n_kv_heads) == (6, 96, None)
    assert (config.d_model, config.n_heads) == (8, 2)
    assert replace(wider, d_model=8, n_heads=2) == config
    assert replace(config, d_ff=5).feed_forward_width == 5
    assert type(wider) is kind and all(getattr(wider, name) == own[name] for name in own)


@every_kind
@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_model": 9}, "d_model is 9 and n_heads is 2"),
        ({"n_heads": 3}, "d_model is 8 and n_heads is 3"),
        ({"n_heads": 4, "n_kv_heads": 3}, "n_heads is 4 and n_kv_heads is 3"),
        ({"n_kv_heads": 4}, "n_heads is 2 and n_kv_heads is 4"),
        ({"n_kv_heads": 0}, "n_kv_heads is 0"),
        ({"d_ff": 0}, "d_ff is 0"),
        ({"dropout": 10}, "dropout is 10"),
        ({"dropout": 1.0}, "dropout is 1"),
        ({"attention": "multihead"}, "attention is 'multihead'.*Did you mean 'multi_head'"),
        ({"positions": "rotery"}, "positions is 'rotery'.*Did you mean 'rotary'"),
        ({"norm": "batch"}, "norm is 'batch'; expected one of 'layer', 'rms'"),
        ({"residual": "prenorm"}, "residual is 'prenorm'.*Did you mean 'pre'"),
        ({"feed_forward": "swish"}, "feed_forward is 'swish'.*Did you mean 'swiglu'"),
        ({"attention": "head_list", "n_kv_heads": 1}, "share nothing.*multi_head"),
        *[({size: 0}, f"{size} is 0") for size in SMALL],
    ],
)
def test_settings_that_do_not_fit_are_refused_also_in_a_copy(kind, own, change, message):
    with pytest.raises(ValueError, match=message):
        kind(**SMALL | own | change)
    with pytest.raises(ValueError, match=message):
        replace(kind(**SMALL, **own), **change)


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (EncoderConfig, {"pad_id": 11}, "pad_id is 11, but token ids run from 0 to 10"),
        (EncoderConfig, {"pad_id": -1}, "pad_id is -1"),
        (ClassifierConfig, {"n_classes": 0}, "n_classes is 0"),
        (ClassifierConfig, {"d_classifier": 0}, "d_classifier is 0"),
        (ClassifierConfig, {"pooling": "average"}, "pooling is 'average'"),
        (EncoderDecoderConfig, {"source_vocab_size": 0}, "source_vocab_size is 0"),
    ],
)
def test_what_only_some_models_need_is_checked_as_well(kind, change, message):
    with pytest.raises(ValueError, match=message):
        kind(**SMALL | KINDS[kind] | change)
    with pytest.raises(ValueError, match=message):
        replace(kind(**SMALL, **KINDS[kind]), **change)


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize("size", [2.0, "2", True])
def test_a_size_is_a_whole_number(size):
    with pytest.raises(TypeError, match=r"n_layers is .*; expected a whole number"):
        TransformerConfig(**SMALL | {"n_layers": size})


def test_a_list_of_heads_may_name_its_key_and_value_heads_where_they_are_as_many():
    config = TransformerConfig(**SMALL, attention="head_list", n_kv_heads=2)
    assert config.n_kv_heads == config.n_heads


def test_the_defaults_are_those_of_each_paper():
    gpt, encoder = GPTConfig(**SMALL), EncoderConfig(**SMALL)
    assert (gpt.positions, gpt.residual, gpt.causal) == ("learned", "pre", True)
    assert (encoder.positions, encoder.residual, encoder.pad_id) == ("sinusoidal", "post", None)
    assert shape_trace().residual == "post"


def test_every_placement_of_the_norm_has_a_function():
    assert set(RESIDUAL_FUNCTIONS) == set(RESIDUALS)


def test_the_source_of_an_encoder_decoder_differs_in_its_vocabulary_alone():
    config = EncoderDecoderConfig(**SMALL, source_vocab_size=7, norm="rms", pad_id=2, d_ff=5)
    assert config.source == EncoderConfig(**SMALL | {"vocab_size": 7}, norm="rms", pad_id=2, d_ff=5)
    assert replace(config, source_vocab_size=None).source.vocab_size == 11


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize(
    ("misfit", "words"),
    [
        ({"positions": "rotary", "d_model": 12, "n_heads": 4}, "d_head"),
        ({"positions": "sinusoidal", "d_model": 9, "n_heads": 3}, "d_model"),
        ({"positions": "alibi", "attention": "head_list"}, "no place for it"),
    ],
)
def test_positions_that_do_not_fit_are_refused_as_the_settings_are_written(misfit, words):
    sizes = {"vocab_size": 11, "context_length": 8, "d_model": 8, "n_heads": 2, "n_layers": 1}
    with pytest.raises(ValueError, match=words):
        TransformerConfig(**sizes | misfit)


def test_a_blank_model_has_shapes_and_draws_nothing():
    before = torch.get_rng_state()
    with blank():
        model = GPT(GPTConfig(**SMALL))
        free = torch.nn.init.normal_(torch.empty(3))
    assert torch.equal(torch.get_rng_state(), before)
    full = GPT(GPTConfig(**SMALL))
    for (name, one), other in zip(model.named_parameters(), full.parameters(), strict=True):
        assert one.is_meta and one.shape == other.shape and one.dtype == other.dtype, name
    assert free.is_meta and not full.head.weight.is_meta


def test_a_blank_model_calls_nothing_that_draws(monkeypatch):
    def drawn(*given, **options):
        raise AssertionError("a number was drawn")

    monkeypatch.setattr(torch.Tensor, "normal_", drawn)
    monkeypatch.setattr(torch.Tensor, "uniform_", drawn)
    with blank():
        GPT(GPTConfig(**SMALL))
    with pytest.raises(AssertionError, match="a number was drawn"):
        GPT(GPTConfig(**SMALL))
