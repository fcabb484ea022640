"""GPT-2's files, written by Hugging Face with random parameters: read, compared, written back."""

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.testing import assert_close
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Model
from twins import randomized, some_tokens

from glassbox import pretrained
from glassbox.gpt import GPT, preset
from glassbox.pretrained import tokenizer_folder

SIZES = {"vocab_size": 23, "n_positions": 32, "n_embd": 12, "n_head": 3, "n_layer": 3}
NO_SPECIAL = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}
SEED = 30
"""Parameters whose greedy text does not say one word for ever."""
OURS = {"vocab_size": 23, "context_length": 32, "d_model": 12, "n_heads": 3, "n_layers": 3}


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a test of this file reaches for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def hugging_face(dtype: torch.dtype = torch.float32, **change) -> GPT2LMHeadModel:
    theirs = GPT2LMHeadModel(GPT2Config(**SIZES | NO_SPECIAL | change))
    return randomized(theirs, seed=SEED).to(dtype)


def stored(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def store(folder: Path, tensors: dict[str, Tensor]) -> None:
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder as transformers writes it."""
    hugging_face().save_pretrained(tmp_path)
    return tmp_path


def ours(**change) -> GPT:
    """A GPT-2 of this package whose parameters are all random, in single precision."""
    return randomized(GPT(replace(preset("gpt2"), **OURS | change)), seed=3).float()


def logits_of(theirs: GPT2LMHeadModel, tokens: Tensor) -> Tensor:
    with torch.no_grad():
        return theirs(tokens).logits


def greedy(model: GPT, tokens: Tensor, count: int) -> Tensor:
    with torch.no_grad():
        for _ in range(count):
            tokens = torch.cat([tokens, model(tokens).logits[:, -1:].argmax(-1)], dim=1)
    return tokens


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-11), (torch.bfloat16, 1e-5)]
)
def test_logits_are_those_of_hugging_face(tmp_path, dtype, tolerance):
    theirs = hugging_face(dtype)
    theirs.save_pretrained(tmp_path)
    theirs = theirs.to(torch.promote_types(dtype, torch.float32))
    model, tokens = GPT.from_pretrained(tmp_path), some_tokens(3, 32, vocab_size=23)
    with torch.no_grad():
        logits = model(tokens).logits
    assert_close(logits, logits_of(theirs, tokens), rtol=tolerance, atol=tolerance)
    assert logits.std() > 0.5  # the comparison is one of numbers that differ


@pytest.mark.parametrize(
    "change",
    [
        {"n_inner": 20},
        {"activation_function": "gelu"},
        {"activation_function": "relu"},
        {"activation_function": "relu2"},
        {"resid_pdrop": 0.3, "embd_pdrop": 0.3, "attn_pdrop": 0.3},
        {"n_head": 1, "vocab_size": 40, "n_positions": 9, "n_layer": 1},
        {"n_head": 12, "reorder_and_upcast_attn": True},
    ],
    ids=str,
)
def test_what_config_json_says_is_what_is_computed(tmp_path, change):
    theirs = hugging_face(torch.float64, **change)
    theirs.save_pretrained(tmp_path / "theirs")
    model, tokens = GPT.from_pretrained(tmp_path / "theirs"), some_tokens(2, 9, vocab_size=23)
    expected = logits_of(theirs, tokens)
    # attention that was asked to be computed in float32
    tolerance = 1e-5 if "reorder_and_upcast_attn" in change else 1e-11
    with torch.no_grad():
        assert_close(model(tokens).logits, expected, rtol=tolerance, atol=tolerance)
    model.save_pretrained(tmp_path / "ours")
    again = GPT2LMHeadModel.from_pretrained(tmp_path / "ours").eval()
    assert_close(logits_of(again, tokens), expected, rtol=tolerance, atol=tolerance)
    assert again.config.n_inner == theirs.config.n_inner
    assert again.config.resid_pdrop == theirs.config.resid_pdrop == model.config.dropout


def test_twenty_greedy_tokens_are_those_of_hugging_face(folder):
    start = some_tokens(3, 4, vocab_size=23)
    options = {"attention_mask": torch.ones_like(start), "max_new_tokens": 20}
    expected = hugging_face().generate(start, do_sample=False, **options)
    assert torch.equal(greedy(GPT.from_pretrained(folder), start, 20), expected)
    assert len(expected[:, 4:].unique()) > 3


def test_matrices_are_turned_and_the_fused_projection_is_cut(folder):
    state, file = GPT.from_pretrained(folder).state_dict(), stored(folder)
    fused = file["transformer.h.1.attn.c_attn.weight"]
    query, key, value = fused[:, :12], fused[:, 12:24], fused[:, 24:]
    for role, part in {"w_q": query, "w_k": key, "w_v": value}.items():
        assert torch.equal(state[f"blocks.1.attention.{role}.weight"], part.T)
    wide = state["blocks.2.feed_forward.w_in.weight"]
    assert wide.shape == (48, 12)
    assert torch.equal(wide, file["transformer.h.2.mlp.c_fc.weight"].T)


@pytest.mark.parametrize("given", ["folder", "text", "file", "home"])
def test_a_folder_and_a_file_may_be_given_as_text_or_path(folder, given, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    forms = {
        "folder": folder,
        "text": str(folder),
        "file": folder / "model.safetensors",
        "home": f"~/{folder.name}",
    }
    settings, state = pretrained.read(forms[given])
    assert settings["d_model"] == 12 and len(state) == 2 + 3 * 16 + 2


def test_a_file_without_the_prefix_and_with_stored_masks_is_read(folder):
    """As the published gpt2 is: its names have no prefix, and every layer keeps its mask."""
    expected = GPT.from_pretrained(folder).state_dict()
    plain = {name.removeprefix("transformer."): x for name, x in stored(folder).items()}
    for layer in range(3):
        plain[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 32, 32).tril()
        plain[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    store(folder, plain)
    found = GPT.from_pretrained(folder).state_dict()
    assert_close(found, expected, rtol=0, atol=0)


def test_a_trunk_without_a_head_is_read_too(tmp_path):
    theirs = hugging_face()
    trunk = GPT2Model(theirs.config)
    trunk.load_state_dict(theirs.transformer.state_dict())
    trunk.save_pretrained(tmp_path)
    tokens = some_tokens(1, 5, vocab_size=23)
    with torch.no_grad():
        logits = GPT.from_pretrained(tmp_path)(tokens).logits
    assert_close(logits, logits_of(theirs, tokens), rtol=1e-5, atol=1e-5)


def test_an_output_layer_that_repeats_the_embedding_is_accepted(folder):
    tensors = stored(folder)
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()
    store(folder, tensors)
    assert GPT.from_pretrained(folder).config.tied


def test_half_precision_is_widened_without_a_change(tmp_path):
    theirs = hugging_face(torch.float16)
    theirs.save_pretrained(tmp_path)
    model = GPT.from_pretrained(tmp_path)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    table = theirs.transformer.wte.weight
    assert torch.equal(model.token_embedding.weight.half(), table)


def test_the_head_stays_tied_and_trains_with_the_embedding(folder):
    model = GPT.from_pretrained(folder)
    assert model.head.weight is model.token_embedding.weight
    tokens = some_tokens(2, 8, vocab_size=23)
    model.train()(tokens, tokens).loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert torch.equal(model.head.weight, model.token_embedding.weight)
    assert not torch.equal(model.head.weight, stored(folder)["transformer.wte.weight"])
    unseen = [token for token in range(23) if token not in tokens]
    assert model.token_embedding.weight.grad[unseen].any()  # these, only the head could have sent


def test_the_model_owns_its_parameters_and_nothing_is_left_unbuilt(folder):
    before = stored(folder)
    model = GPT.from_pretrained(folder)
    tensors = [*model.parameters(), *model.buffers()]
    assert not any(tensor.is_meta for tensor in tensors)
    assert all(parameter.is_contiguous() for parameter in model.parameters())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert_close(stored(folder), before, rtol=0, atol=0)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    assert len(own) == len(list(model.parameters()))


def test_loading_evaluates_and_leaves_the_random_numbers_alone(folder):
    state = torch.get_rng_state()
    model = GPT.from_pretrained(folder)
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    assert model.config.dropout == 0.1  # what the file says, for those who go on training
    tokens = some_tokens(1, 5, vocab_size=23)
    assert torch.equal(model(tokens).logits, model(tokens).logits)


def test_what_is_written_loads_in_hugging_face(tmp_path):
    model, tokens = ours(), some_tokens(3, 32, vocab_size=23)
    model.save_pretrained(tmp_path / "new" / "folder")
    theirs, notes = GPT2LMHeadModel.from_pretrained(
        tmp_path / "new" / "folder", output_loading_info=True
    )
    assert not any(notes.values())
    assert theirs.dtype == torch.float32
    with torch.no_grad():
        expected = model(tokens).logits
    assert_close(logits_of(theirs.eval(), tokens), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_writing_and_reading_returns_every_bit(tmp_path, dtype):
    model = ours().to(dtype)
    model.save_pretrained(tmp_path)
    again = GPT.from_pretrained(tmp_path)
    assert again.config == replace(model.config, initialization="gpt2")
    assert {name: x.to(dtype).tolist() for name, x in again.state_dict().items()} == {
        name: x.tolist() for name, x in model.state_dict().items()
    }
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == str(dtype)[6:]


def test_what_changes_no_logit_may_differ_from_gpt2(tmp_path):
    model = ours(n_kv_heads=3, initialization="pytorch", d_ff=48, dropout=0.2)
    model.save_pretrained(tmp_path)
    assert_close(GPT.from_pretrained(tmp_path).state_dict(), model.state_dict(), rtol=0, atol=0)


def test_the_end_of_text_is_told_where_the_vocabulary_has_it(tmp_path):
    for size, end in ((50_257, 50_256), (50_304, 50_256), (23, None)):
        GPT(replace(preset("gpt2"), **OURS | {"vocab_size": size})).save_pretrained(tmp_path)
        assert GPT2Config.from_pretrained(tmp_path).eos_token_id == end


@pytest.mark.parametrize("broken", ["save_file", "write_text"])
def test_writing_that_fails_leaves_what_was_there(folder, broken, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def half_way(self_or_tensors, path_or_text, **_):
        path = self_or_tensors if broken == "write_text" else path_or_text
        path.write_bytes(b"half a file")
        raise OSError("No space left on device")

    home = "pathlib.Path" if broken == "write_text" else "safetensors.torch"
    monkeypatch.setattr(f"{home}.{broken}", half_way)
    with pytest.raises(OSError, match="No space"):
        ours().save_pretrained(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_model_may_be_written_over_the_file_that_it_came_from(folder):
    model = GPT.from_pretrained(folder)
    expected = {name: x.clone() for name, x in model.state_dict().items()}
    for _ in range(2):
        model.save_pretrained(folder)
        assert_close(model.state_dict(), expected, rtol=0, atol=0)
    assert_close(GPT.from_pretrained(folder).state_dict(), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "revision", "repository"),
    [
        ("gpt2", None, "openai-community/gpt2"),
        ("gpt2-medium", "main", "openai-community/gpt2-medium"),
        ("somebody/else", "v1.0", "somebody/else"),
    ],
)
def test_a_name_is_fetched_from_the_hub(folder, name, revision, repository, monkeypatch):
    asked = []

    def download(repo_id, filename, *, revision=None):
        asked.append((repo_id, filename, revision))
        return str(folder / filename)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.chdir(folder)
    model = GPT.from_pretrained(name, revision=revision)
    assert model.config.n_layers == 3
    files = ("model.safetensors", "config.json")
    assert asked == [(repository, file, revision) for file in files]


def test_a_folder_goes_before_a_name_on_the_hub(folder, monkeypatch):
    (folder / "gpt2").mkdir()
    ours(n_layers=1).save_pretrained(folder / "gpt2")
    monkeypatch.chdir(folder)
    assert GPT.from_pretrained("gpt2").config.n_layers == 1


def test_the_tokenizer_lies_beside_the_model_or_comes_from_the_hub(tmp_path, monkeypatch):
    import huggingface_hub

    (tmp_path / "model.safetensors").touch()
    assert tokenizer_folder(tmp_path) == tokenizer_folder(tmp_path / "model.safetensors")
    asked = []

    def fetch(name, file, *, revision):
        asked.append((name, file, revision))
        return str(tmp_path / "cache" / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    assert tokenizer_folder("gpt2", revision="main") == tmp_path / "cache"
    files = ("vocab.json", "merges.txt")
    assert asked == [("openai-community/gpt2", file, "main") for file in files]
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        tokenizer_folder(tmp_path / "nowhere")
