"""`glassbox.check` on models that are not ours: mistakes are found, correct models pass."""

import gpt2_mistakes
import plain_gpt
import pytest
import torch

import glassbox
from glassbox.invariants import INVARIANTS

pytestmark = pytest.mark.usefixtures("as_a_reader_runs_it")
FUTURE = {"future_by_value", "future_by_gradient"}
FOUND_BY = {
    "no_mask": FUTURE,
    "mask_off_by_one": FUTURE,
    "mask_after_softmax": {"weight_rows", "attention_formula"} | FUTURE,
    "mask_swapped": FUTURE,
    "finite_mask": {"mask_holds"},
    "softmax_over_queries": {"weight_rows", "attention_formula"} | FUTURE,
    "unscaled": {"attention_formula"},
    "scaled_by_d_model": {"attention_formula"},
    "shared_projection": {"keys_differ"},
    "split_by_view": {"permutation"} | FUTURE,
    "merged_by_view": {"permutation"} | FUTURE,
    "no_positions": {"order"},
    "positions_from_batch": {"batch_rows"},
    "positions_missing_when_generating": {"cache"},
    "cache_ignores_offset": {"cache"},
    "cache_forgets_first": {"cache"},
    "labels_not_shifted": {"next_token_loss"},
    "labels_shifted_twice": {"next_token_loss"},
    "softmax_twice": {"next_token_loss", "overfits"},
    "padding_attended": {"padding"},
    "dropout_in_evaluation": {"modes"},
    "stuck_in_eval": {"modes"},
    "no_residual": {"residual"},
    "unbiased_variance": {"norms"},
    "eps_outside": {"norms"},
    "tied_head": {"first_loss"},
}
"""The invariants of which at least one has to notice each mistake."""
PLACES = ["no_positions", "positions_from_batch", "positions_missing_when_generating"]
PLACES += ["cache_ignores_offset", "padding_attended", "shared_projection"]
KINDS = [("explicit", "learned"), ("sdpa", "rotary"), ("torch", "learned")]
PLANTED = [(name, *kind) for kind in KINDS for name in plain_gpt.MISTAKES[kind[0]]]
PLANTED += [(name, "explicit", "rotary") for name in PLACES]
PLANTED += [(name, "sdpa", "learned") for name in PLACES]
ALL_KINDS = [*KINDS, ("explicit", "rotary"), ("sdpa", "learned")]


def functions(module, *, cached=True):
    """What a user has beside the model, as `check` wants it."""
    own = {"loss": module.loss, "evaluate": module.evaluate, "padded": module.padded_logits}
    return own | ({"cached": module.cached_logits} if cached else {})


def others(names):
    """The invariants that are left out, so that a test asks only these."""
    return sorted(set(INVARIANTS) - set(names))


def report_on_plain(mistake, attention, positions="learned", skip=("overfits",), **options):
    torch.manual_seed(0)
    model = plain_gpt.PlainGPT(mistake, attention, positions=positions, **options)
    # nn.TransformerEncoder has no cache of keys and values
    return glassbox.check(model, **functions(plain_gpt, cached=attention != "torch"), skip=skip)


def report_on_gpt2(mistake, attention="eager", dropout=0.0, skip=("overfits",)):
    torch.manual_seed(0)
    model = gpt2_mistakes.gpt2_with(mistake, attention, dropout)
    return glassbox.check(model, **functions(gpt2_mistakes), skip=skip)


def test_every_mistake_of_the_list_is_planted_in_both_models():
    planted = {name for names in plain_gpt.MISTAKES.values() for name in names}
    assert planted == set(FOUND_BY) == set(gpt2_mistakes.MISTAKES)


@pytest.mark.parametrize(("mistake", "attention", "positions"), PLANTED)
def test_a_mistake_in_a_plain_gpt_is_found(mistake, attention, positions):
    expected = FOUND_BY[mistake]
    if (mistake, positions) == ("positions_from_batch", "rotary"):
        # one angle for a whole text turns nothing against anything: the order is lost instead
        expected = {"order"}
    report = report_on_plain(mistake, attention, positions, skip=others(expected))
    assert expected & set(report.failed), f"{report.failed}\n{report}"


@pytest.mark.parametrize("mistake", gpt2_mistakes.MISTAKES)
def test_a_mistake_in_gpt2_is_found(mistake):
    report = report_on_gpt2(mistake, skip=others(FOUND_BY[mistake]))
    assert FOUND_BY[mistake] & set(report.failed), f"{report.failed}\n{report}"


@pytest.mark.parametrize(("attention", "positions"), ALL_KINDS)
@pytest.mark.parametrize("options", [{}, {"tied": True, "dropout": 0.1}], ids=["plain", "tied"])
def test_a_correct_plain_gpt_fails_nothing(attention, positions, options):
    report = report_on_plain(None, attention, positions, **options)
    assert not report.failed, f"{report.failed}\n{report}"
    skipped = {verdict.name for verdict in report.verdicts if verdict.passed is None}
    assert skipped <= {"overfits", "permutation" if positions == "rotary" else "cache"}


@pytest.mark.parametrize(("attention", "dropout"), [("eager", 0.0), ("sdpa", 0.1)])
def test_a_correct_gpt2_fails_nothing(attention, dropout):
    torch.manual_seed(0)
    model = gpt2_mistakes.gpt2_with(None, attention, dropout)
    report = glassbox.check(model)  # its signature says how it is used
    assert not report.failed, f"{report.failed}\n{report}"
    assert all(verdict.passed for verdict in report.verdicts), report


def test_a_check_leaves_the_model_as_it_was():
    torch.manual_seed(0)
    model = plain_gpt.PlainGPT(dropout=0.1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    glassbox.check(model, **functions(plain_gpt))
    assert model.training and model.blocks[0].training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
