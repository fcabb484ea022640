"""`glassbox.check` on architectures of Hugging Face, with random parameters: no false alarm."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

import glassbox

pytestmark = pytest.mark.usefixtures("as_a_reader_runs_it")
NO_SPECIAL = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
LLAMA = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
}
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 4}
NEOX = {key: value for key, value in LLAMA.items() if key != "num_key_value_heads"}
FAMILIES = {
    "gpt2": GPT2 | {"n_positions": 32},
    "gptj": GPT2 | {"n_positions": 32, "rotary_dim": 4},
    "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 4},
    "llama": LLAMA,
    "mistral": LLAMA | {"sliding_window": 8},
    "qwen2": LLAMA,
    "qwen3": LLAMA | {"head_dim": 4},
    "gemma": LLAMA | {"head_dim": 4},
    "gemma2": LLAMA | {"head_dim": 4, "query_pre_attn_scalar": 4, "sliding_window": 8},
    "gpt_neox": NEOX,
    "opt": {
        "hidden_size": 16,
        "ffn_dim": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 32,
        "word_embed_proj_dim": 16,
    },
}

PATHS = [(family, "eager") for family in FAMILIES]
PATHS += [(family, "sdpa") for family in FAMILIES if family not in ("bloom", "gemma2", "gptj")]


def build(family, attention="eager", auto=AutoModelForCausalLM, **sizes):
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, vocab_size=23, **NO_SPECIAL, **sizes)
    return auto.from_config(config, attn_implementation=attention)


@pytest.mark.parametrize(("family", "attention"), PATHS)
def test_a_correct_model_fails_nothing(family, attention):
    report = glassbox.check(build(family, attention, **FAMILIES[family]), skip=["overfits"])
    assert not report.failed, f"\n{report}"
    heard = ("attention_formula", "mask_holds", "keys_differ", "weight_rows", "residual", "cache")
    assert all(report[name].passed for name in heard), f"\n{report}"


def test_a_correct_encoder_fails_nothing():
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    model = build("bert", auto=AutoModelForMaskedLM, **sizes, num_attention_heads=4)
    report = glassbox.check(model, causal=False, skip=["overfits"])
    assert not report.failed, f"\n{report}"
    assert report["attention_formula"].passed and report["order"].passed


def test_what_a_family_does_on_purpose_is_told_with_its_reason():
    sizes = {"hidden_size": 16, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 32}
    model = build("gpt_neo", **sizes, attention_types=[[["global"], 2]])
    report = glassbox.check(model, skip=["overfits"])
    assert report.failed == ["attention_formula"], f"\n{report}"
    assert report["attention_formula"].number == pytest.approx(2.0)  # √d_k, for d_k = 4
    assert "on purpose" in report["attention_formula"].culprit
