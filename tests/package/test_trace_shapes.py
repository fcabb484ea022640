"""The shapes on the way through a model: every step, in order, and nothing else is disturbed."""

import gc
import weakref
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glassbox.attention import MultiHeadAttention
from glassbox.classifier import EncoderClassifier, shape_trace
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, Bigram, GPTConfig, preset
from glassbox.inspection import trace_shapes
from glassbox.positions import Rotary
from glassbox.recurrent import RecurrentConfig, RecurrentSeq2Seq
from glassbox.tap import Tap

TOKENS = torch.arange(1, 101).unsqueeze(0)


def head(index):
    place, row = f"encoder.blocks.0.attention.heads.{index}", (1, 100, 16)
    square = (1, 100, 100)
    return [
        (f"{place}.w_q", "linear", row),
        (f"{place}.w_k", "linear", row),
        (f"{place}.w_v", "linear", row),
        (place, "transpose", (1, 16, 100)),
        (place, "matmul", square),  # the scores
        (place, "mul", square),  # scaled
        (place, "masked_fill", square),
        (place, "softmax", square),  # the weights
        (place, "masked_fill", square),
        (place, "matmul", row),  # the context
    ]


def test_the_classifier_is_traced_to_the_step():
    block, stream = "encoder.blocks.0", (1, 100, 128)
    wanted = [
        ("tokens", "input", (1, 100)),
        ("encoder.token_embedding", "embedding", stream),
        ("encoder.positions", "index", (100, 128)),
        ("encoder.positions", "add", stream),
        *(step for index in range(8) for step in head(index)),
        (f"{block}.attention", "cat", stream),
        (f"{block}.attention.w_o", "linear", stream),
        (block, "add", stream),
        (f"{block}.norm_1", "layer_norm", stream),
        (f"{block}.feed_forward.w_in", "linear", (1, 100, 512)),
        (f"{block}.feed_forward.activation", "gelu", (1, 100, 512)),
        (f"{block}.feed_forward.w_out", "linear", stream),
        (block, "add", stream),
        (f"{block}.norm_2", "layer_norm", stream),
        ("pooling", "masked_fill", stream),
        ("pooling", "sum", (1, 128)),
        ("pooling", "div", (1, 128)),
        ("head.0", "linear", (1, 512)),
        ("head.1", "gelu", (1, 512)),
        ("head.2", "linear", (1, 2)),
    ]
    trace = trace_shapes(EncoderClassifier(shape_trace()), TOKENS)
    assert [(step.where, step.operation, step.shape) for step in trace] == wanted


def test_a_step_knows_what_it_was_computed_from_but_for_parameters():
    steps = list(trace_shapes(EncoderClassifier(shape_trace()), TOKENS))
    scores, joined = steps[8], next(step for step in steps if step.operation == "cat")
    assert scores.inputs == ((1, 100, 16), (1, 16, 100))
    assert joined.inputs == ((1, 100, 16),) * 8
    assert steps[1].inputs == ((1, 100),)


def small(**changes):
    settings = {"vocab_size": 11, "context_length": 9, "d_model": 8, "n_heads": 2, "n_layers": 2}
    return settings | changes


def models():
    yield GPT(GPTConfig(**small())), (TOKENS[:, :7] % 11,)
    yield GPT(GPTConfig(**small(attention="head_list"))), (TOKENS[:, :7] % 11,)
    for scheme in ("rotary", "t5", "deberta", "transformer_xl", "alibi"):
        yield GPT(GPTConfig(**small(positions=scheme, n_kv_heads=1))), (TOKENS[:, :7] % 11,)
    pair = (1 + TOKENS[:, :7] % 10, 1 + TOKENS[:, :5] % 10)
    yield EncoderDecoder(EncoderDecoderConfig(**small())), pair
    for attention in ("none", "dot", "additive"):
        sizes = {"vocab_size": 11, "d_embedding": 3, "d_hidden": 6, "attention": attention}
        yield RecurrentSeq2Seq(RecurrentConfig(bidirectional=True, **sizes)), pair
    yield Bigram(11), (TOKENS[:, :7] % 11,)


@pytest.mark.parametrize(("model", "inputs"), list(models()))
def test_every_model_is_traced_from_its_inputs_to_its_logits(model, inputs):
    trace = trace_shapes(model, *inputs)
    n = len(inputs)
    assert [step.operation for step in trace[:n]] == ["input"] * n
    assert [step.shape for step in trace[:n]] == [tuple(tensor.shape) for tensor in inputs]
    assert trace[-1].shape == tuple(model(*inputs).logits.shape)
    places = {name for name, _ in model.named_modules(remove_duplicate=False)}
    assert all(step.where in places for step in trace[n:])
    assert "stack" not in [step.operation for step in trace if step.where.endswith("attention")]
    assert str(trace).count("\n") < 150, "loops and blocks are told once"


@pytest.mark.parametrize("kind", ["head_list", "multi_head"])
def test_the_square_of_scores_is_visible_in_every_attention_layer(kind):
    model = GPT(GPTConfig(**small(attention=kind)))
    trace = trace_shapes(model, TOKENS[:, :7] % 11)
    softmaxes = [step for step in trace if step.operation == "softmax"]
    assert len(softmaxes) == (4 if kind == "head_list" else 2)
    assert all(step.shape[-2:] == (7, 7) for step in softmaxes)


def test_a_shared_module_is_named_by_the_block_that_called_it():
    trace = trace_shapes(GPT(GPTConfig(**small(positions="rotary"))), TOKENS[:, :7] % 11)
    places = {step.where for step in trace if step.where.endswith("positions")}
    assert places == {"blocks.0.attention.positions", "blocks.1.attention.positions"}


class Odd(nn.Module):
    """Operations that are easy to miss, or to show without need."""

    def forward(self, x):
        x = x.detach().contiguous()
        x = F.dropout(x, 0.5, training=self.training)
        x = x.T
        x = 1 - x
        x = x + torch.zeros_like(x) + torch.ones(3, 1)
        x.mul_(2)
        first, *_ = x.split([1, 2])
        return first.sum(), x > 0, x.argmax()


def test_what_computes_is_a_step_and_the_rest_is_not():
    trace = trace_shapes(Odd(), torch.zeros(2, 3))
    assert [(step.operation, step.shape) for step in trace] == [
        ("input", (2, 3)),
        ("T", (3, 2)),
        ("sub", (3, 2)),
        ("add", (3, 2)),
        ("add", (3, 2)),
        ("mul", (3, 2)),
        ("split", (1, 2)),
        ("split", (2, 2)),
        ("sum", ()),
    ]


def test_inputs_by_name_and_in_lists_are_traced():
    model = GPT(GPTConfig(**small()))
    tokens = TOKENS[:, :7] % 11
    trace = trace_shapes(model, tokens, targets=tokens, mask=torch.ones(7, 7, dtype=torch.bool))
    assert [step.where for step in trace[:3]] == ["tokens", "targets", "mask"]
    assert trace[-1].operation == "cross_entropy" and trace[-1].shape == ()


def test_nothing_is_changed_by_a_trace():
    model = GPT(GPTConfig(**small(dropout=0.5)))
    model.blocks[0].eval()  # a mixture of modes, as in fine-tuning
    modes = [module.training for module in model.modules()]
    random, before = torch.get_rng_state(), {k: v.clone() for k, v in model.state_dict().items()}
    trace_shapes(model, TOKENS[:, :7] % 11)
    assert modes == [module.training for module in model.modules()]
    assert torch.equal(random, torch.get_rng_state())
    assert torch.is_grad_enabled()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)


def test_random_numbers_to_come_are_the_same_even_if_the_model_draws_some():
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    trace_shapes(Noisy(), torch.zeros(2))
    assert torch.equal(torch.rand(3), wanted)


def test_hooks_and_mode_are_restored_when_the_forward_raises():
    model = GPT(GPTConfig(**small())).train()
    with pytest.raises(ValueError, match="context holds 9"):
        trace_shapes(model, torch.ones(1, 12, dtype=torch.long))
    assert model.training and model.blocks[1].training and torch.is_grad_enabled()
    assert not any(m.watched for m in model.modules() if isinstance(m, Tap))
    x = torch.zeros(2) + 1  # no mode is left behind
    assert x.sum() == 2


def test_a_missing_argument_is_named():
    with pytest.raises(TypeError, match="tokens"):
        trace_shapes(Bigram(3))


def test_no_reference_to_the_model_is_kept():
    model = MultiHeadAttention(8, 2)
    trace = trace_shapes(model, torch.zeros(1, 3, 8))
    remembered = weakref.ref(model)
    del model
    gc.collect()
    assert remembered() is None and len(trace) > 10


def test_a_model_without_memory_is_traced():
    with torch.device("meta"):
        model = GPT(replace(preset("gpt2"), n_layers=2))
        trace = trace_shapes(model, torch.zeros(1, 9, dtype=torch.long))
    assert trace[-1].shape == (1, 9, 50_257)


# What is printed


def test_equal_heads_and_blocks_are_told_once():
    text = str(trace_shapes(GPT(preset("character")), TOKENS[:, :8] % 65))
    lines = [line.split() for line in text.splitlines()]
    assert ["heads.1", "…", "heads.3", "the", "same"] in lines
    assert ["blocks.1", "…", "blocks.3", "the", "same"] in lines
    assert "heads.0" in text and "heads.2" not in text and "blocks.2" not in text
    assert text.startswith("GPT: 202 steps of a forward pass\n")


def test_a_block_that_differs_is_told_in_full():
    model = GPT(GPTConfig(**small(n_layers=3)))
    model.blocks[2].feed_forward.activation = nn.ReLU()  # of the same shape
    text = str(trace_shapes(model, TOKENS[:, :7] % 11))
    lines = [line.split() for line in text.splitlines()]
    assert ["blocks.1", "the", "same"] in lines and ["blocks.2"] in lines


def test_the_rounds_of_a_loop_are_told_once():
    config = RecurrentConfig(vocab_size=11, d_embedding=3, d_hidden=6)
    text = str(trace_shapes(RecurrentSeq2Seq(config), 1 + TOKENS[:, :7] % 10, TOKENS[:, :5] % 10))
    assert "the 14 steps above, 6 more times" in text
    assert "the 16 steps above, 4 more times" in text


def test_a_loop_that_runs_twice_is_told_once_more():
    layer = MultiHeadAttention(8, 2, positions=Rotary(4))
    assert "steps above, once more" in str(trace_shapes(layer, torch.zeros(1, 3, 8)))


def test_columns_are_aligned_and_no_line_ends_in_blanks():
    text = str(trace_shapes(EncoderClassifier(shape_trace()), TOKENS))
    lines = text.splitlines()
    assert lines == [line.rstrip() for line in lines]
    assert max(map(len, lines)) < 88
    header = lines[2]
    column = header.index("shape")
    full = [line for line in lines[3:] if len(line) > column]
    assert len(full) > 25 and all(line[column] in "(1238" for line in full)
    assert all(line[column - 1] == " " for line in full)


class Text(HTMLParser):
    """Collect the text of the cells of each row."""

    def __init__(self):
        super().__init__()
        self.rows, self.spans = [], 0

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
            self.spans += int(dict(attributes).get("colspan", 1))

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def test_a_notebook_shows_the_words_of_the_terminal():
    trace = trace_shapes(GPT(preset("character")), TOKENS[:, :8] % 65)
    html, text = trace._repr_html_(), str(trace)
    parser = Text()
    parser.feed(html)
    assert [" ".join(row).split() for row in parser.rows] == [
        x.split() for x in text.splitlines()[2:]
    ]
    assert parser.spans == 4 * len(parser.rows)
    assert html == trace_shapes(GPT(preset("character")), TOKENS[:, :8] % 65)._repr_html_()
    assert 'tabindex="0"' in html and "overflow-x: auto" in html
    assert "#" not in html.replace("&#", ""), "no color of its own: it is read on light and dark"


def test_names_stand_for_sizes():
    trace = trace_shapes(GPT(preset("character")), TOKENS[:, :7] % 65)
    text = str(trace.named(T=7, D=64, d_head=16, F=256))
    assert "(1, d_head, T)" in text and "(1, T, F)" in text and "(1, T, 65)" in text
    assert "64" not in text.split("\n", 1)[1]
    assert trace.named(T=7).steps == trace.steps


def test_two_names_for_one_size_are_refused():
    trace = trace_shapes(Bigram(8), torch.zeros(1, 8, dtype=torch.long))
    with pytest.raises(ValueError, match=r"T and V both stand for 8"):
        trace.named(B=1, T=8, V=8)
