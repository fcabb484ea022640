"""Planted mistakes: each changes what it says, nothing else, and leaves no trace when mended."""

import ast
from copy import deepcopy
from dataclasses import replace
from importlib.resources import files

import pytest
import torch
from torch.testing import assert_close

from glassbox import mistakes
from glassbox.attention import MultiHeadAttention
from glassbox.classifier import ClassifierConfig, EncoderClassifier
from glassbox.cli import main
from glassbox.corpora import grammar
from glassbox.encoder import Encoder, EncoderConfig, MaskedLanguageModel
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.generation import generate
from glassbox.gpt import GPT, Bigram, GPTConfig
from glassbox.inspection import record_attention
from glassbox.losses import cross_entropy
from glassbox.mistakes import (
    MISTAKES,
    InSteps,
    Trial,
    measured,
    mend,
    plant,
    planted,
    planted_in,
    source,
    trial,
)
from glassbox.mistakes.measures import loss_in_use, prefix_loss, reported_loss
from glassbox.mistakes.stored import read_trials, write_trials
from glassbox.norms import LayerNorm

pytestmark = pytest.mark.usefixtures("as_a_reader_runs_it")  # far quicker

SIZES = {"vocab_size": 11, "context_length": 8, "d_model": 16, "n_heads": 4, "n_layers": 2}
CONFIG = GPTConfig(**SIZES, dropout=0.1)
ENCODER = EncoderConfig(**SIZES, pad_id=0)
each_mistake = pytest.mark.parametrize("name", MISTAKES)

EVERYWHERE = {"logits", "loss", "padded", "cached", "trained"}
CHANGES = {
    "finite_mask": {"padded"},
    "positions_missing_when_generating": {"cached"},
    "cache_ignores_offset": {"cached"},
    "cache_forgets_first": {"cached"},
    "labels_not_shifted": {"loss"},
    "labels_shifted_twice": {"loss"},
    "softmax_twice": {"loss"},
    "padding_attended": {"padded"},
    "stuck_in_eval": {"trained"},
}


def gpt(**changes) -> GPT:
    torch.manual_seed(0)
    return GPT(replace(CONFIG, **changes)).double().eval()


def ids(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(1, 11, shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def behavior(model: GPT) -> dict[str, torch.Tensor]:
    """Return all that one can see of a GPT, with the same random numbers each time."""
    torch.manual_seed(2)
    tokens, targets = ids(3, 6), ids(3, 6, seed=3)
    model = deepcopy(model).train().eval()
    logits, loss = model(tokens, targets)
    real = torch.tensor([[1] * 6, [0] * 2 + [1] * 4, [0] * 5 + [1]]).bool()
    caches = model.new_caches(batch=3)
    pieces = [model(part, caches=caches).logits for part in tokens.split([3, 1, 1, 1], dim=1)]
    torch.manual_seed(4)
    return {
        "logits": logits,
        "loss": loss,
        "padded": model(tokens, mask=real[:, None, None, :]).logits,
        "cached": torch.cat(pieces, dim=1),
        "trained": model.train()(tokens).logits,
    }


def differing(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in one if not torch.equal(one[name], other[name])}


def far(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    """Return what differs by more than two ways of adding the same numbers do."""
    close = {"rtol": 1e-9, "atol": 1e-9, "equal_nan": True}
    return {name for name in one if not torch.allclose(one[name], other[name], **close)}


@each_mistake
def test_a_mistake_shows_where_it_should_and_nowhere_else(name):
    model = gpt()
    right = behavior(model)
    wrong = behavior(plant(model, name))
    assert far(right, wrong) == CHANGES.get(name, EVERYWHERE)
    assert all(value.isfinite().all() for value in wrong.values())


@each_mistake
def test_a_mended_model_is_bit_for_bit_what_it_was(name):
    model = gpt()
    right, classes = behavior(model), [type(part) for part in model.modules()]
    parameters = dict(model.named_parameters())
    with planted(model, name) as same:
        assert same is model and planted_in(model) == name
        assert differing(right, behavior(model))
    assert not differing(right, behavior(model))
    assert [type(part) for part in model.modules()] == classes
    assert all(value is parameters[key] for key, value in model.named_parameters())
    assert planted_in(model) is None


@each_mistake
def test_no_parameter_is_renamed_or_changed(name):
    model = gpt()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    after = plant(model, name).state_dict()
    assert list(after) == list(before)
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == ({"head.weight"} if name == "tied_head" else set())
    assert repr(model) == repr(gpt())


@each_mistake
def test_a_copy_stays_planted_and_is_mended_alone(name):
    model = gpt()
    right = behavior(model)
    wrong = behavior(plant(model, name))
    copy = deepcopy(model)
    assert planted_in(copy) == name and not differing(wrong, behavior(copy))
    assert not differing(right, behavior(mend(copy)))
    assert not differing(wrong, behavior(model))
    own = {id(parameter) for parameter in mend(model).parameters()}
    assert not own & {id(parameter) for parameter in copy.parameters()}


@each_mistake
def test_gradients_are_finite_and_a_step_can_be_taken(name):
    model = plant(gpt(), name).train()
    model(ids(3, 6), ids(3, 6, seed=3)).loss.backward()
    gradients = {key: p.grad for key, p in model.named_parameters() if p.grad is not None}
    assert all(gradient.isfinite().all() for gradient in gradients.values())
    silent = {key for key, _ in model.named_parameters()} - set(gradients)
    unused = {"shared_projection": {"w_k"}, "no_positions": {"table"}}
    assert {key.split(".")[-2] for key in silent} == unused.get(name, set())


@each_mistake
def test_every_mistake_generates(name):
    longer = generate(plant(gpt(), name), ids(2, 3), 9)
    assert longer.shape == (2, 12)


@each_mistake
def test_what_is_told_of_a_mistake_is_complete(name):
    mistake = MISTAKES[name]
    assert mistake.name == name and mistake.caught_by and mistake.patches
    for sentence in (mistake.says, mistake.shows):
        assert sentence.endswith(".") and sentence[0].isupper() and ". " not in sentence
    assert not mistake.seen_in or "https://" in mistake.seen_in


@each_mistake
def test_the_source_of_a_mistake_is_a_few_lines_that_parse(name):
    text = source(name)
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert [c.name for c in classes] == [wrong.__name__ for _, wrong in MISTAKES[name].patches]
    for each in classes:
        assert ast.get_docstring(each)
        assert each.end_lineno - each.lineno < 18


def test_the_groups_stand_together():
    groups = [mistake.group for mistake in MISTAKES.values()]
    assert list(dict.fromkeys(groups)) == sorted(set(groups), key=groups.index)
    assert groups == sorted(groups, key=groups.index)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("changes", [{}, {"n_kv_heads": 2}, {"positions": "deberta"}])
def test_attention_in_steps_is_attention(changes, masked):
    model = gpt(**changes)
    mask = torch.rand(3, 4, 6, 6, generator=torch.Generator().manual_seed(0)) < 0.5
    mask = mask if masked else None
    right = model(ids(3, 6), mask=mask).logits
    for block in model.blocks:
        block.attention.__class__ = type("Slow", (InSteps, MultiHeadAttention), {})
    assert_close(model(ids(3, 6), mask=mask).logits, right)


def weights(name: str) -> torch.Tensor:
    model = plant(gpt(), name)
    with record_attention(model) as seen:
        model(ids(3, 6))
    return seen["blocks.0.attention"]


def test_the_wrong_weights_are_seen():
    future = torch.ones(6, 6).triu(diagonal=1).bool()
    right = weights("labels_not_shifted")
    assert (right[..., future] == 0).all()
    assert (weights("no_mask")[..., future] > 0).all()
    assert (weights("mask_off_by_one")[..., torch.ones(6, 6).triu(diagonal=2).bool()] == 0).all()
    assert (weights("mask_off_by_one")[..., future] > 0).any()
    assert (weights("mask_swapped")[..., ~future] == 0).all()
    assert (weights("mask_swapped")[..., -1, :] == 0).all()
    after = weights("mask_after_softmax")
    assert (after[..., future] == 0).all() and (after.sum(dim=-1)[..., :-1] < 1).all()
    assert_close(after / after.sum(dim=-1, keepdim=True), right)
    columns = weights("softmax_over_queries").sum(dim=-2)
    assert_close(columns, torch.ones_like(columns))
    for name, factor in {"unscaled": 2.0, "scaled_by_d_model": 0.5}.items():
        ratio = weights(name).log() - factor * right.log()
        assert_close(ratio[..., -1, :], ratio[..., -1, :1].expand(-1, -1, 6))  # one constant a row


def test_a_finite_mask_lets_through_what_is_lower_still():
    model, tokens = gpt(), ids(3, 6)
    changed = tokens.clone()
    changed[:, -1] = 11 - tokens[:, -1]
    with torch.no_grad():
        for block in model.blocks:
            block.attention.w_q.weight *= 1e6  # scores on both sides of -10,000
    early = model(tokens).logits[:, :-1]
    assert torch.equal(model(changed).logits[:, :-1], early)
    plant(model, "finite_mask")
    assert not torch.allclose(model(tokens).logits[:, :-1], early)
    assert not torch.allclose(model(changed).logits[:, :-1], model(tokens).logits[:, :-1])


def test_a_view_mixes_tokens_that_a_transpose_keeps_apart():
    layer = MultiHeadAttention(d_model=4, n_heads=2)
    x = torch.arange(12.0).view(1, 3, 4)
    with planted(layer, "split_by_view"):
        assert layer._split(x, 2)[0, 0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert layer._split(x, 2)[0, 0].tolist() == [[0, 1], [4, 5], [8, 9]]
    heads = layer._split(x, 2)
    with planted(layer, "merged_by_view"):
        assert not torch.equal(layer._merge(heads), x)
    assert torch.equal(layer._merge(heads), x)


def test_the_wrong_losses_are_what_they_say():
    model, tokens, targets = gpt(), ids(3, 6), ids(3, 6, seed=3)
    logits = model(tokens).logits
    expected = {
        "labels_not_shifted": cross_entropy(logits, tokens),
        "labels_shifted_twice": cross_entropy(logits[:, :-1], targets[:, 1:]),
        "softmax_twice": cross_entropy(logits.softmax(dim=-1), targets),
    }
    for name, loss in expected.items():
        with planted(model, name):
            output = model(tokens, targets)
            assert model(tokens).loss is None
        assert_close(output.loss, loss)
        assert torch.equal(output.logits, logits)


@pytest.mark.parametrize(
    ("name", "positions"),
    [
        *[("no_positions", scheme) for scheme in ("sinusoidal", "rotary", "alibi", "deberta")],
        *[("positions_missing_when_generating", scheme) for scheme in ("sinusoidal", "rotary")],
        *[("cache_ignores_offset", scheme) for scheme in ("sinusoidal", "rotary")],
    ],
)
def test_mistakes_with_positions_know_several_schemes(name, positions):
    model = gpt(positions=positions)
    right = behavior(model)
    wrong = behavior(plant(model, name))
    assert far(right, wrong) == ({"cached"} if "no_" not in name else EVERYWHERE)
    assert not differing(right, behavior(mend(model)))


def test_positions_of_a_padded_batch_are_forgotten_after_the_prompt():
    model, places = gpt(), torch.tensor([[2], [3]])
    for name, stands in {"cache_ignores_offset": torch.tensor([0]), "unscaled": places}.items():
        x = plant(model, name).embed(ids(2, 1), places, start=5)
        assert_close(x, model.positions(model.token_embedding(ids(2, 1)), stands))
        mend(model)


def test_stuck_in_eval_begins_with_the_first_evaluation():
    model = plant(gpt().train(), "stuck_in_eval")
    assert model.train().training
    assert not model.eval().train().training
    assert not any(part.training for part in model.modules())
    assert mend(model).train().training


def test_a_table_that_is_tied_by_mistake_is_the_head():
    model = plant(gpt(), "tied_head")
    own = sum(p.numel() for p in gpt().parameters())
    assert model.head.weight is model.token_embedding.weight
    assert sum(p.numel() for p in model.parameters()) == own - 11 * 16
    assert mend(model.float()).head.weight.dtype == torch.float32


ENCODERS = {
    Encoder: lambda: Encoder(ENCODER),
    EncoderClassifier: lambda: EncoderClassifier(ClassifierConfig(**SIZES, pad_id=0, n_classes=3)),
    MaskedLanguageModel: lambda: MaskedLanguageModel(ENCODER),
}


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize(
    "name",
    [
        *("softmax_over_queries", "unscaled", "scaled_by_d_model", "shared_projection"),
        *("split_by_view", "merged_by_view", "no_positions", "positions_from_batch"),
        *("padding_attended", "no_residual", "unbiased_variance", "eps_outside"),
    ],
)
def test_encoders_can_be_wrong_as_well(kind, name):
    torch.manual_seed(0)
    model, tokens = ENCODERS[kind]().double().eval(), torch.tensor([[3, 1, 4, 5], [9, 2, 0, 0]])

    def answer():
        output = model(tokens)
        return output if isinstance(output, torch.Tensor) else output.logits

    right = answer()
    with planted(model, name):
        assert not torch.allclose(answer(), right, rtol=1e-9, atol=1e-9)
    assert torch.equal(answer(), right)


@pytest.mark.parametrize("name", ["no_mask", "cache_ignores_offset", "padding_attended"])
def test_an_encoder_decoder_is_planted_where_it_fits(name):
    torch.manual_seed(0)
    config = EncoderDecoderConfig(**SIZES, pad_id=0)
    model = EncoderDecoder(config).eval()
    source, target = torch.tensor([[3, 1, 4], [9, 2, 0]]), ids(2, 5)

    def answer():
        memory = model.encoder(source)
        mask, caches = model.encoder.padding_mask(source), model.decoder.new_caches(2)
        model.decoder(target[:, :2], memory, memory_mask=mask, caches=caches)
        later = model.decoder(target[:, 2:], memory, memory_mask=mask, caches=caches)
        return torch.cat([model(source, target).logits, later], dim=1)

    right = answer()
    with planted(model, name):
        assert not torch.allclose(answer(), right)
    assert torch.equal(answer(), right)


@pytest.mark.parametrize(
    ("name", "model", "fix"),
    [
        ("stuck_in_eval", lambda: gpt(dropout=0.0), "dropout=0.1"),
        ("dropout_in_evaluation", lambda: gpt(dropout=0.0), "dropout=0.1"),
        ("positions_from_batch", lambda: gpt(positions="rotary"), "positions='learned'"),
        ("no_positions", lambda: gpt(positions="none"), "positions='learned'"),
        ("cache_ignores_offset", lambda: gpt(positions="alibi"), "positions='learned'"),
        ("cache_ignores_offset", lambda: Encoder(ENCODER), "causal=True"),
        ("no_mask", lambda: gpt(attention="head_list"), "attention='multi_head'"),
        ("no_mask", lambda: gpt(causal=False), "causal=True"),
        ("finite_mask", lambda: Encoder(ENCODER), "causal=True"),
        ("split_by_view", lambda: gpt(n_heads=1), "n_heads=2"),
        ("shared_projection", lambda: gpt(n_kv_heads=2), "n_kv_heads"),
        ("padding_attended", lambda: Encoder(replace(ENCODER, pad_id=None)), "pad_id"),
        ("labels_not_shifted", lambda: MaskedLanguageModel(ENCODER), "GPT(config)"),
        ("softmax_twice", lambda: Encoder(ENCODER), "MaskedLanguageModel"),
        ("no_residual", lambda: Bigram(5), "Block"),
        ("eps_outside", lambda: gpt(norm="rms"), "norm='layer'"),
        ("tied_head", lambda: gpt(tied=True, initialization="gpt2"), "tied=False"),
        ("tied_head", lambda: gpt(initialization="gpt2"), "initialization='pytorch'"),
    ],
)
def test_where_a_mistake_cannot_show_it_is_refused(name, model, fix):
    model = model()
    with pytest.raises(ValueError, match="cannot show") as caught:
        plant(model, name)
    assert fix in str(caught.value) and type(model).__name__ in str(caught.value)
    assert planted_in(model) is None


def test_an_unknown_name_and_a_second_mistake_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'no_mask'"):
        plant(gpt(), "nomask")
    model = plant(gpt(), "no_mask")
    with pytest.raises(ValueError, match=r"'no_mask' already.*mistakes\.mend"):
        plant(model, "unscaled")
    assert planted_in(model) == "no_mask"


def test_what_is_no_model_is_refused(as_a_reader_runs_it):
    for function in (mend, planted_in):
        with pytest.raises(TypeError, match="model is"):
            function([1, 2])
    with pytest.raises(TypeError, match="model is"):
        plant("gpt2", "no_mask")


def test_an_error_inside_mends_the_model():
    norm = LayerNorm(4)
    with pytest.raises(KeyError), planted(norm, "eps_outside"):
        raise KeyError
    assert type(norm) is LayerNorm


def test_mistakes_can_be_planted_in_a_single_layer():
    layer, x = MultiHeadAttention(8, n_heads=2, causal=True), torch.randn(1, 4, 8)
    right = layer(x)
    with mistakes.planted(layer, "no_mask"):
        assert not torch.allclose(layer(x)[:, 0], right[:, 0])


INPUTS = torch.randint(11, (6, 8), generator=torch.Generator().manual_seed(5))
TARGETS = torch.randint(11, (6, 8), generator=torch.Generator().manual_seed(6))
THREE = (reported_loss, prefix_loss, loss_in_use)


def three_losses(model: GPT) -> list[float]:
    return [measure(model, INPUTS, TARGETS) for measure in THREE]


@pytest.mark.parametrize("positions", ["learned", "rotary", "alibi"])
def test_the_three_losses_of_a_correct_model_agree(positions):
    model = gpt(positions=positions)
    right = cross_entropy(model(INPUTS).logits, TARGETS).item()
    assert three_losses(model) == pytest.approx([right] * 3, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        *[(name, {0}) for name in ("labels_shifted_twice", "softmax_twice", "labels_not_shifted")],
        *[(name, {2}) for name in ("cache_ignores_offset", "cache_forgets_first")],
        ("positions_from_batch", {2}),
        *[(name, {2}) for name in ("positions_missing_when_generating", "padding_attended")],
        *[(name, set()) for name in ("unscaled", "scaled_by_d_model", "unbiased_variance")],
        *[(name, set()) for name in ("shared_projection", "no_residual", "no_positions")],
        *[(name, {0, 1, 2}) for name in ("no_mask", "mask_off_by_one", "split_by_view")],
        *[(name, {0, 1, 2}) for name in ("softmax_over_queries", "merged_by_view")],
    ],
)
def test_a_mistake_sets_the_losses_apart_that_it_concerns(name, apart):
    losses = three_losses(plant(gpt(), name))
    if apart == {0, 1, 2}:
        assert len({round(loss, 6) for loss in losses}) == 3
        return
    rest = [loss for place, loss in enumerate(losses) if place not in apart]
    assert rest == pytest.approx([rest[0]] * len(rest), abs=1e-12)
    assert all(abs(losses[place] - rest[0]) > 1e-6 for place in apart)


CORPUS = grammar(n_tokens=3_200, context_length=16)
SHORT = {"corpus": CORPUS, "steps": 20, "windows": 2, "sample": 2, "dtype": torch.float64}


def test_a_trial_depends_on_its_seed_alone_and_leaves_no_trace():
    before = torch.get_rng_state()
    first, again, other = (trial("no_mask", seed, **SHORT, floor=1.0) for seed in (0, 0, 1))
    assert first == again and first.reported != other.reported
    assert torch.equal(torch.get_rng_state(), before)
    assert len(first.train) == 20 and first.train[0] == first.first
    assert first.floor == 1.0 and first.dropout == 0.0
    assert first.gap == first.in_use - first.reported


def test_a_trial_of_the_correct_model_has_no_gap():
    result = trial(None, 0, **SHORT)
    assert result.reported == pytest.approx(result.prefix_only, abs=1e-12)
    assert result.gap == pytest.approx(0, abs=1e-12)
    assert result.train[-1] < result.first


def test_mistakes_about_dropout_are_tried_with_dropout():
    stuck, right = trial("stuck_in_eval", 0, **SHORT), trial(None, 0, **SHORT)
    assert (stuck.dropout, right.dropout) == (0.1, 0.0)
    assert stuck.train == right.train  # it is evaluated before the first step
    noisy = trial("dropout_in_evaluation", 0, **SHORT)
    assert noisy.dropout == 0.1 and noisy.train != right.train
    assert abs(noisy.reported - noisy.prefix_only) > 1e-6


def test_too_few_steps_are_refused():
    with pytest.raises(ValueError, match="steps is 19; expected 20"):
        trial(None, 0, **SHORT | {"steps": 19})


def stub(name, seed, **settings) -> Trial:
    losses = {"reported": 1.0, "prefix_only": 2.0, "in_use": 2.5}
    return Trial(name=name, seed=seed, dropout=settings["dropout"], train=(3.0, 1.5), **losses)


def test_trials_are_stored_as_they_were(tmp_path):
    path, settings = tmp_path / "measured.json", {"steps": 20}
    trials = [stub("no_mask", 0, dropout=0.0), stub(None, 1, dropout=0.1)]
    write_trials(path, settings, trials)
    assert read_trials(path, settings) == trials
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="Name another file"):
        read_trials(path, {"steps": 21})
    assert read_trials(tmp_path / "none.json", settings) == []


def test_the_command_measures_what_is_missing(tmp_path, monkeypatch, capsys):
    path, calls = tmp_path / "new" / "measured.json", []

    def counted(name, seed, **settings):
        calls.append((name, seed, settings["dropout"]))
        return stub(name, seed, **settings)

    monkeypatch.setattr("glassbox.cli.mistakes.trial", counted)
    words = ["mistakes", "--steps", "20", "--out", str(path), "--only", "no_mask", "stuck_in_eval"]
    assert main([*words, "--seeds", "1"]) == 0
    first = [(None, 0, 0.0), (None, 0, 0.1), ("no_mask", 0, 0.0), ("stuck_in_eval", 0, 0.1)]
    assert calls == first
    assert main([*words, "--seeds", "2"]) == 0
    assert calls[4:] == [(name, 1, dropout) for name, _, dropout in first]
    assert "8 trainings, 4 of them new" in capsys.readouterr().out
    assert main([*words, "--seeds", "0"]) == 1


def test_the_stored_trials_are_complete():
    trials = measured()
    seeds = {trial.seed for trial in trials}
    cases = {(trial.name, trial.dropout) for trial in trials}
    assert {name for name, _ in cases} == {None, *MISTAKES}
    assert len(trials) == len(seeds) * len(cases) and (None, 0.1) in cases
    assert all(len(trial.train) == 20 and trial.reported > 0 for trial in trials)
    path = files("glassbox.mistakes").joinpath("measured.json")
    assert len(path.read_bytes()) < 80_000
