"""Whole models, held equal to those of Hugging Face with random parameters; nothing is loaded."""

import os
import socket
from dataclasses import replace

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)
from twins import randomized, some_tokens

from glassbox import masks
from glassbox.encoder import Encoder, EncoderConfig
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, GPTConfig, preset
from glassbox.norms import LayerNorm
from glassbox.positions import Learned

NO_SPECIAL = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a test of this file reaches for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def renamed(theirs: nn.Module, names: dict[str, str]) -> dict[str, Tensor]:
    """The parameters of their model under our names: each part of a name is replaced in turn."""
    ours = {}
    for name, tensor in theirs.state_dict().items():
        for old, new in names.items():
            name = name.replace(old, new)
        ours[name] = tensor
    return ours


def gpt2(dtype: torch.dtype) -> tuple[GPT, GPT2LMHeadModel]:
    sizes = {"vocab_size": 23, "n_positions": 32, "n_embd": 12, "n_head": 3, "n_layer": 2}
    theirs = GPT2LMHeadModel(GPT2Config(**sizes, **NO_SPECIAL))
    theirs = randomized(theirs, seed=2).to(dtype)
    names = {"transformer.": "", "wte": "token_embedding", "wpe": "positions.table"}
    names |= {"h.": "blocks.", "ln_f": "norm", "ln_": "norm_", "lm_head": "head"}
    names |= {"attn.c_proj": "attention.w_o", "mlp.c_fc": "feed_forward.w_in"}
    names |= {"mlp.c_proj": "feed_forward.w_out", "attn.c_attn": "attention.w_qkv"}
    state = {}
    for name, tensor in renamed(theirs, names).items():
        if name.endswith("weight") and ("attention" in name or "feed_forward" in name):
            tensor = tensor.T  # their Conv1D keeps (in, out), a Linear (out, in)
        parts = tensor.chunk(3) if "w_qkv" in name else [tensor]
        for role, part in zip(("w_q", "w_k", "w_v"), parts, strict=False):
            state[name.replace("w_qkv", role)] = part
    sizes = {"vocab_size": 23, "context_length": 32, "d_model": 12, "n_heads": 3, "n_layers": 2}
    config = replace(preset("gpt2"), **sizes)
    ours = GPT(config).to(dtype).eval()
    ours.load_state_dict(state)
    return ours, theirs


def llama(dtype: torch.dtype) -> tuple[GPT, LlamaForCausalLM]:
    their_config = LlamaConfig(
        vocab_size=23,
        hidden_size=16,
        intermediate_size=20,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32,
        rms_norm_eps=1e-6,
        **NO_SPECIAL,
    )
    theirs = randomized(LlamaForCausalLM(their_config)).to(dtype)
    names = {"model.": "", "embed_tokens": "token_embedding", "layers.": "blocks."}
    names |= {"self_attn.": "attention.", "mlp.": "feed_forward.", "lm_head": "head"}
    names |= {f"{role}_proj": f"w_{role}" for role in "qkvo"}
    names |= {"gate_proj": "w_gate", "up_proj": "w_in", "down_proj": "w_out"}
    names |= {"input_layernorm": "norm_1", "post_attention_layernorm": "norm_2"}
    config = GPTConfig(
        vocab_size=23,
        context_length=32,
        d_model=16,
        d_ff=20,
        n_heads=4,
        n_kv_heads=2,
        n_layers=2,
        positions="rotary",
        norm="rms",
        feed_forward="swiglu",
        bias=False,
    )
    ours = GPT(config).to(dtype).eval()
    ours.load_state_dict(renamed(theirs, names))
    return ours, theirs


@pytest.mark.parametrize(
    ("build", "dtype", "tolerance"),
    [
        (gpt2, torch.float32, 1e-5),
        (gpt2, torch.float64, 1e-9),
        (llama, torch.float32, 1e-5),
        (llama, torch.float64, 1e-5),  # their norm and their angles are computed in float32
    ],
)
def test_logits_and_loss_are_those_of_hugging_face(build, dtype, tolerance):
    ours, theirs = build(dtype)
    tokens = some_tokens(3, 20, vocab_size=23)
    targets = torch.cat([tokens[:, 1:], torch.full((3, 1), -100)], dim=1)
    with torch.no_grad():
        logits, loss = ours(tokens, targets)
        expected = theirs(tokens, labels=tokens)  # they shift the labels themselves
    assert_close(logits, expected.logits, rtol=tolerance, atol=tolerance)
    # their loss is computed in float32
    assert_close(loss.float(), expected.loss, rtol=1e-5, atol=1e-5)
    assert logits.std() > 0.5  # the comparison is one of numbers that differ


@pytest.mark.parametrize("build", [gpt2, llama])
def test_twenty_greedy_tokens_are_those_of_hugging_face(build):
    ours, theirs = build(torch.float32)
    start = some_tokens(3, 4, vocab_size=23)
    options = {"attention_mask": torch.ones_like(start), "max_new_tokens": 20}
    expected = theirs.generate(start, do_sample=False, **options)
    caches, fresh, tokens = ours.new_caches(3), start, start
    with torch.no_grad():
        for _ in range(20):
            uncached = ours(tokens).logits[:, -1:].argmax(-1)
            fresh = ours(fresh, caches=caches).logits[:, -1:].argmax(-1)
            assert torch.equal(fresh, uncached)
            tokens = torch.cat([tokens, fresh], dim=1)
    assert torch.equal(tokens, expected)
    assert len(tokens[:, 4:].unique()) > 3  # no model that says one word for ever


class BertPositions(Learned):
    """BERT normalizes the sum of token, position and (here always the first) segment."""

    def __init__(self, d_model: int, context_length: int) -> None:
        super().__init__(d_model, context_length)
        self.segment = nn.Parameter(torch.zeros(d_model))
        self.norm = LayerNorm(d_model)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        return self.norm(super().forward(x, positions) + self.segment)


def bert() -> tuple[Encoder, BertModel]:
    their_config = BertConfig(
        vocab_size=23,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=20,
        max_position_embeddings=16,
        layer_norm_eps=1e-5,
    )
    theirs = randomized(BertModel(their_config, add_pooling_layer=False))
    names = {"embeddings.word_embeddings": "token_embedding", "encoder.layer.": "blocks."}
    names |= {"embeddings.position_embeddings": "positions.table"}
    names |= {"embeddings.LayerNorm": "positions.norm"}
    names |= {"attention.self.query": "attention.w_q", "attention.self.key": "attention.w_k"}
    names |= {"attention.self.value": "attention.w_v", "attention.output.dense": "attention.w_o"}
    names |= {"attention.output.LayerNorm": "norm_1", "output.LayerNorm": "norm_2"}
    names |= {"intermediate.dense": "feed_forward.w_in", "output.dense": "feed_forward.w_out"}
    state = renamed(theirs, names)
    state["positions.segment"] = state.pop("embeddings.token_type_embeddings.weight")[0]
    config = EncoderConfig(
        vocab_size=23,
        context_length=16,
        d_model=12,
        d_ff=20,
        n_heads=3,
        n_layers=2,
        positions="learned",
        qkv_bias=True,
        pad_id=0,
    )
    ours = Encoder(config)
    ours.positions = BertPositions(12, 16)
    ours = ours.double().eval()
    ours.load_state_dict(state)
    return ours, theirs


def test_a_bert_is_an_encoder_with_normalized_embeddings():
    ours, theirs = bert()
    tokens = some_tokens(3, 9, vocab_size=23)
    tokens[1, 5:] = tokens[2, 8:] = 0
    real = tokens != 0
    with torch.no_grad():
        expected = theirs(tokens, attention_mask=real.long()).last_hidden_state
        assert_close(ours(tokens)[real], expected[real], rtol=1e-9, atol=1e-9)


def t5() -> tuple[EncoderDecoder, T5ForConditionalGeneration]:
    their_config = T5Config(
        vocab_size=23,
        d_model=12,
        d_kv=4,
        d_ff=20,
        num_layers=2,
        num_heads=3,
        tie_word_embeddings=False,
        decoder_start_token_id=1,
    )
    theirs = randomized(T5ForConditionalGeneration(their_config))
    names = {"layer.1.EncDecAttention.": "cross_attention.", "layer.0.SelfAttention.": "attention."}
    names |= {f"attention.{role}.": f"attention.w_{role}." for role in "qkvo"}
    names |= {"attention.relative_attention_bias.weight": "attention.positions.table"}
    names |= {f"layer.{i}.DenseReluDense.wi": "feed_forward.w_in" for i in (1, 2)}
    names |= {f"layer.{i}.DenseReluDense.wo": "feed_forward.w_out" for i in (1, 2)}
    names |= {f"layer.{i}.layer_norm": f"norm_{i + 1}" for i in (0, 1, 2)}
    names |= {"final_layer_norm": "norm", "lm_head": "decoder.head", "block.": "blocks."}
    names |= {"embed_tokens": "token_embedding"}
    state = renamed(theirs, names)
    shared = state.pop("shared.weight")  # one table for both languages
    for half in ("encoder", "decoder"):
        state[f"{half}.token_embedding.weight"] = shared
        first = state[f"{half}.blocks.0.attention.positions.table"]
        state[f"{half}.blocks.1.attention.positions.table"] = first
    state["decoder.head.bias"] = torch.zeros(23)
    config = EncoderDecoderConfig(
        vocab_size=23,
        context_length=48,
        d_model=12,
        d_ff=20,
        n_heads=3,
        n_layers=2,
        positions="t5",
        norm="rms",
        residual="pre",
        feed_forward="relu",
        bias=False,
        pad_id=0,
    )
    ours = EncoderDecoder(config).double().eval()
    ours.load_state_dict(state)
    for half in (ours.encoder, ours.decoder):
        for block in half.blocks:
            for attention in (block.attention, getattr(block, "cross_attention", block.attention)):
                attention.positions.terms = 1 / attention.d_head  # T5 does not divide its scores
    return ours, theirs


def test_a_t5_is_an_encoder_decoder_without_the_scale():
    ours, theirs = t5()
    source, target = some_tokens(3, 40, vocab_size=23), some_tokens(3, 7, vocab_size=23, seed=1)
    source[0, 30:] = 0
    real = source != 0
    with torch.no_grad():
        memory = theirs.encoder(source, attention_mask=real.long()).last_hidden_state
        options = {"attention_mask": real.long(), "decoder_input_ids": target}
        expected = theirs(source, **options).logits
        assert torch.equal(masks.padding(source, 0)[:, 0, 0], real)
        # their norm takes its mean square in float32
        assert_close(ours.encoder(source)[real], memory[real], rtol=1e-5, atol=1e-5)
        assert_close(ours(source, target).logits, expected, rtol=1e-5, atol=1e-5)
