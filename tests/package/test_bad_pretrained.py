"""Files that are no GPT-2, models that do not fit into its files, and a hub out of reach."""

import json
import pickle
import socket
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch
from huggingface_hub import errors
from messages import case, faults, message_of
from safetensors.torch import load_file, save_file
from torch import nn
from twins import randomized

from glassbox import pretrained
from glassbox.encoder import Encoder, EncoderConfig
from glassbox.gpt import GPT, preset

pytestmark = pytest.mark.usefixtures("as_a_reader_runs_it")

SIZES = {"vocab_size": 11, "context_length": 12, "d_model": 8, "n_heads": 2, "n_layers": 2}
WTE, FUSED = "transformer.wte.weight", "transformer.h.1.attn.c_attn.weight"


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a test of this file reaches for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def gpt2(**change) -> GPT:
    return randomized(GPT(replace(preset("gpt2"), **SIZES | change))).float()


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    """A good model in the folder where the test runs, for the wrong call to spoil."""
    monkeypatch.chdir(tmp_path)
    gpt2().save_pretrained("good")


def load(**change) -> GPT:
    """Load the good model, with other words in its config.json; None takes one out."""
    path = Path("good/config.json")
    settings = json.loads(path.read_text()) | change
    path.write_text(
        json.dumps({key: value for key, value in settings.items() if value is not None})
    )
    return GPT.from_pretrained("good")


def load_with(**change: torch.Tensor | None) -> GPT:
    """Load the good model with other tensors in its file; None takes one out."""
    path = Path("good/model.safetensors")
    tensors = load_file(path) | {name.replace("__", "."): x for name, x in change.items()}
    save_file({name: x for name, x in tensors.items() if x is not None}, path)
    return GPT.from_pretrained("good")


def load_after(name: str, content: bytes | None) -> GPT:
    """Load the good model after one of its files was overwritten or, with None, removed."""
    path = Path("good") / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    return GPT.from_pretrained("good")


def load_pickle(name: str) -> GPT:
    Path(name).write_bytes(pickle.dumps({"wte.weight": [1.0]}))
    return GPT.from_pretrained(name)


def cut_short() -> GPT:
    whole = Path("good/model.safetensors").read_bytes()
    return load_after("model.safetensors", whole[: len(whole) // 2])


def untied_state() -> dict[str, torch.Tensor]:
    state = gpt2().state_dict()
    return state | {"head.weight": state["head.weight"] + 1}


def write_changed(**change: torch.Tensor | None) -> None:
    """Write the good model's parameters, some of them changed or, with None, left out."""
    state = gpt2().state_dict() | {name.replace("__", "."): x for name, x in change.items()}
    state = {name: x for name, x in state.items() if x is not None}
    pretrained.write("new", gpt2().config, state)


FILES = [
    case("source-none", lambda: GPT.from_pretrained(None), TypeError,
         "source is None", "expected a folder", "'gpt2'"),
    case("source-config", lambda: GPT.from_pretrained(preset("gpt2")), TypeError,
         "source is of type GPTConfig", "expected a folder"),
    case("no-such-path", lambda: GPT.from_pretrained(Path("missing")), FileNotFoundError,
         "no file or folder 'missing'", "expected a folder with model.safetensors"),
    case("no-such-folder-in-folders", lambda: GPT.from_pretrained("a/b/c"), FileNotFoundError,
         "no file or folder 'a/b/c'", "name on the hub"),
    case("no-such-file", lambda: GPT.from_pretrained("gpt2.safetensors"), FileNotFoundError,
         "no file or folder 'gpt2.safetensors'", "expected a folder"),
    case("empty-source", lambda: GPT.from_pretrained("./good/.."), FileNotFoundError,
         "no model.safetensors in 'good/..'", "good", "side by side"),
    case("without-config", lambda: load_after("config.json", None), FileNotFoundError,
         "no config.json in 'good'", "holds model.safetensors", "side by side"),
    case("without-tensors", lambda: load_after("model.safetensors", None), FileNotFoundError,
         "no model.safetensors in 'good'", "A .bin is a pickle"),
    case("pickle", lambda: load_pickle("pytorch_model.bin"), ValueError,
         "'pytorch_model.bin' is a pickle", "can run any program", "Give the model.safetensors"),
    case("checkpoint", lambda: load_pickle("model.pt"), ValueError,
         "'model.pt' is a pickle", "Give the model.safetensors"),
    case("revision-of-a-folder", lambda: GPT.from_pretrained("good", revision="v1"), ValueError,
         "revision is 'v1'", "good lies on this machine", "Leave the revision out"),
    case("cut-short", cut_short, ValueError,
         "cannot be read as safetensors", "stopped half-way", "take the file again"),
    case("pointer", lambda: load_after("model.safetensors", b"version https://git-lfs\n"),
         ValueError, "cannot be read as safetensors", "Git's pointer"),
    case("config-cut-short", lambda: load_after("config.json", b'{"model_type": "gp'), ValueError,
         "config.json' is not JSON", "take the file again"),
    case("config-of-bytes", lambda: load_after("config.json", b"\xff\xfe\x00"), ValueError,
         "config.json' is not JSON", "take the file again"),
    case("config-list", lambda: load_after("config.json", b"[]"), ValueError,
         "holds a list", "expected the settings"),
]  # fmt: skip

CONFIGS = [
    case("architecture", lambda: load(model_type="llama"), ValueError,
         "model_type 'llama'", "expected 'gpt2'"),
    case("no-architecture", lambda: load(model_type=None), ValueError,
         "model_type None", "expected 'gpt2'"),
    case("activation", lambda: load(activation_function="silu"), ValueError,
         "activation_function in config.json is 'silu'", "'gelu_new'"),
    case("scores-by-layer", lambda: load(scale_attn_by_inverse_layer_idx=True), ValueError,
         "scale_attn_by_inverse_layer_idx True", "expected False"),
    case("scores-unscaled", lambda: load(scale_attn_weights=False), ValueError,
         "scale_attn_weights False", "expected True"),
    case("cross-attention", lambda: load(add_cross_attention=True), ValueError,
         "add_cross_attention True", "expected False"),
    case("untied", lambda: load(tie_word_embeddings=False), ValueError,
         "tie_word_embeddings False", "expected True"),
    case("epsilon", lambda: load(layer_norm_epsilon=1e-6), ValueError,
         "layer_norm_epsilon 1e-06", "expected 1e-05"),
    case("size-missing", lambda: load(n_layer=None), ValueError,
         "gives no n_layer", "expected vocab_size, n_positions"),
    case("size-zero", lambda: load(n_layer=0), ValueError, "n_layer is 0", "at least 1"),
    case("size-text", lambda: load(n_head="2"), TypeError, "n_head is '2'", "a whole number"),
    case("inner-size-text", lambda: load(n_inner="32"), TypeError, "n_inner is '32'", "whole"),
    case("heads-uneven", lambda: load(n_head=3), ValueError,
         "d_model is 8 and n_heads is 3", "The nearest"),
    case("three-dropouts", lambda: load(embd_pdrop=0.3), ValueError,
         "resid_pdrop 0.0, embd_pdrop 0.3", "expected one share"),
]  # fmt: skip

TENSORS = [
    case("another-depth", lambda: load(n_layer=3), ValueError,
         "lacks the tensor 'h.2.attn.c_attn.bias' and 11 more", "Take both files"),
    case("left-over-layer", lambda: load(n_layer=1), ValueError,
         "also has the tensor 'h.1.attn.c_attn.bias' and 11 more", "Take both files"),
    case("another-width", lambda: load(n_embd=16), ValueError,
         "'wte.weight' has shape (11, 8)", "expected (11, 16)"),
    case("another-vocabulary", lambda: load(vocab_size=12), ValueError,
         "'wte.weight' has shape (11, 8)", "expected (12, 8)"),
    case("another-inner-width", lambda: load(n_inner=16), ValueError,
         "'h.0.mlp.c_fc.weight' has shape (8, 32)", "expected (8, 16)"),
    case("not-turned", lambda: load_with(**{FUSED: torch.zeros(24, 8)}), ValueError,
         "'h.1.attn.c_attn.weight' has shape (24, 8)", "expected (8, 24)"),
    case("tensor-missing", lambda: load_with(**{WTE: None}), ValueError,
         "lacks the tensor 'wte.weight', which", "Take both files"),
    case("tensor-unknown", lambda: load_with(score__weight=torch.zeros(2, 8)), ValueError,
         "also has the tensor 'score.weight', which", "expected exactly"),
    case("quantized", lambda: load_with(**{WTE: torch.zeros(11, 8, dtype=torch.int8)}), TypeError,
         "'wte.weight' holds torch.int8", "not quantized"),
    case("another-head", lambda: load_with(lm_head__weight=torch.zeros(11, 8)), ValueError,
         "'lm_head.weight' of its own", "expected the same numbers"),
    case("longer-head", lambda: load_with(lm_head__weight=torch.zeros(12, 8)), ValueError,
         "'lm_head.weight' of its own", "expected the same numbers"),
]  # fmt: skip

WRITES = [
    case("character-model", lambda: GPT(preset("character")).save_pretrained("new"), ValueError,
         "GPT-2's files have only", "Expected the shape of GPT-2"),
    case("rotary", lambda: gpt2(positions="rotary").save_pretrained("new"), ValueError,
         "positions is 'rotary'", "positions='learned'"),
    case("rms", lambda: gpt2(norm="rms").save_pretrained("new"), ValueError,
         "norm is 'rms'", "norm='layer'"),
    case("post-norm", lambda: gpt2(residual="post").save_pretrained("new"), ValueError,
         "residual is 'post'", "residual='pre'"),
    case("no-projection-bias", lambda: gpt2(qkv_bias=False).save_pretrained("new"), ValueError,
         "qkv_bias is False", "qkv_bias=True"),
    case("no-bias", lambda: gpt2(bias=False).save_pretrained("new"), ValueError,
         "bias is False", "bias=True"),
    case("query-norm", lambda: gpt2(qk_norm=True).save_pretrained("new"), ValueError,
         "qk_norm is True", "qk_norm=False"),
    case("not-causal", lambda: gpt2(causal=False).save_pretrained("new"), ValueError,
         "causal is False", "causal=True"),
    case("head-list", lambda: gpt2(attention="head_list").save_pretrained("new"), ValueError,
         "attention is 'head_list'", "attention='multi_head'"),
    case("head-untied", lambda: gpt2(tied=False).save_pretrained("new"), ValueError,
         "tied is False", "tied=True"),
    case("head-bias", lambda: gpt2(head_bias=True).save_pretrained("new"), ValueError,
         "head_bias is True", "head_bias=False"),
    case("shared-heads", lambda: gpt2(n_kv_heads=1).save_pretrained("new"), ValueError,
         "n_kv_heads is 1 and n_heads 2", "expected as many"),
    case("gated", lambda: gpt2(feed_forward="swiglu").save_pretrained("new"), ValueError,
         "is 'swiglu'", "'gelu_tanh'"),
    case("onto-a-file", lambda: gpt2().save_pretrained("good/config.json"), NotADirectoryError,
         "'good/config.json' is a file", "expected a folder"),
    case("encoder", lambda: pretrained.write("new", EncoderConfig(**SIZES), {}), TypeError,
         "config is of type EncoderConfig", "expected the GPTConfig"),
    case("settings", lambda: pretrained.write("new", dict(SIZES), {}), TypeError,
         "config is of type dict", "expected the GPTConfig"),
    case("state-of-another-depth",
         lambda: pretrained.write("new", gpt2().config, gpt2(n_layers=1).state_dict()), ValueError,
         "the state lacks 'blocks.1.", "state_dict()"),
    case("state-of-another-width",
         lambda: pretrained.write("new", gpt2().config, gpt2(d_model=4).state_dict()), ValueError,
         "'wte.weight' has shape (11, 4)", "expected (11, 8)"),
    case("state-with-a-guest", lambda: write_changed(blocks__0__more=torch.zeros(2)), ValueError,
         "the state has 'blocks.0.more'", "A part that was exchanged"),
    case("state-without-a-norm", lambda: write_changed(norm__weight=None), ValueError,
         "the state lacks 'norm.weight'", "state_dict()"),
    case("state-untied", lambda: pretrained.write("new", gpt2().config, untied_state()), ValueError,
         "of its own", "ties the two"),
]  # fmt: skip

CASES = [*FILES, *CONFIGS, *TENSORS, *WRITES]


@pytest.mark.parametrize("wrong", CASES)
def test_a_wrong_file_or_model_is_refused_by_a_message_that_teaches(wrong):
    message = message_of(wrong)
    for part in wrong.parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert not faults(message), f"{faults(message)}: {message}"
    assert not Path("new").exists()


def hub_that_raises(error: Exception, monkeypatch) -> None:
    def download(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)


def reply(status: int) -> SimpleNamespace:
    """What an error of the hub keeps of the answer that it came with."""
    return SimpleNamespace(status_code=status, headers={}, request=None)


HUB = [
    (errors.LocalEntryNotFoundError("not in the cache"), ConnectionError, "cannot be reached"),
    (errors.OfflineModeIsEnabled("offline"), ConnectionError, "cannot be reached"),
    (errors.EntryNotFoundError("no such file"), FileNotFoundError, "kept as pickles only"),
    (errors.HFValidationError("a--b"), FileNotFoundError, "the hub has no model.safetensors"),
    (
        errors.RepositoryNotFoundError("404", response=reply(404)),
        FileNotFoundError,
        "the hub has no model.safetensors",
    ),
    (
        errors.RevisionNotFoundError("404", response=reply(404)),
        FileNotFoundError,
        "in revision 'v9'",
    ),
]


@pytest.mark.parametrize(("error", "kind", "part"), HUB, ids=lambda x: type(x).__name__)
def test_a_hub_that_fails_is_told_with_a_way_out(error, kind, part, monkeypatch):
    hub_that_raises(error, monkeypatch)
    wrong = case("hub", lambda: GPT.from_pretrained("gpt2", revision="v9"), kind).values[0]
    message = message_of(wrong)
    assert part in message and "openai-community/gpt2" in message
    assert not faults(message), f"{faults(message)}: {message}"
    if kind is ConnectionError:
        assert "by hand from https://huggingface.co/openai-community/gpt2/tree/main" in message


def test_a_missing_hub_package_is_told_with_a_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    wrong = case("no-hub", lambda: GPT.from_pretrained("gpt2"), ImportError).values[0]
    message = message_of(wrong)
    assert "pip install huggingface_hub" in message and "by hand" in message
    assert not faults(message)


def test_nothing_is_unpickled(monkeypatch):
    """Neither the folder's own pickle nor one under a safe name is opened as such."""

    class Bomb:
        def __reduce__(self):
            return Path("exploded").touch, ()

    for name in ("pytorch_model.bin", "model.safetensors"):
        Path(f"good/{name}").write_bytes(pickle.dumps(Bomb()))
    for source in ("good", "good/pytorch_model.bin", "good/model.safetensors"):
        with pytest.raises(ValueError):
            GPT.from_pretrained(source)
    assert not Path("exploded").exists()


def test_many_wrong_files_are_tried_each_under_a_name_of_its_own():
    assert len({wrong.id for wrong in CASES}) == len(CASES) >= 60


def test_an_encoder_has_nothing_to_save():
    assert not hasattr(Encoder(EncoderConfig(**SIZES)), "save_pretrained")
    assert isinstance(gpt2(), nn.Module)
