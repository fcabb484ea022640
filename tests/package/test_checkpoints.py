"""A checkpoint is whole or not there, says so when a byte has changed, and continues exactly."""

import json
import random
import resource
import subprocess
from itertools import pairwise

import pytest
import torch
from messages import faults
from safetensors import safe_open
from torch import nn
from torch.utils.data import TensorDataset
from twins import SMALL, randomized, some_tokens

from glassbox.classifier import ClassifierConfig, EncoderClassifier
from glassbox.encoder import EncoderConfig, MaskedLanguageModel
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, Bigram, GPTConfig
from glassbox.training import (
    Batches,
    CheckpointError,
    TrainingConfig,
    build_optimizers,
    checkpoints,
    folders,
    latest,
    load,
    load_model,
    read_state,
    runs,
    save,
    train,
)

SIZES = SMALL | {"context_length": 6, "n_layers": 1}


def gpt(seed: int = 0, **change) -> GPT:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GPT(GPTConfig(**SIZES | {"dropout": 0.3} | change))


def batches(size: int = 4, seed: int = 0, kind: type = Batches, text: int = 0) -> Batches:
    text = some_tokens(10, 7, seed=text)
    return kind(TensorDataset(text[:, :-1], text[:, 1:]), size, seed=seed)


def settings(**change) -> TrainingConfig:
    return TrainingConfig(**{"steps": 9, "learning_rate": 0.01, "save_every": 3} | change)


class Interrupted(Batches):
    """Batches of a reader who presses Ctrl+C at step 5."""

    def __getitem__(self, step):
        if step == 5:
            raise KeyboardInterrupt
        return super().__getitem__(step)


def interrupt(run, **change):
    with pytest.raises(KeyboardInterrupt):
        train(gpt(), batches(kind=Interrupted), settings(**change), run=run)


def same(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(mine, other) for mine, other in pairs)


def flip(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def refusal(call, *parts):
    """The message of a CheckpointError, which must be one that teaches."""
    with pytest.raises(CheckpointError) as raised:
        call()
    message = str(raised.value)
    assert faults(message) == [], message
    assert all(part in message for part in parts), message
    return message


# --- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(optimizer, tmp_path):
    alone = gpt()
    history = train(alone, batches(), settings(save_every=None, optimizer=optimizer))
    interrupt(tmp_path, optimizer=optimizer)
    assert latest(tmp_path).name == "step-000003"
    other = gpt(seed=7)  # what it starts with does not matter
    continued = train(other, batches(), settings(optimizer=optimizer), run=tmp_path)
    assert continued == history and same(other, alone)
    assert len(continued.seconds) == 9


def resumed(run, data=None):
    interrupt(run)
    return train(gpt(), data or batches(), settings(), run=run)


def test_the_comparison_would_notice_what_is_not_restored(tmp_path, monkeypatch):
    alone = train(gpt(), batches(), settings(save_every=None))
    assert resumed(tmp_path / "sound") == alone

    class FromTheStart(Batches):
        def __getitem__(self, step):
            return super().__getitem__(step - 3)

    lost = resumed(tmp_path / "position", batches(kind=FromTheStart))
    assert lost.losses[:3] == alone.losses[:3] and lost.losses[3] != alone.losses[3]
    with monkeypatch.context() as patch:
        patch.setattr(runs, "restore_random_state", lambda *_: None)
        lost = resumed(tmp_path / "generators")
        assert lost.losses[:3] == alone.losses[:3] and lost.losses[3] != alone.losses[3]
    with monkeypatch.context() as patch:
        patch.setattr("glassbox.training.named_tensors.fill_optimizers", lambda *_: None)
        lost = resumed(tmp_path / "memory")
        assert lost.losses[:4] == alone.losses[:4] and lost.losses[4] != alone.losses[4]


def test_a_finished_run_returns_its_history_and_its_model(tmp_path):
    model, again = gpt(), gpt(seed=7)
    history = train(model, batches(), settings(), run=tmp_path)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000006", "step-000009"]
    written = (latest(tmp_path) / "state.json").stat().st_mtime_ns
    found = train(again, batches(kind=Interrupted), settings(), run=tmp_path)
    assert found == history and same(model, again)
    assert (latest(tmp_path) / "state.json").stat().st_mtime_ns == written


def test_a_run_at_a_constant_rate_can_be_made_longer(tmp_path):
    long = train(gpt(), batches(), settings(steps=9, decay="constant", save_every=None))
    train(gpt(), batches(), settings(steps=4, decay="constant"), run=tmp_path)
    more = train(gpt(), batches(), settings(steps=9, decay="constant", keep=5), run=tmp_path)
    assert more == long
    shorter = settings(steps=7, decay="constant")
    refusal(lambda: train(gpt(), batches(), shorter, run=tmp_path), "steps was 9 and is 7")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": settings(steps=12)}, "steps was 9 and is 12"),
        ({"config": settings(learning_rate=0.02)}, "learning_rate was 0.01 and is 0.02"),
        ({"config": settings(optimizer="muon")}, "optimizer was 'adamw' and is 'muon'"),
        ({"config": settings(seed=3)}, ": seed was 0 and is 3"),
        ({"config": settings(betas=(0.9, 0.99))}, "betas was [0.9, 0.95] and is [0.9, 0.99]"),
        ({"batches": batches(size=5)}, "batches.batch_size was 4 and is 5"),
        ({"batches": batches(seed=1)}, "batches.seed was 0 and is 1"),
        ({"model": gpt(d_model=10)}, "token_embedding.weight is (11, 8)"),
        ({"model": gpt().double()}, "torch.float64"),
        (
            {"model": gpt(n_layers=2)},
            "the checkpoint lacks blocks.1.attention.w_q.weight and 12 more",
        ),
        ({"model": gpt(positions="none")}, "the model lacks positions.table.weight."),
        ({"model": gpt(feed_forward="relu")}, "its feed_forward was 'gelu' and is 'relu' here"),
        ({"model": gpt(n_heads=4)}, "its n_heads was 2 and is 4 here"),
        ({"model": gpt(dropout=0.1)}, "its dropout was 0.3 and is 0.1 here"),
        ({"batches": batches(text=1)}, "batches.checksum was"),
    ],
)
def test_another_model_other_settings_or_other_data_are_refused(tmp_path, change, said):
    interrupt(tmp_path)
    call = {"model": gpt(), "batches": batches(), "config": settings()} | change
    before = [tensor.clone() for tensor in call["model"].state_dict().values()]
    refusal(lambda: train(**call, run=tmp_path), said, "step-000003")
    assert all(map(torch.equal, before, call["model"].state_dict().values()))


def test_a_checkpoint_that_no_run_wrote_is_not_gone_on_from(tmp_path):
    save(tmp_path, gpt(), [], 3, state={"step": 7, "note": "mine"})
    assert read_state(tmp_path)["step"] == 3 and read_state(tmp_path)["note"] == "mine"
    refusal(lambda: train(gpt(), batches(), settings(), run=tmp_path), "load(path, model)")


def test_a_parameter_that_was_frozen_meanwhile_is_noticed(tmp_path):
    interrupt(tmp_path)
    model = gpt()
    model.head.requires_grad_(False)

    def call():
        return train(model, batches(), settings(), run=tmp_path)

    refusal(call, "head.weight, which is frozen now", "requires_grad_()")


def test_to_be_read_only_a_model_may_differ_in_what_changes_no_logit_and_no_more(tmp_path):
    model = gpt(positions="rotary")
    save(tmp_path, model, [], 1)
    reader = gpt(seed=1, positions="rotary", dropout=0.0, context_length=9, initialization="gpt2")
    load(tmp_path, reader)
    assert same(reader, model)
    other = gpt(seed=1, positions="alibi")
    refusal(lambda: load(tmp_path, other), "its positions was 'rotary' and is 'alibi' here")


def test_a_run_may_have_a_name_that_begins_like_that_of_a_checkpoint(tmp_path):
    run = tmp_path / "step-by-step [é] 1"
    path = save(run, gpt(), [], 3)
    assert read_state(run)["step"] == read_state(path)["step"] == 3


def test_settings_that_no_update_depends_on_may_change(tmp_path):
    interrupt(tmp_path)
    config = settings(save_every=2, keep=7, evaluate_every=4)
    held_out = [batches()[0]]
    history = train(gpt(), batches(), config, run=tmp_path, held_out=held_out)
    assert history.losses == train(gpt(), batches(), settings(save_every=None)).losses
    assert len(checkpoints(tmp_path)) == 5 and len(history.evaluations) == 3


# --- what is in it -------------------------------------------------------------------------------


def test_a_checkpoint_is_plain_tensors_and_json_with_checksums(tmp_path):
    train(gpt(), batches(), settings(), run=tmp_path, extra={"tokenizer": {"kind": "test"}})
    last = latest(tmp_path)
    names = {"model.safetensors", "optimizer.safetensors", "random.safetensors", "state.json"}
    assert {path.name for path in last.iterdir()} == names | {"SHA256SUMS"}
    for file in last.glob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            assert list(tensors.keys())
    state = json.loads((last / "state.json").read_text())
    assert state["step"] == 9 and state["extra"] == {"tokenizer": {"kind": "test"}}
    assert state["settings"]["learning_rate"] == 0.01 and len(state["history"]["records"]) == 9
    assert state == read_state(tmp_path)
    for file in last.iterdir():
        start = file.read_bytes()[:9]
        assert not start.startswith((b"\x80", b"PK")), f"{file.name} looks like a pickle"
    check = ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"]
    subprocess.run(check, cwd=last, check=True, timeout=1800)


class Compiled(nn.Module):
    """A model in a wrapping like that of torch.compile."""

    def __init__(self, model):
        super().__init__()
        self._orig_mod = model


def test_tensors_are_stored_by_name_once_and_whatever_the_wrapping(tmp_path):
    model = gpt(tied=True)
    optimizers = build_optimizers(model, settings())
    model(*batches()[0]).loss.backward()
    optimizers[0].step()
    path = save(tmp_path, Compiled(model), optimizers, 1)
    with safe_open(path / "model.safetensors", "pt") as file:
        assert set(file.keys()) == {name for name, _ in model.named_parameters()}
    with safe_open(path / "optimizer.safetensors", "pt") as file:
        expected = {f"{name}.{key}" for name, _ in model.named_parameters()
                    for key in ("step", "exp_avg", "exp_avg_sq")}  # fmt: skip
        assert set(file.keys()) == expected
    copy = gpt(seed=5, tied=True)
    memory = build_optimizers(copy, settings())
    load(path, Compiled(copy), memory)
    assert same(copy, model) and copy.head.weight is copy.token_embedding.weight
    for mine, other in zip(model.parameters(), copy.parameters(), strict=True):
        mine, other = optimizers[0].state[mine], memory[0].state[other]
        assert mine.keys() == other.keys()
        assert all(torch.equal(mine[key], other[key]) for key in mine)


MODELS = [
    lambda: GPT(GPTConfig(**SIZES)),
    lambda: GPT(GPTConfig(**SIZES, positions="t5", tied=True)),
    lambda: GPT(GPTConfig(**SIZES)).double(),
    lambda: EncoderClassifier(ClassifierConfig(**SIZES, n_classes=3, pad_id=0)),
    lambda: MaskedLanguageModel(EncoderConfig(**SIZES)),
    lambda: EncoderDecoder(EncoderDecoderConfig(**SIZES, source_vocab_size=9)),
]


@pytest.mark.parametrize("build", MODELS)
def test_a_model_is_built_again_from_its_checkpoint(build, tmp_path):
    model = build()
    dtype = next(model.parameters()).dtype
    model = randomized(model).to(dtype)
    save(tmp_path, model, [], 4)
    state = torch.get_rng_state()
    for path in (tmp_path, latest(tmp_path)):
        again = load_model(path)
        assert type(again) is type(model) and again.config == model.config
        assert same(again, model) and not again.training
        assert next(again.parameters()).dtype == dtype
    assert torch.equal(torch.get_rng_state(), state)


def test_only_the_last_ones_stay_in_the_order_of_their_steps(tmp_path):
    for step in (1, 2, 10, 999_999, 1_000_000):
        save(tmp_path, gpt(), [], step, keep=3)
    names = ["step-000010", "step-999999", "step-1000000"]
    assert [path.name for path in checkpoints(tmp_path)] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert latest(tmp_path).name == "step-1000000" and read_state(tmp_path)["step"] == 1_000_000


# --- damage --------------------------------------------------------------------------------------


def test_any_flipped_bit_or_missing_byte_is_noticed(tmp_path):
    model = Bigram(3)
    dice = random.Random(0)
    save(tmp_path, model, [], 1)
    for file in sorted(save(tmp_path, model, [], 2).iterdir()):
        whole = file.read_bytes()
        for place in [0, len(whole) - 1, *dice.sample(range(len(whole)), 12)]:
            flip(file, place)
            refusal(lambda: read_state(tmp_path), "step-000002 is damaged", "Use step-000001")
            file.write_bytes(whole)
        for length in (0, 1, len(whole) - 1):
            file.write_bytes(whole[:length])
            refusal(lambda: read_state(tmp_path), "step-000002 is damaged", "Use step-000001")
        file.unlink()
        refusal(lambda: read_state(tmp_path), f"{file.name} is missing", "Use step-000001")
        file.write_bytes(whole)
    assert read_state(tmp_path)["step"] == 2


def test_training_refuses_a_damaged_checkpoint_and_goes_on_without_it(tmp_path):
    history = train(gpt(), batches(), settings(), run=tmp_path)
    flip(latest(tmp_path) / "optimizer.safetensors", -1)
    model = gpt(seed=3)
    before = [parameter.clone() for parameter in model.parameters()]

    def run():
        return train(model, batches(), settings(), run=tmp_path)

    refusal(run, "step-000009 is damaged: optimizer.safetensors", "Use step-000006")
    assert all(map(torch.equal, before, model.parameters()))
    latest(tmp_path).rename(tmp_path / "damaged")
    assert run() == history


@pytest.mark.parametrize("state", ['{"format": 9}', '{"version": 2}'])
def test_a_checkpoint_of_another_format_is_not_called_damaged_whatever_its_files(tmp_path, state):
    path = save(tmp_path, gpt(), [], 1)
    for file in path.glob("*.safetensors"):
        file.unlink()
    (path / "state.json").write_text(state)
    (path / folders.SUMS).write_text(folders._sums(path, ["state.json"]))
    refusal(lambda: load_model(tmp_path), "has format", "expected 1", "version of glassbox")


def test_where_no_checkpoint_is_whole_the_message_says_so(tmp_path):
    for step in (1, 2):
        (save(tmp_path, gpt(), [], step) / "state.json").write_text("{}")
    refusal(lambda: load(tmp_path, gpt()), "state.json", "No other one", "another folder")


# --- writing -------------------------------------------------------------------------------------


def test_what_a_killed_process_left_is_ignored_and_then_removed(tmp_path):
    save(tmp_path, gpt(), [], 1)
    for leftover in (".writing-step-000002", ".removing-step-000000"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "model.safetensors").write_bytes(b"half")
    assert latest(tmp_path).name == "step-000001" and read_state(tmp_path)["step"] == 1
    save(tmp_path, gpt(), [], 2)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-000001", "step-000002"]


def test_a_full_disk_leaves_nothing_half_written_and_the_last_checkpoint_whole(tmp_path):
    interrupt(tmp_path / "run")
    sound = {file.name: file.read_bytes() for file in latest(tmp_path / "run").iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    sizes = {name: len(content) for name, content in sound.items()}
    assert max(sizes, key=sizes.get) == "optimizer.safetensors"
    for limit in (100, sizes["model.safetensors"] - 10, sizes["optimizer.safetensors"] - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
        try:
            message = refusal(
                lambda: train(gpt(), batches(), settings(), run=tmp_path / "run"),
                "step-000006 could not be written", "Make room",
            )  # fmt: skip
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert "large" in message, "the system's own reason is missing"
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["step-000003"]
        left = {file.name: file.read_bytes() for file in latest(tmp_path / "run").iterdir()}
        assert left == sound
    history = train(gpt(), batches(), settings(), run=tmp_path / "run")
    assert history == train(gpt(), batches(), settings(save_every=None))


def test_a_checkpoint_gets_its_name_after_all_of_it_is_on_the_disk(tmp_path, monkeypatch):
    events = []
    flush = folders._flush
    rename = type(tmp_path).rename

    def note_flush(path):
        events.append(("flush", path.name))
        flush(path)

    def note_rename(self, target):
        events.append(("rename", target.name))
        return rename(self, target)

    monkeypatch.setattr(folders, "_flush", note_flush)
    monkeypatch.setattr(type(tmp_path), "rename", note_rename)
    folder = save(tmp_path, gpt(), [], 1)
    named = events.index(("rename", "step-000001"))
    flushed = [name for kind, name in events[:named] if kind == "flush"]
    assert set(flushed) == {path.name for path in folder.iterdir()} | {".writing-step-000001"}
    assert flushed[-1] == ".writing-step-000001" and flushed[-2] == "SHA256SUMS"
    assert events[named + 1 :] == [("flush", tmp_path.name)]


def test_saving_a_step_again_replaces_it(tmp_path):
    first, second = gpt(seed=1), gpt(seed=2)
    save(tmp_path, first, [], 5)
    save(tmp_path, second, [], 5)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000005"]
    assert same(load_model(tmp_path), second) and not same(first, second)


def test_an_old_checkpoint_is_removed_only_after_the_new_one_is_there(tmp_path, monkeypatch):
    save(tmp_path, gpt(), [], 1, keep=1)
    monkeypatch.setattr(folders, "_sums", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(tmp_path, gpt(), [], 2, keep=1)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]
    save(tmp_path, gpt(), [], 2, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000002"]


def test_steps_of_the_history_are_saved_as_they_were(tmp_path):
    history = train(gpt(), batches(), settings(), run=tmp_path)
    records = read_state(tmp_path)["history"]["records"]
    assert [tuple(record) for record in records] == [tuple(record) for record in history.records]
    assert all(b[0] == a[0] + 1 for a, b in pairwise(records))
