"""The training loop does what the same loop in plain PyTorch does, and nothing besides."""

import inspect
import io
import json
import sys
from math import inf

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, SequentialLR
from torch.utils.data import Dataset, TensorDataset
from twins import SMALL, some_tokens

from glassbox.classifier import ClassifierConfig, EncoderClassifier
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, Bigram, GPTConfig
from glassbox.training import (
    Batches,
    Diverged,
    History,
    TrainingConfig,
    build_optimizers,
    choose_precision,
    evaluate,
    learning_rate_share,
    train,
)


def gpt(seed: int = 0, **change) -> GPT:
    """A small GPT, the same one for a seed; PyTorch's generator stays where it is."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return GPT(GPTConfig(**SMALL | {"context_length": 6, "n_layers": 1} | change))


def dataset(items: int = 16, *, ignored: float = 0.0, seed: int = 0) -> TensorDataset:
    text = some_tokens(items, 7, seed=seed)
    targets = text[:, 1:].clone()
    drawn = torch.rand(targets.shape, generator=torch.Generator().manual_seed(seed))
    targets[:, 1:][drawn[:, 1:] < ignored] = -100
    return TensorDataset(text[:, :-1], targets)


def batches(size: int = 4, **change) -> Batches:
    return Batches(dataset(**change), size)


def settings(**change) -> TrainingConfig:
    return TrainingConfig(**{"steps": 6, "learning_rate": 0.01} | change)


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def same(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(left.parameters(), right.parameters(), strict=True)
    return all(torch.equal(mine, other) for mine, other in pairs)


# --- the loop ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decay", "clip", "smoothing"),
    [("cosine", None, 0.1), ("linear", 0.5, 0.0), ("constant", 0.5, 0.1)],
)
def test_the_loop_agrees_with_one_in_plain_pytorch(decay, clip, smoothing):
    config = settings(
        steps=8, decay=decay, clip=clip, label_smoothing=smoothing, warmup=3, weight_decay=0.3
    )
    ours, theirs, data = gpt().double(), gpt().double(), batches(ignored=0.3)
    history = train(ours, data, config)

    matrices = [p for p in theirs.parameters() if p.ndim > 1]
    vectors = [p for p in theirs.parameters() if p.ndim == 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95), weight_decay=0.3, fused=False)
    scheduler = LambdaLR(adamw, lambda step: learning_rate_share(step, config))
    losses, norms = [], []
    for step in range(8):
        tokens, targets = data[step]
        logits = theirs(tokens).logits
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=smoothing)
        adamw.zero_grad()
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(theirs.parameters(), clip or inf).item())
        adamw.step()
        scheduler.step()
        losses.append(loss.item())
    assert history.losses == pytest.approx(losses, abs=1e-10, rel=0)
    assert [r.gradient_norm for r in history.records] == pytest.approx(norms, rel=1e-8)
    assert clip is None or max(norms) > clip, "nothing was clipped"
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-9, rtol=0)


@pytest.mark.parametrize("parts", [2, 4, 8])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_batch_in_parts_has_the_gradient_of_the_whole_batch(parts, smoothing):
    data = batches(8, ignored=0.6)
    counted = (data[0][-1] != -100).sum(-1)
    assert len(set(counted.tolist())) > 2, "ignored targets are spread evenly, which proves little"
    gradients, losses = [], []
    for accumulate in (1, parts):
        model = gpt().double()
        config = settings(steps=1, accumulate=accumulate, clip=None, label_smoothing=smoothing)
        losses += train(model, data, config).losses
        gradients.append([p.grad for p in model.parameters()])
    assert losses[0] == pytest.approx(losses[1], abs=1e-12, rel=0)
    for whole, summed in zip(*gradients, strict=True):
        torch.testing.assert_close(summed, whole, atol=1e-12, rtol=0)


def test_a_part_in_which_no_target_counts_changes_nothing():
    tokens, targets = dataset(4).tensors
    targets[2:] = -100
    whole, cut = gpt().double(), gpt().double()
    data = Batches(TensorDataset(tokens, targets), 4, shuffle=False)
    first = train(whole, data, settings(steps=1)).records
    second = train(cut, data, settings(steps=1, accumulate=2)).records
    assert first[0].loss == pytest.approx(second[0].loss, abs=1e-12)
    assert first[0].targets == second[0].targets == 12


def test_one_batch_can_be_learned_by_heart():
    for optimizer in ("adamw", "muon"):
        config = settings(
            steps=40, learning_rate=0.03, matrix_rate=0.05, optimizer=optimizer, weight_decay=0.0
        )
        losses = train(gpt(), batches(2, items=2), config).losses
        assert losses[0] > 2 and losses[-1] < 0.3, optimizer


def test_every_kind_of_model_trains_on_tuples_of_its_inputs_and_targets():
    tokens, targets = dataset().tensors
    sizes = SMALL | {"context_length": 6, "n_layers": 1}
    labels = torch.arange(16) % 3
    cases = [
        (Bigram(11), (tokens, targets)),
        (EncoderClassifier(ClassifierConfig(**sizes, n_classes=3)), (tokens, labels)),
        (EncoderDecoder(EncoderDecoderConfig(**sizes)), (tokens.flip(1), tokens, targets)),
    ]
    for model, tensors in cases:
        losses = train(
            model, Batches(TensorDataset(*tensors), 16), settings(steps=10, learning_rate=0.03)
        ).losses
        assert losses[-1] < losses[0]


def test_a_run_is_decided_by_its_seed_and_leaves_the_generators_alone():
    def losses(seed, before):
        torch.manual_seed(before)
        np.random.seed(before)
        states = torch.get_rng_state(), np.random.get_state()[1].tolist()
        found = train(gpt(dropout=0.3), batches(), settings(seed=seed)).losses
        assert torch.equal(torch.get_rng_state(), states[0])
        assert np.random.get_state()[1].tolist() == states[1]
        return found

    assert losses(0, before=1) == losses(0, before=2) != losses(1, before=1)


def test_each_part_of_the_model_gets_back_its_mode_even_after_an_error():
    model = gpt(dropout=0.3).eval()
    model.blocks[0].train()
    modes = [module.training for module in model.modules()]
    seen = []
    handle = model.dropout.register_forward_hook(lambda module, *_: seen.append(module.training))
    train(model, batches(), settings(steps=1))
    assert seen == [True] and [module.training for module in model.modules()] == modes
    handle.remove()
    handle = model.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(model, batches(), settings())
    assert [module.training for module in model.modules()] == modes


def test_what_was_in_the_gradients_before_does_not_count():
    clean, dirty = gpt(), gpt()
    for parameter in dirty.parameters():
        parameter.grad = torch.ones_like(parameter)
    train(clean, batches(), settings(steps=1))
    train(dirty, batches(), settings(steps=1))
    assert same(clean, dirty)


def test_frozen_parameters_stay():
    model = gpt()
    model.token_embedding.requires_grad_(False)
    before = model.token_embedding.weight.clone()
    history = train(model, batches(), settings(steps=3))
    assert torch.equal(model.token_embedding.weight, before) and len(history.losses) == 3


@pytest.mark.parametrize("guilty", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_no_number_stops_before_the_update(guilty, tmp_path):
    model, data = gpt(), batches()
    calls = []

    def spoil(module, inputs, output):
        calls.append(1)
        if len(calls) == 4:
            if guilty == "loss":
                return output._replace(logits=output.logits * inf)
            output.logits.register_hook(lambda gradient: gradient * inf)
        return None

    model.register_forward_hook(spoil)
    with pytest.raises(Diverged) as raised:
        train(model, data, settings(save_every=2), run=tmp_path)
    sound = gpt()
    # Same settings, so the same rates; the fourth step is stopped by an error of ours.
    sound.register_forward_hook(lambda *_: None if len(sound_calls) < 3 else 1 / 0)
    sound_calls = []
    sound.register_forward_hook(lambda *_: sound_calls.append(1))
    with pytest.raises(ZeroDivisionError):
        train(sound, data, settings())
    assert same(model, sound)
    said = str(raised.value)
    assert "step 3" in said and "step-000002" in said and "learning_rate" in said
    assert [path.name for path in tmp_path.iterdir()] == ["step-000002"]


def test_the_loop_fits_on_a_screen():
    body = inspect.getsource(train).split('"""')[2].strip().splitlines()
    assert len(body) <= 40


# --- the learning rate ---------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "warmup"), [(10, 0), (10, 1), (50, 7), (5, 4)])
@pytest.mark.parametrize("decay", ["cosine", "linear"])
def test_the_schedule_is_that_of_pytorch(steps, warmup, decay):
    config = settings(steps=steps, warmup=warmup, decay=decay, final_share=0.2)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    rise = LinearLR(optimizer, 1 / (warmup + 1), total_iters=warmup)
    if decay == "cosine":
        fall = CosineAnnealingLR(optimizer, T_max=steps - warmup, eta_min=0.2)
    else:
        fall = LinearLR(optimizer, 1.0, end_factor=0.2, total_iters=steps - warmup)
    scheduler = SequentialLR(optimizer, [rise, fall], [warmup]) if warmup else fall
    for step in range(steps):
        share = learning_rate_share(step, config)
        assert share == pytest.approx(scheduler.get_last_lr()[0], abs=1e-12)
        assert 0 < share <= 1
        optimizer.step()
        scheduler.step()


def test_a_constant_rate_stays_after_its_warmup():
    config = settings(steps=9, warmup=4, decay="constant")
    shares = [learning_rate_share(step, config) for step in range(9)]
    assert shares == [0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1]


def test_every_step_uses_the_rate_of_its_place_times_each_groups_peak(monkeypatch):
    rates = []
    for optimizer in (torch.optim.AdamW, torch.optim.Muon):
        inner = optimizer.step

        def step(self, *given, inner=inner):
            rates.extend((type(self).__name__, group["lr"]) for group in self.param_groups)
            return inner(self, *given)

        monkeypatch.setattr(optimizer, "step", step)
    config = settings(steps=3, warmup=1, decay="linear", optimizer="muon", matrix_rate=0.05)
    history = train(gpt(), batches(), config)
    shares = [learning_rate_share(step, config) for step in range(3)]
    assert [record.rate_share for record in history.records] == shares
    expected = [("Muon", 0.05), ("AdamW", 0.01), ("AdamW", 0.01)]
    assert rates == [(name, share * peak) for share in shares for name, peak in expected]


# --- the optimizers ------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{}, {"tied": True}, {"positions": "deberta"}])
@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_every_parameter_is_in_one_group_and_only_matrices_decay(name, change):
    model = gpt(n_layers=2, **change)
    names = {id(p): name for name, p in model.named_parameters()}
    optimizers = build_optimizers(model, settings(optimizer=name, weight_decay=0.3))
    found = [
        (names[id(p)], type(optimizer).__name__, group["weight_decay"], p.ndim)
        for optimizer in optimizers
        for group in optimizer.param_groups
        for p in group["params"]
    ]
    assert sorted(item[0] for item in found) == sorted(names.values())
    for parameter, kind, decay, axes in found:
        assert decay == (0.3 if axes >= 2 else 0.0)
        linear = parameter.endswith(".weight") and axes == 2 and "table" not in parameter
        inside = "blocks." in parameter and linear
        assert kind == ("Muon" if name == "muon" and inside else "AdamW"), parameter


def test_muon_moves_a_matrix_as_pytorchs_does_and_adamw_the_rest():
    ours, theirs, data = gpt(), gpt(), batches()
    train(ours, data, settings(steps=1, optimizer="muon", clip=None, weight_decay=0.0))
    tokens, targets = data[0]
    theirs(tokens, targets).loss.backward()
    torch.optim.Muon([theirs.blocks[0].attention.w_q.weight], lr=0.02, weight_decay=0.0).step()
    torch.testing.assert_close(
        ours.blocks[0].attention.w_q.weight, theirs.blocks[0].attention.w_q.weight
    )
    head = theirs.head.weight
    torch.optim.AdamW([head], lr=0.01, weight_decay=0.0).step()
    torch.testing.assert_close(ours.head.weight, head)


# --- the batches ---------------------------------------------------------------------------------


class Numbered(Dataset):
    """Items that are their own number."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return self.items

    def __getitem__(self, index):
        assert 0 <= index < self.items
        return torch.tensor(index), torch.tensor(-index)


def numbers(batch):
    assert torch.equal(batch[0], -batch[1])
    return batch[0].tolist()


@pytest.mark.parametrize(("items", "size"), [(10, 3), (12, 4), (5, 5), (7, 1)])
def test_an_epoch_has_each_item_once_but_for_a_rest_too_small_for_a_batch(items, size):
    data = Batches(Numbered(items), size, seed=3)
    per_epoch = items // size
    assert data.steps_per_epoch == per_epoch
    orders = []
    for epoch in range(4):
        steps = range(epoch * per_epoch, (epoch + 1) * per_epoch)
        seen = [n for step in steps for n in numbers(data[step])]
        assert len(seen) == len(set(seen)) == per_epoch * size
        orders.append(tuple(seen))
    assert len(set(orders)) > 1, "each epoch has the same order"


def test_a_batch_depends_on_nothing_but_the_seed_and_the_step():
    steps = [5, 0, 11, 3, 3, 7, 0, 11, 40]
    mixed = Batches(Numbered(10), 3, seed=1)
    shuffled = [numbers(mixed[step]) for step in steps]
    list(mixed)
    for step, seen in zip(steps, shuffled, strict=True):
        assert numbers(Batches(Numbered(10), 3, seed=1)[step]) == seen == numbers(mixed[step])
    orders = {
        tuple(numbers(Batches(Numbered(50), 50, seed=seed)[step]))
        for seed in (0, 1, 2**20, 2**32, 2**40)
        for step in range(4)
    }
    assert len(orders) == 20, "two seeds or two epochs share an order"


def test_without_shuffling_the_order_is_that_of_the_dataset_and_nothing_is_left_out():
    data = Batches(Numbered(10), 4, shuffle=False)
    assert [numbers(batch) for batch in data] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [numbers(batch) for batch in data] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert numbers(data[3]) == [4, 5, 6, 7]
    small = Batches(Numbered(2), 4, shuffle=False)
    assert [numbers(batch) for batch in small] == [[0, 1]]
    shuffled = [n for batch in Batches(Numbered(10), 4) for n in numbers(batch)]
    assert sorted(shuffled) == list(range(10)) != shuffled


@pytest.mark.parametrize("world", [1, 2, 3, 6])
def test_the_shards_of_a_batch_are_the_batch(world):
    whole = Batches(Numbered(15), 6, seed=2)
    parts = [whole.shard(rank, world) for rank in range(world)]
    for step in (0, 1, 2, 7):
        rows = [numbers(part[step]) for part in parts]
        assert {len(row) for row in rows} == {6 // world}
        assert [n for row in zip(*rows, strict=True) for n in row] == numbers(whole[step])
    read = [n for part in parts for batch in part for n in numbers(batch)]
    assert sorted(read) == list(range(15))


def test_a_dataset_that_can_read_many_items_at_once_is_asked_to():
    class Quick(Numbered):
        def __getitems__(self, indices):
            asked.append(indices)
            return [Numbered.__getitem__(self, index) for index in indices]

        __getitem__ = None

    asked = []
    quick, slow = Batches(Quick(10), 3, seed=4), Batches(Numbered(10), 3, seed=4)
    assert numbers(quick[2]) == numbers(slow[2]) == asked[0]


# --- precision -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amx", "avx", "chosen", "word"),
    [(1, 0, True, "AMX"), (0, 1, True, "AVX-512"), (0, 0, False, "no fast product")],
)
def test_auto_takes_bfloat16_where_the_processor_multiplies_it(monkeypatch, amx, avx, chosen, word):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx, raising=False)
    precision = choose_precision("auto", torch.device("cpu"))
    assert precision.autocast is chosen and word in precision.sentence
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not choose_precision("auto", torch.device("cpu")).autocast


@pytest.mark.parametrize("accumulate", [1, 2])
def test_bfloat16_is_computed_in_training_and_evaluation_but_not_stored(accumulate):
    config = settings(precision="bfloat16", accumulate=accumulate, evaluate_every=2)
    plain, model, types = gpt(), gpt(), []
    reference = train(plain, batches(), settings(accumulate=accumulate))
    model.head.register_forward_hook(lambda module, inputs, out: types.append(out.dtype))
    history = train(model, batches(), config, held_out=[dataset()[:4]])
    assert set(types) == {torch.bfloat16} and len(types) == 6 * accumulate + 3
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert history.losses != reference.losses
    assert history.losses == pytest.approx(reference.losses, abs=0.05)
    assert "bfloat16" in history.precision and "No autocast" in reference.precision


# --- the history ---------------------------------------------------------------------------------


def test_the_history_tells_what_happened_at_each_step():
    model, data = gpt(), batches(ignored=0.4)
    held_out = [dataset(seed=1)[:8], dataset(seed=1)[8:]]
    history = train(model, data, settings(evaluate_every=4), held_out=held_out)
    assert [record.step for record in history.records] == list(range(6))
    assert history.records[0].loss == pytest.approx(gpt()(*data[0]).loss.item())
    targets = [int((data[step][1] != -100).sum()) for step in range(6)]
    assert [record.targets for record in history.records] == np.cumsum(targets).tolist()
    assert [step for step, _ in history.evaluations] == [4, 6]
    assert history.held_out_loss == evaluate(model, held_out)
    assert len(history.seconds) == 6 and min(history.seconds) > 0
    few = train(gpt(), data, settings(evaluate_batches=1), held_out=held_out)
    assert few.held_out_loss == evaluate(model, held_out[:1])


def test_a_history_survives_json_and_ignores_time_in_comparisons():
    history = train(gpt(), batches(), settings(), held_out=[dataset()[:4]])
    copy = History.from_dict(json.loads(json.dumps(history.to_dict())))
    assert copy == history and copy.seconds == history.seconds
    copy.seconds[0] += 1
    assert copy == history
    copy.records[2] = copy.records[2]._replace(loss=0.0)
    assert copy != history


def test_the_plot_shows_both_losses():
    from glassbox.figures import describe

    history = train(gpt(), batches(), settings(), held_out=[dataset()[:4]])
    said = describe(history.plot())
    assert "'training'" in said and "'held out'" in said
    assert f"{history.losses[0]:.2f}" in said and f"{history.losses[-1]:.2f}" in said
    assert "My finding" in describe(history.plot("My finding"))


def test_a_long_run_is_drawn_as_means():
    history = History("")
    for step in range(250):
        history.add(step, float(step), 1.0, 1.0, 1)
    line = history.plot().axes[0].lines[0]
    assert line.get_xdata().tolist() == line.get_ydata().tolist() == [*range(1, 249, 3), 249]


def test_nothing_is_written_unless_somebody_watches(capsys, monkeypatch):
    train(gpt(), batches(), settings())
    train(gpt(), batches(), settings(), progress=False)
    assert capsys.readouterr() == ("", "")
    train(gpt(), batches(), settings(), progress=True)
    printed = capsys.readouterr()
    assert not printed.out and "6/6" in printed.err and "loss 2." in printed.err
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    train(gpt(), batches(), settings())
    assert "6/6" in terminal.getvalue()
    terminal.truncate(0)
    train(gpt(), batches(), settings(), progress=False)
    assert not terminal.getvalue()
