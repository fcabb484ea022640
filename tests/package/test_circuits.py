"""Heads one by one: switched off, added up, read as matrices; and the stream read at each depth."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.attention import HeadList, MultiHeadAttention, fuse
from glassbox.encoder import EncoderConfig, MaskedLanguageModel
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, GPTConfig
from glassbox.inspection import (
    ablate_heads,
    head_contributions,
    head_matrices,
    logit_lens,
    ov_circuit,
    qk_circuit,
    record_attention,
    record_inputs,
    record_stream,
)

SIZES = {"vocab_size": 11, "context_length": 9, "d_model": 12, "n_heads": 4, "n_layers": 3}
TOKENS = torch.randint(11, (2, 7), generator=torch.Generator().manual_seed(0))
FORMS = pytest.mark.parametrize(
    "form", [{"attention": "head_list"}, {}, {"n_kv_heads": 2}, {"n_kv_heads": 1}], ids=str
)


def gpt(**changes):
    torch.manual_seed(1)
    return GPT(GPTConfig(**SIZES | changes)).double().eval()


def with_columns_at_zero(model, layer, heads):
    changed = copy.deepcopy(model)
    w_o = changed.blocks[layer].attention.w_o.weight.data
    for head in heads:
        w_o[:, 3 * head : 3 * head + 3] = 0
    return changed


@FORMS
@pytest.mark.parametrize("heads", [[0], [1, 3], [0, 1, 2, 3]])
def test_ablation_is_a_zero_in_the_output_projection(form, heads):
    model = gpt(**form)
    wanted = with_columns_at_zero(model, 1, heads)(TOKENS).logits
    for named in ({1: heads}, {"blocks.1": heads}, {"blocks.1.attention": heads}):
        with ablate_heads(model, named):
            torch.testing.assert_close(model(TOKENS).logits, wanted)
    with ablate_heads(model, [(1, head) for head in heads]):
        torch.testing.assert_close(model(TOKENS).logits, wanted)


def test_heads_of_several_layers_are_ablated_at_once():
    model = gpt()
    wanted = with_columns_at_zero(with_columns_at_zero(model, 0, [2]), 2, [0, 1])
    with ablate_heads(model, [(0, 2), (2, 0), (2, 1)]):
        torch.testing.assert_close(model(TOKENS).logits, wanted(TOKENS).logits)


def test_without_any_head_only_the_bias_of_attention_is_left():
    model = gpt()
    with ablate_heads(model, {0: range(4)}), record_stream(model) as stream:
        model(TOKENS)
    block, x = model.blocks[0], stream[0]
    x = x + block.attention.w_o.bias
    torch.testing.assert_close(stream[1], x + block.feed_forward(block.norm_2(x)))


def test_a_head_can_be_replaced_by_its_mean():
    layer = MultiHeadAttention(12, 4).double()
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    with record_inputs(layer, "w_o") as seen:
        layer(x)
    context = seen["w_o"].clone()
    context[..., 3:6] = context[..., 3:6].mean((0, 1))
    model = gpt()
    model.blocks[0].attention = layer
    with ablate_heads(model, {0: [1]}, by="mean"):
        torch.testing.assert_close(layer(x), layer.w_o(context))


def test_ablation_ends_with_its_block_even_by_an_error():
    model = gpt()
    before = model(TOKENS).logits
    with pytest.raises(KeyError), ablate_heads(model, {0: [1]}):
        raise KeyError
    assert torch.equal(model(TOKENS).logits, before)


def test_gradients_pass_through_what_is_left():
    model = gpt(n_layers=1)
    with ablate_heads(model, [(0, 1)]):
        model(TOKENS, TOKENS).loss.backward()
    gradient = model.blocks[0].attention.w_v.weight.grad
    assert gradient[3:6].count_nonzero() == 0 and gradient[:3].count_nonzero() > 0


def test_cross_attention_has_heads_to_ablate():
    model = EncoderDecoder(EncoderDecoderConfig(**SIZES | {"n_layers": 1})).eval()
    source = 1 + TOKENS % 10
    other = source.flip(1)
    with ablate_heads(model, {"decoder.blocks.0.cross_attention": range(4)}):
        torch.testing.assert_close(model(source, source).logits, model(other, source).logits)
    assert not torch.allclose(model(source, source).logits, model(other, source).logits)


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ([(3, 0)], "layer is 3, but there are 3 blocks: expected 0 to 2"),
        ([(-1, 0)], "layer is -1"),
        ([(0, 4)], "head is 4, but the layer has 4 heads: expected 0 to 3"),
        ([(0, -1)], "head is -1"),
        ({"blocks.7": [0]}, "no module 'blocks.7'.* mean 'blocks.[012]'"),
        ({"norm": [0]}, "norm is a LayerNorm, which has no heads"),
    ],
)
def test_unknown_layers_and_heads_are_refused(heads, message):
    model = gpt()
    with pytest.raises(ValueError, match=message):
        ablate_heads(model, heads).__enter__()
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_an_unknown_way_to_ablate_is_refused():
    with pytest.raises(ValueError, match=r"by is 'men'; .*mean 'mean'"):
        ablate_heads(gpt(), {0: [0]}, by="men").__enter__()


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), st.booleans(), st.booleans())
def test_contributions_and_bias_add_up_to_attention(heads, width, seq, as_list, bias):
    make = HeadList if as_list else MultiHeadAttention
    layer = make(heads * width, heads, causal=True, out_bias=bias).double()
    x = torch.randn(2, seq, heads * width, dtype=torch.float64)
    with record_inputs(layer, "w_o") as seen:
        y = layer(x)
    shares = head_contributions(layer, seen["w_o"])
    assert shares.shape == (2, seq, heads, heads * width)
    total = shares.sum(2) + layer.w_o.bias if bias else shares.sum(2)
    torch.testing.assert_close(total, y)


def test_a_contribution_is_what_ablation_takes_away():
    layer = MultiHeadAttention(12, 4).double()
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    with record_inputs(layer, "w_o") as seen:
        y = layer(x)
    model = gpt()
    model.blocks[0].attention = layer
    with ablate_heads(model, [(0, 2)]):
        rest = layer(x)
    torch.testing.assert_close(y - rest, head_contributions(layer, seen["w_o"])[:, :, 2])


@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_a_context_of_another_width_is_refused():
    with pytest.raises(ValueError, match=r"context has shape \(2, 7, 5\)"):
        head_contributions(MultiHeadAttention(12, 4), torch.zeros(2, 7, 5))


@FORMS
def test_the_matrices_of_a_head_give_its_scores_and_its_contribution(form):
    layer = gpt(**form).blocks[0].attention
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    with record_attention(gpt(**form)) as _, record_inputs(layer, "w_o") as seen:
        layer(x)
    shares = head_contributions(layer, seen["w_o"])
    allowed = torch.ones(7, 7).tril().bool()
    for head in range(4):
        w_q, w_k, w_v, w_o = head_matrices(layer, head)
        scores = (x @ w_q) @ (x @ w_k).mT / 3**0.5
        weights = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
        torch.testing.assert_close(weights @ x @ w_v @ w_o, shares[:, :, head])


def test_both_forms_of_the_layer_have_the_same_matrices():
    heads = HeadList(12, 4)
    for one, other in zip(head_matrices(heads, 3), head_matrices(fuse(heads), 3), strict=True):
        assert torch.equal(one, other) and not one.requires_grad


@FORMS
def test_the_circuits_are_what_a_first_block_without_norms_computes(form):
    model = gpt(positions="none", n_layers=1, bias=False, **form)
    attention = model.blocks[0].attention
    vocabulary = torch.arange(11)
    stream = model.token_embedding(vocabulary).unsqueeze(0)
    with record_attention(model), record_inputs(model, "blocks.0.attention.w_o") as seen:
        attention(stream[:, :1])  # a single token attends to itself
    alone = head_contributions(attention, seen["blocks.0.attention.w_o"])
    for head in range(4):
        written = alone[0, 0, head] @ model.head.weight.T
        torch.testing.assert_close(written, ov_circuit(model, 0, head)[0])
        with record_attention(model) as weights:
            watched = attention(stream)
        assert watched.shape == (1, 11, 12)
        allowed = torch.ones(11, 11).tril().bool()
        scores = qk_circuit(model, "blocks.0", head) / 3**0.5
        wanted = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
        torch.testing.assert_close(weights["blocks.0.attention"][0, head], wanted)


@FORMS
@pytest.mark.parametrize("residual", ["pre", "post"])
def test_the_last_row_of_the_lens_is_the_model(form, residual):
    model = gpt(residual=residual, **form)
    lens = logit_lens(model, TOKENS)
    assert lens.shape == (4, 2, 7, 11) and not lens.requires_grad
    assert torch.equal(lens[-1], model(TOKENS).logits)


def test_each_row_of_the_lens_is_the_model_cut_short():
    model = gpt()
    lens = logit_lens(model, TOKENS)
    for depth in range(4):
        short = copy.deepcopy(model)
        short.blocks = short.blocks[:depth]
        torch.testing.assert_close(lens[depth], short(TOKENS).logits)


def test_the_lens_looks_without_dropout_and_restores_the_mode():
    model = gpt(dropout=0.5).train()
    lens = logit_lens(model, TOKENS)
    assert model.training and model.blocks[0].training
    assert torch.equal(lens[-1], model.eval()(TOKENS).logits)


@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_lens_and_circuits_are_those_of_a_gpt():
    model = MaskedLanguageModel(EncoderConfig(**SIZES))
    for look in (
        lambda: logit_lens(model, TOKENS),
        lambda: ov_circuit(model, "encoder.blocks.0", 0),
    ):
        with pytest.raises(TypeError, match=r"type MaskedLanguageModel; expected a GPT"):
            look()
