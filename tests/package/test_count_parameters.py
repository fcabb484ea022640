"""How parameters are counted, and the arithmetic that is shown for it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from glassbox.classifier import EncoderClassifier, shape_trace
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, Bigram, GPTConfig, preset
from glassbox.inspection import count_modules, count_parameters
from glassbox.recurrent import RecurrentConfig, RecurrentSeq2Seq


def rows(model):
    return {part.name: (part.parameters, part.arithmetic) for part in count_parameters(model).rows}


def without_memory(config):
    with torch.device("meta"):
        return GPT(config)


def test_the_character_model_adds_up_as_in_the_reference():
    count = count_parameters(GPT(preset("character")))
    assert count.total == count.trainable == 4_160 + 512 + 4 * 49_792 + 128 + 4_225 == 208_193
    assert {part.name: (part.parameters, part.arithmetic) for part in count.rows} == {
        "token_embedding": (4_160, "65 × 64"),
        "positions.table": (512, "8 × 64"),
        "blocks.0 … blocks.3": (199_168, "4 × 49,792"),
        "one Block": (49_792, "16,448 + 33,088 + 2 × 128"),
        "attention": (16_448, "4 × 3,072 + 4,160"),
        "heads.0 … heads.3": (12_288, "4 × 3 × 64 × 16"),
        "w_q, w_k, w_v": (3_072, "3 × 64 × 16"),
        "w_o": (4_160, "64 × 64 + 64"),
        "feed_forward": (33_088, "16,640 + 16,448"),
        "w_in": (16_640, "64 × 256 + 256"),
        "w_out": (16_448, "256 × 64 + 64"),
        "norm_1, norm_2": (256, "2 × (64 + 64)"),
        "norm": (128, "64 + 64"),
        "head": (4_225, "64 × 65 + 65"),
    }
    assert str(count).endswith("208,193  = 4,160 + 512 + 4 × 49,792 + 128 + 4,225")


def test_the_classifier_adds_up_as_in_the_reference():
    found = rows(EncoderClassifier(shape_trace()))
    assert found["token_embedding"][0] == 3_840_000
    assert found["blocks.0"][0] == 198_272
    assert found["heads.0 … heads.7"] == (49_536, "8 × 6,192")
    assert found["w_o"][0] == 16_512 and found["norm_1, norm_2"][0] == 512
    assert found["feed_forward"][0] == 131_712 and found["head"][0] == 67_074
    assert found["head.0"] == (66_048, "128 × 512 + 512")
    assert count_parameters(EncoderClassifier(shape_trace())).total == 4_105_346


@pytest.mark.parametrize(
    ("name", "total"), [("adder", 102_674), ("gpt2", 124_439_808), ("gpt2-xl", 1_557_611_200)]
)
def test_totals_of_presets_need_no_memory(name, total):
    assert count_parameters(without_memory(preset(name))).total == total


def models():
    base = {"vocab_size": 11, "context_length": 9, "d_model": 8, "n_heads": 4, "n_layers": 3}
    for scheme in ("none", "learned", "rotary", "t5", "deberta", "transformer_xl"):
        for tied in (False, True):
            options = {"positions": scheme, "tied": tied, "head_bias": True, "n_kv_heads": 2}
            yield GPT(GPTConfig(**base, **options, feed_forward="swiglu", norm="rms"))
    yield EncoderDecoder(EncoderDecoderConfig(**base))
    sizes = {"vocab_size": 11, "d_embedding": 3, "d_hidden": 6, "attention": "additive"}
    yield RecurrentSeq2Seq(RecurrentConfig(**sizes, bidirectional=True))
    yield EncoderClassifier(shape_trace())
    yield Bigram(7)
    yield nn.Linear(3, 2)
    yield nn.ReLU()
    yield nn.TransformerEncoderLayer(8, 2)


def value(arithmetic):
    return eval(arithmetic.replace("×", "*").replace(",", "") or "0")


@pytest.mark.parametrize("model", list(models()), ids=lambda model: type(model).__name__)
def test_every_equation_is_true_and_parts_add_up(model):
    count = count_parameters(model)
    assert count.total == sum(p.numel() for p in model.parameters())
    assert count.total == sum(part.parameters for part in count.parts)
    for part in count.rows:
        assert value(part.arithmetic) == part.parameters
        if part.parts:
            assert sum(p.parameters for p in part.parts) * part.repeats == part.parameters
    last = str(count).split("= ")[-1].splitlines()[0]
    if len(count.parts) > 1:
        assert value(last) == count.total


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans())
def test_the_total_is_that_of_pytorch(heads, layers, vocab, tied, as_list):
    config = GPTConfig(
        vocab_size=vocab,
        context_length=3,
        d_model=2 * heads,
        n_heads=heads,
        n_layers=layers,
        tied=tied,
        attention="head_list" if as_list else "multi_head",
    )
    model = without_memory(config)
    count = count_parameters(model)
    assert count.total == sum(p.numel() for p in model.parameters())
    assert sum(part.parameters for part in count.parts) == count.total


def test_a_tied_table_is_counted_once_and_named():
    config = GPTConfig(**vars(preset("character")) | {"tied": True})
    count = count_parameters(GPT(config))
    assert count.total == 208_193 - 65 * 64 == 204_033
    assert count.tied == (("token_embedding.weight", "head.weight"),)
    head = count.rows[-1]
    assert (head.name, head.parameters, head.arithmetic, head.tied) == ("head", 65, "65", True)
    text = str(count)
    assert "Tied, counted once: token_embedding.weight and head.weight." in text
    assert "= 65  (tied)" in text


def test_a_scheme_shared_by_all_blocks_is_counted_in_the_first():
    base = {"vocab_size": 11, "context_length": 9, "d_model": 8, "n_heads": 4, "n_layers": 3}
    count = count_parameters(GPT(GPTConfig(**base, positions="t5")))
    names = [part.name for part in count.rows]
    assert "blocks.0" in names and "blocks.1 … blocks.2" in names
    assert len(count.tied) == 1 and len(count.tied[0]) == 3
    assert "and 2 others." in str(count)


def test_buffers_are_listed_and_not_counted():
    count = count_parameters(EncoderClassifier(shape_trace()))
    assert count.buffers == {"encoder.positions.table": (100, 128)}
    assert "Buffer, not counted: encoder.positions.table, 100 × 128." in str(count)
    assert count_parameters(nn.BatchNorm1d(3)).total == 6


def test_parameters_without_gradient_are_flagged():
    model = GPT(preset("character"))
    model.blocks[1].requires_grad_(False)
    count = count_parameters(model)
    assert (count.total, count.trainable) == (208_193, 208_193 - 49_792)
    names = [part.name for part in count.rows]
    assert {"blocks.0", "blocks.1", "blocks.2 … blocks.3"} <= set(names), "only equals are merged"
    assert {part.name: part.frozen for part in count.parts if part.frozen} == {"blocks.1": 49_792}
    assert "Frozen: 49,792 parameters have no gradient." in str(count)
    lines = [line for line in str(count).splitlines() if "(frozen)" in line]
    assert lines[0].startswith("blocks.1 ") and "norm_1, norm_2" in lines[-1]


def test_a_part_with_some_parameters_frozen_says_how_many():
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    model[0].weight.requires_grad_(False)  # only the bias is trained
    count = count_parameters(model)
    assert "= 3 × 2 + 2  (6 frozen)" in str(count) and count.trainable == 2


def test_neighbors_of_equal_size_but_other_kind_are_not_merged():
    model = nn.Sequential(nn.Embedding(4, 4), nn.Linear(4, 4, bias=False))
    assert [part.name for part in count_parameters(model).rows] == ["0", "1"]


def test_modules_in_a_plain_list_are_not_counted():
    class Forgetful(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(3, 3)]
            self.last = nn.Linear(3, 1)

    assert count_parameters(Forgetful()).total == 4


def test_only_modules_are_counted(as_a_reader_runs_it):
    with pytest.raises(TypeError, match="model is a int"):
        count_parameters(3)


def test_the_notebook_shows_the_same_numbers():
    count = count_parameters(GPT(preset("character")))
    html = count._repr_html_()
    assert html == count_parameters(GPT(preset("character")))._repr_html_()
    for part in count.rows:
        assert f">{part.parameters:,}</td>" in html and f">= {part.arithmetic}</td>" in html
    assert html.count("<tr>") == len(count.rows) + 2


def test_the_inventory_of_the_character_model():
    model = GPT(preset("character"))
    count = count_modules(model)
    wanted = {"Linear": 61, "LayerNorm": 9, "Embedding": 2, "SelfAttention": 16, "Block": 4}
    assert wanted.items() <= count.items()
    assert sum(count.values()) == len(list(model.modules()))
    assert len(list(model.parameters())) == 94
