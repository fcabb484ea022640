"""The models that the course speaks of, counted: every tensor of the small one, sizes of all."""

from dataclasses import replace
from itertools import product
from math import prod

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close
from twins import randomized, some_tokens

from glassbox.attention import SelfAttention
from glassbox.block import Block
from glassbox.classifier import EncoderClassifier, shape_trace
from glassbox.gpt import GPT, PRESETS, Bigram, GPTConfig, preset
from glassbox.initialization import initialize_gpt2
from glassbox.losses import cross_entropy
from glassbox.norms import LayerNorm


def size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def on_meta(config: GPTConfig) -> GPT:
    """A model without numbers: counting takes none."""
    with torch.device("meta"):
        return GPT(config)


def linear(name: str, rows: int, columns: int) -> list[tuple[str, tuple[int, ...]]]:
    return [(f"{name}.weight", (rows, columns)), (f"{name}.bias", (rows,))]


def norm(name: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(f"{name}.weight", (64,)), (f"{name}.bias", (64,))]


def character_tensors() -> list[tuple[str, tuple[int, ...]]]:
    """The 94 tensors of the character model, in their order."""
    heads = product(range(4), ("w_q", "w_k", "w_v"))
    block = [
        *((f"attention.heads.{head}.{role}.weight", (16, 64)) for head, role in heads),
        *linear("attention.w_o", 64, 64),
        *linear("feed_forward.w_in", 256, 64),
        *linear("feed_forward.w_out", 64, 256),
        *norm("norm_1"),
        *norm("norm_2"),
    ]
    return [
        ("token_embedding.weight", (65, 64)),
        ("positions.table.weight", (8, 64)),
        *((f"blocks.{i}.{name}", shape) for i in range(4) for name, shape in block),
        *norm("norm"),
        *linear("head", 65, 64),
    ]


def test_the_character_model_has_94_tensors_of_known_shape_in_a_known_order():
    model, expected = GPT(preset("character")), character_tensors()
    assert [(name, tuple(p.shape)) for name, p in model.named_parameters()] == expected
    assert len(expected) == 94
    assert sum(prod(shape) for _, shape in expected) == size(model) == 208_193
    assert list(model.state_dict()) == [name for name, _ in expected]  # and no buffer


def test_the_character_model_computes_what_its_listing_says():
    model = randomized(GPT(preset("character")))
    tokens, p = some_tokens(2, 8, vocab_size=65), dict(model.named_parameters())

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (64,), p[f"{name}.weight"], p[f"{name}.bias"])

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    def head(x: Tensor, name: str) -> Tensor:
        q, k, v = (x @ p[f"{name}.{role}.weight"].T for role in ("w_q", "w_k", "w_v"))
        scores = (q @ k.transpose(1, 2) / 4).masked_fill(torch.ones(8, 8).triu(1) > 0, -torch.inf)
        return scores.softmax(-1) @ v

    x = p["token_embedding.weight"][tokens] + p["positions.table.weight"]
    for block in (f"blocks.{i}" for i in range(4)):
        h = norm(x, f"{block}.norm_1")
        heads = torch.cat([head(h, f"{block}.attention.heads.{i}") for i in range(4)], dim=-1)
        x = x + linear(heads, f"{block}.attention.w_o")
        inner = linear(norm(x, f"{block}.norm_2"), f"{block}.feed_forward.w_in").relu()
        x = x + linear(inner, f"{block}.feed_forward.w_out")
    assert_close(model(tokens).logits, linear(norm(x, "norm"), "head"))


def test_the_parts_of_the_character_model_add_up():
    model = GPT(preset("character"))
    block = model.blocks[0]
    counts = {
        "a head": size(block.attention.heads[0]),
        "attention": size(block.attention),
        "feed-forward": size(block.feed_forward),
        "norms": size(block.norm_1) + size(block.norm_2),
        "a block": size(block),
        "the head": size(model.head),
    }
    assert list(counts.values()) == [3_072, 16_448, 33_088, 256, 49_792, 4_225]
    assert size(model) == 4_160 + 512 + 4 * 49_792 + 128 + 4_225


def test_the_modules_of_the_character_model_are_counted_by_kind():
    modules = list(GPT(preset("character")).modules())
    kinds = (nn.Linear, LayerNorm, nn.Embedding, SelfAttention, Block)
    assert [sum(isinstance(m, kind) for m in modules) for kind in kinds] == [61, 9, 2, 16, 4]


def test_tying_saves_the_table_of_the_head_but_not_its_bias():
    model = GPT(replace(preset("character"), tied=True))
    assert size(model) == 204_033 == 208_193 - 65 * 64
    assert model.head.weight is model.token_embedding.weight
    assert model.head.bias.shape == (65,)
    assert GPT(preset("character")).head.weight is not model.token_embedding.weight


SIZES = {
    "character": 208_193,
    "adder": 102_674,
    "character-100m": 96_775_233,
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_its_published_size(name):
    assert size(on_meta(preset(name))) == SIZES[name]


def test_gpt2_is_smaller_without_the_biases_of_queries_keys_and_values():
    without = on_meta(replace(preset("gpt2"), qkv_bias=False))
    assert size(without) == 124_412_160 == 124_439_808 - 12 * 3 * 768


def test_a_model_without_numbers_still_tells_the_shape_of_its_logits():
    tokens = torch.zeros(2, 16, dtype=torch.long, device="meta")
    logits, loss = on_meta(preset("gpt2"))(tokens, tokens)
    assert logits.shape == (2, 16, 50_257) and loss.is_meta


def test_the_adder_takes_one_sequence_and_has_one_map_of_weights():
    model, seen = GPT(preset("adder")), []
    model.blocks[0].attention.weights.register_forward_hook(lambda m, i, out: seen.append(out))
    rows = [[15, 4, 9, 10, 1, 3, 13, 0, 6, 2], [15, 3, 5, 10, 4, 6, 13, 0, 8, 1]]
    assert model(torch.tensor(rows)).logits.shape == (2, 10, 18)
    assert [tuple(weights.shape) for weights in seen] == [(2, 4, 10, 10)]


@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_an_unknown_preset_is_answered_with_the_closest():
    with pytest.raises(ValueError, match=r"name is 'gpt2-xxl'.*Did you mean 'gpt2-xl'"):
        preset("gpt2-xxl")


def first_loss(model: nn.Module) -> float:
    tokens, targets = torch.randint(65, (2, 128, 8))
    with torch.no_grad():
        return model(tokens, targets).loss.item()


@pytest.mark.parametrize("seed", range(10))
def test_the_first_loss_of_the_character_model_is_a_little_above_ln_65(seed):
    torch.manual_seed(seed)
    model = GPT(preset("character"))
    assert 4.25 < first_loss(model) < 4.45
    assert 4.17 < first_loss(initialize_gpt2(model)) < 4.20  # ln 65 is 4.1744
    nn.init.zeros_(model.head.weight)
    assert round(first_loss(model), 4) == 4.1744


def test_a_bigram_table_has_4225_entries_and_answers_by_looking_up_the_last_token():
    torch.manual_seed(0)
    model = Bigram(65)
    assert size(model) == 4_225
    one, other = torch.randint(65, (2, 4, 8))
    other[:, -1] = one[:, -1]
    assert torch.equal(model(one).logits[:, -1], model(other).logits[:, -1])
    assert torch.equal(model(one).logits, model.table.weight[one])
    assert torch.equal(model(one, other).loss, cross_entropy(model.table.weight[one], other))
    with pytest.raises(ValueError, match="holds the id 65"):
        model(torch.tensor([[65]]))


def test_the_character_model_depends_on_all_eight_tokens_unlike_a_bigram():
    torch.manual_seed(0)
    model, tokens = GPT(preset("character")).eval(), torch.randint(65, (1, 8))
    for place in range(8):
        changed = tokens.clone()
        changed[0, place] = (changed[0, place] + 1) % 65
        assert not torch.allclose(model(changed).logits[:, -1], model(tokens).logits[:, -1])


def test_the_traced_classifier_has_the_counts_of_its_parts():
    model = EncoderClassifier(shape_trace())
    encoder = model.encoder
    assert size(model) == 4_105_346
    assert size(encoder.blocks[0]) == size(nn.TransformerEncoderLayer(128, 8, 512)) == 198_272
    assert size(encoder.token_embedding) == 3_840_000
    assert size(model.head) == 67_074
    assert size(encoder) - size(encoder.blocks) == 3_840_000  # fixed waves and no last norm
    without = EncoderClassifier(replace(shape_trace(), qkv_bias=False))
    assert size(without.encoder.blocks[0]) == 197_888 and size(without) == 4_104_962


def test_the_traced_classifier_has_the_shapes_of_its_trace():
    model, shapes = EncoderClassifier(shape_trace()), {}

    def trace(name: str, module: nn.Module) -> None:
        module.register_forward_hook(lambda m, i, out: shapes.update({name: tuple(out.shape)}))

    encoder = model.encoder
    block = encoder.blocks[0]
    trace("embedding", encoder.token_embedding)
    trace("positions", encoder.positions)
    trace("weights", block.attention.weights)
    for role in ("w_q", "w_k", "w_v"):
        trace(role, getattr(block.attention.heads[7], role))
    block.attention.w_o.register_forward_pre_hook(
        lambda m, given: shapes.update({"side by side": tuple(given[0].shape)})
    )
    trace("w_o", block.attention.w_o)
    trace("wide", block.feed_forward.w_in)
    trace("narrow", block.feed_forward.w_out)
    trace("encoder", encoder)
    trace("pooled", model.pooling)
    trace("inner", model.head[0])
    logits = model(torch.randint(1, 30_000, (1, 100))).logits
    assert shapes == {
        "embedding": (1, 100, 128),
        "positions": (1, 100, 128),
        "w_q": (1, 100, 16),
        "w_k": (1, 100, 16),
        "w_v": (1, 100, 16),
        "weights": (1, 8, 100, 100),
        "side by side": (1, 100, 128),
        "w_o": (1, 100, 128),
        "wide": (1, 100, 512),
        "narrow": (1, 100, 128),
        "encoder": (1, 100, 128),
        "pooled": (1, 128),
        "inner": (1, 512),
    }
    assert logits.shape == (1, 2)
