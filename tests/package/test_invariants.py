"""The probes: silent on every correct model, and each notices what it is there for."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from twins import SMALL

import glassbox
from glassbox import mistakes
from glassbox.classifier import ClassifierConfig, EncoderClassifier
from glassbox.encoder import Encoder, EncoderConfig, MaskedLanguageModel
from glassbox.encoder_decoder import EncoderDecoder, EncoderDecoderConfig
from glassbox.gpt import GPT, Bigram, GPTConfig, preset
from glassbox.invariants import INVARIANTS, Subject, check, influence
from glassbox.positions import POSITIONS
from glassbox.recurrent import RecurrentClassifier, RecurrentConfig, RecurrentSeq2Seq

pytestmark = pytest.mark.usefixtures("as_a_reader_runs_it")  # far quicker
TINY = SMALL | {"d_model": 16, "n_heads": 4}
VARIANTS = {
    "rms, swiglu": {"norm": "rms", "feed_forward": "swiglu", "bias": False},
    "post-norm": {"residual": "post"},
    "grouped heads, normed": {"n_kv_heads": 2, "qk_norm": True, "positions": "rotary"},
    "list of heads": {"attention": "head_list", "head_bias": True},
    "tied like GPT-2": {"tied": True, "initialization": "gpt2", "qkv_bias": True},
    "fan-in": {"initialization": "fan_in"},
    "dropout": {"dropout": 0.2},
    "list of heads, dropout": {"attention": "head_list", "dropout": 0.2},
    "one block, one head": {"n_layers": 1, "n_heads": 1},
    "eight blocks": {"n_layers": 8},
}


def gpt(seed=0, **changes):
    torch.manual_seed(seed)
    return GPT(GPTConfig(**TINY | changes))


def silent(model, **options):
    """The report on a correct model; without the probe that trains, unless it is asked for."""
    report = check(model, **{"skip": ["overfits"]} | options)
    assert not report.failed, f"\n{report}"
    return report


def skipped(report):
    return {verdict.name for verdict in report.verdicts if verdict.passed is None}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("positions", POSITIONS)
def test_no_probe_fails_on_a_correct_gpt_whatever_its_positions(positions, seed):
    report = silent(gpt(seed, positions=positions), seed=seed)
    expected = {"order", "overfits"} if positions == "none" else {"overfits"}
    assert skipped(report) == expected, f"\n{report}"


@pytest.mark.parametrize("positions", ["none", "learned", "alibi"])
def test_a_correct_gpt_learns_a_batch_by_heart(positions):
    assert "overfits" not in skipped(silent(gpt(positions=positions), skip=()))


@pytest.mark.parametrize("name", VARIANTS)
def test_no_probe_fails_on_a_correct_gpt_whatever_its_parts(name):
    expected = {"cache", "overfits"} if "list" in name else {"overfits"}
    assert skipped(silent(gpt(**VARIANTS[name]))) == expected


@pytest.mark.parametrize("positions", POSITIONS)
def test_no_probe_fails_on_a_correct_encoder_whatever_its_positions(positions):
    torch.manual_seed(0)
    silent(MaskedLanguageModel(EncoderConfig(**TINY, positions=positions, pad_id=0)))


@pytest.mark.parametrize("pad_id", [None, 0, 1])
def test_no_probe_fails_on_correct_encoders(pad_id):
    torch.manual_seed(0)
    options = TINY | {"pad_id": pad_id}
    for model in (
        MaskedLanguageModel(EncoderConfig(**options)),
        EncoderClassifier(ClassifierConfig(**options, n_classes=3)),
        Encoder(EncoderConfig(**options, residual="pre")),
    ):
        report = silent(model)
        assert report["future_by_value"].passed is None
        assert report["attention_formula"].passed and report["batch_rows"].passed
        assert report["padding"].passed is (None if pad_id is None else True)


def test_no_probe_fails_on_a_correct_encoder_decoder():
    torch.manual_seed(0)
    report = silent(EncoderDecoder(EncoderDecoderConfig(**TINY)))
    assert report["future_by_value"].passed and report["residual"].passed


@pytest.mark.parametrize("attention", ["none", "additive", "dot"])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_no_probe_fails_on_correct_recurrent_models(cell, attention):
    torch.manual_seed(0)
    sizes = {"vocab_size": 11, "d_embedding": 8, "d_hidden": 8, "pad_id": 0}
    config = RecurrentConfig(**sizes, cell=cell, attention=attention, bidirectional=True)
    report = silent(RecurrentSeq2Seq(config))
    assert report["future_by_value"].passed and report["attention_formula"].passed is None
    config = RecurrentConfig(**sizes, cell=cell)
    assert silent(RecurrentClassifier(config, n_classes=3))["padding"].passed


def test_what_cannot_be_heard_is_skipped_and_said():
    report = silent(Bigram(11))
    assert report["attention_formula"].passed is None and report["future_by_value"].passed
    assert "no attention was heard" in str(report)


def test_a_trained_model_is_not_asked_for_its_first_loss():
    model = gpt()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(100):
        tokens = torch.arange(12).repeat(4, 1) % 11
        model(tokens[:, :-1], tokens[:, 1:]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert silent(model, trained=True)["first_loss"].passed is None


def test_nothing_happens_to_the_model_or_to_random_numbers():
    model = gpt(dropout=0.1, initialization="fan_in").train()
    model.blocks[0].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    check(model)  # the probe that trains as well
    assert all(torch.equal(before[name], x) for name, x in model.state_dict().items())
    assert modes == [module.training for module in model.modules()]
    assert torch.equal(state, torch.get_rng_state())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_raise_no_alarm(dtype):
    silent(gpt().to(dtype))


def test_the_answer_does_not_depend_on_the_mode_of_the_model():
    model, skip = gpt(dropout=0.2), ["overfits"]
    assert check(model.eval(), skip=skip) == check(model.train(), skip=skip)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_every_mistake_is_caught_by_the_probes_that_it_names(name, seed):
    needs_dropout = name in ("dropout_in_evaluation", "stuck_in_eval")
    model = mistakes.plant(gpt(seed, dropout=0.1 if needs_dropout else 0.0), name)
    asked = Subject(model, seed=seed)
    for probe in mistakes.MISTAKES[name].caught_by:
        verdict = INVARIANTS[probe](asked)
        assert verdict.passed is False, str(verdict)
        assert verdict.culprit and verdict.number is not None


CULPRITS = {
    "no_mask": ("future_by_gradient", "every token sees all others"),
    "mask_off_by_one": ("future_by_gradient", "exactly 2 too many"),
    "mask_swapped": ("future_by_gradient", "meaning of True"),
    "mask_after_softmax": ("weight_rows", "after the softmax"),
    "softmax_over_queries": ("weight_rows", "axis of the softmax"),
    "unscaled": ("attention_formula", "it is missing"),
    "scaled_by_d_model": ("attention_formula", "for the width 16 of the model"),
    "split_by_view": ("permutation", "cut and joined"),
    "cache_forgets_first": ("cache", "first position is missing"),
    "cache_ignores_offset": ("cache", "go on counting"),
    "padding_attended": ("padding", "real tokens attend to padding"),
    "labels_not_shifted": ("next_token_loss", "with its own token"),
    "labels_shifted_twice": ("next_token_loss", "shifted twice"),
    "softmax_twice": ("next_token_loss", "takes one itself"),
    "unbiased_variance": ("norms", "D − 1"),
    "eps_outside": ("norms", "outside the root"),
    "dropout_in_evaluation": ("modes", "dropout that stays on"),
}


@pytest.mark.parametrize("name", CULPRITS)
def test_the_culprit_is_named(name):
    probe, said = CULPRITS[name]
    dropout = 0.1 if name == "dropout_in_evaluation" else 0.0
    verdict = INVARIANTS[probe](mistakes.plant(gpt(dropout=dropout), name))
    assert said in verdict.culprit, str(verdict)


def test_influence_shows_who_sees_whom():
    seen = influence(gpt())
    assert seen.shape == (10, 10) and not seen.triu(1).any() and bool((seen.diagonal() > 0).all())
    assert influence(mistakes.plant(gpt(), "no_mask")).triu(1).any()


class Wrong(nn.Module):
    """Maps ids to something else than logits."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, tokens):
        return self.answer(tokens)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (lambda tokens: tokens, TypeError, "expected logits"),
        (lambda tokens: "text", TypeError, "expected logits"),
        (lambda tokens: tokens @ torch.ones(3), ValueError, "failed on token ids"),
    ],
)
def test_what_is_no_model_of_tokens_is_refused(answer, error, said):
    with pytest.raises(error, match=said):
        check(Wrong(answer))


def test_a_probe_on_which_the_model_fails_is_reported_and_the_others_still_run():
    model = gpt()

    def broken(model, tokens, prompt):
        raise RuntimeError("sizes do not match")

    report = check(model, cached=broken, skip=["overfits"])
    assert report["cache"].passed is None and "sizes do not match" in str(report)
    assert report["norms"].passed


def test_a_scale_is_found_wherever_it_stands_in_the_code():
    class Early(nn.Module):
        """Scales the queries before the product, as OPT does; `factor` makes it wrong."""

        def __init__(self, factor=1.0):
            super().__init__()
            self.embed, self.factor = nn.Embedding(11, 16), factor
            self.q, self.k, self.head = (nn.Linear(16, 16) for _ in range(3))

        def forward(self, tokens):
            x = self.embed(tokens) + torch.arange(tokens.shape[1])[:, None] / 10
            q = self.q(x) * (self.factor * torch.tensor(16.0) ** -0.5)
            scores = q[:, None] @ self.k(x)[:, None].mT
            hidden = torch.ones(scores.shape[-2:]).triu(1).bool()
            weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
            return self.head(x + (weights @ x[:, None])[:, 0])

    torch.manual_seed(0)
    silent(Early())
    assert check(Early(2.0))["attention_formula"].number == pytest.approx(2.0)


def test_scores_that_are_changed_in_place_are_heard_as_well():
    class InPlace(nn.Module):
        """Scales and masks the product where it lies."""

        def __init__(self, blocked):
            super().__init__()
            self.embed, self.places = nn.Embedding(11, 16), nn.Embedding(10, 16)
            self.q, self.k, self.head = (nn.Linear(16, 16) for _ in range(3))
            self.blocked = blocked

        def forward(self, tokens):
            x = self.embed(tokens) + self.places(torch.arange(tokens.shape[1]))
            scores = torch.bmm(self.q(x), self.k(x).mT)
            scores.div_(4.0)
            scores.masked_fill_(torch.ones_like(scores[0]).triu(1).bool(), self.blocked)
            return self.head(x + torch.bmm(scores.softmax(-1), x))

    torch.manual_seed(0)
    report = silent(InPlace(-torch.inf))
    assert report["attention_formula"].passed and report["permutation"].passed
    assert check(InPlace(-10_000.0), skip=["overfits"]).failed == ["mask_holds"]


def test_import_of_the_package_stays_quick_and_check_is_there():
    code = "import sys, glassbox; assert 'torch' not in sys.modules; print(glassbox.check.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=1800
    )
    assert done.stdout.strip() == "check", done.stderr
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        print(glassbox.chekc)


def test_presets_pass():
    silent(GPT(preset("character")))
    silent(GPT(replace(preset("adder"), positions="sinusoidal")))


def test_an_unknown_invariant_is_refused():
    with pytest.raises(ValueError, match=r"overfit.*overfits"):
        check(gpt(), skip=["overfit"])


def test_a_model_that_returns_no_numbers_fails():
    model = gpt()
    model.head.weight.data[3] = torch.nan
    failed = check(model, skip=["overfits"]).failed
    assert {"future_by_value", "batch_rows", "cache", "modes"} <= set(failed)


def test_weights_that_are_no_numbers_in_one_block_do_not_hide_behind_the_others():
    model = gpt()
    model.blocks[1].attention.w_k.weight.data[3] = torch.nan  # the first block is right
    assert INVARIANTS["weight_rows"](model).passed is False


@pytest.mark.parametrize("name", ["unscaled", "mask_off_by_one", "softmax_over_queries", "no_mask"])
def test_a_mistake_that_mixes_no_places_keeps_the_permutation(name):
    assert INVARIANTS["permutation"](mistakes.plant(gpt(), name)).passed


def test_the_first_loss_is_that_of_the_model_as_it_was_built():
    number = INVARIANTS["first_loss"](gpt(initialization="fan_in")).number
    assert number == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("context_length", [2, 3, 4])
def test_a_very_short_context_is_enough(context_length):
    silent(gpt(context_length=context_length))


def test_a_model_that_takes_one_length_of_text_is_asked_for_that():
    class Mixer(nn.Module):
        """Mixes the five places of a text, each with those before it."""

        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(11, 8), nn.Linear(8, 11)
            self.mix = nn.Parameter(torch.randn(5, 5))

        def forward(self, tokens):
            return self.head(self.mix.tril() @ self.embed(tokens))

    with pytest.raises(ValueError, match="seq=8"):
        check(Mixer())
    assert silent(Mixer(), seq=5)["future_by_value"].passed


def test_a_report_shows_the_same_in_a_terminal_and_in_a_notebook():
    report = check(mistakes.plant(gpt(), "unscaled"), skip=["overfits"])
    text, html = str(report), report._repr_html_()
    for word in (*INVARIANTS, "15 invariants hold, 1 fail, 1 skipped", "T5 and GPT-Neo"):
        assert word in text and word in html
    assert repr(report) == text
