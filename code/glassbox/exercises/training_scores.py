"""Checks of the exercises on targets and scores in the chapter on training and inference."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassbox.exercises.engine import Wrong, blame, compare, exercise, unlike
from glassbox.exercises.training_and_inference import (
    draw_ids,
    ignore_some,
    loss_of_each,
)
from glassbox.losses import IGNORED, Output


def _problem(batch: int, digits: int, seed: int) -> tuple[Tensor, int, int]:
    """Return rows with questions and answers of several lengths, and the ids of '=' and padding."""
    equals, pad = [(13, 16), (11, 0), (12, 20)][seed % 3]
    generator = torch.Generator().manual_seed(seed)
    rows = torch.full((batch, 2 * digits + 4), pad)
    for i in range(batch):
        question, written = 1 + (i + seed) % (digits + 1), 1 + i % digits
        end = question + 1 + written
        rows[i, :end] = torch.randint(1, 10, (end,), generator=generator)
        rows[i, question] = equals
    return rows, equals, pad


@exercise("answer-targets")
def answer_targets(answer: Callable[[Tensor, int, int], tuple[Tensor, Tensor]]) -> None:
    """`answer(rows, equals_id, pad_id)` cuts inputs and targets; only the answer counts."""
    for seed, (batch, digits) in enumerate([(3, 2), (1, 3), (6, 1), (4, 4), (5, 3), (8, 2)]):
        rows, equals, pad = _problem(batch, digits, seed)
        inputs, follow = rows[:, :-1], rows[:, 1:]
        behind = (inputs == equals).cumsum(dim=1) > 0
        real = follow != pad
        want = follow.masked_fill(~(behind & real), IGNORED)
        seen = behind & (inputs != equals)
        causes = {
            "the targets are the inputs. They are the tokens one place later.": inputs.masked_fill(
                ~(behind & real), IGNORED
            ),
            "the padding counts as well.": follow.masked_fill(~behind, IGNORED),
            "the question counts as well.": follow.masked_fill(~real, IGNORED),
            "everything counts.": follow,
            "the sign '=' itself is a target. Nobody can predict it; the answer begins after "
            "it.": follow.masked_fill(~((behind | (follow == equals)) & real), IGNORED),
            "the first token of the answer does not count. Its place is that where the input is "
            "'='.": follow.masked_fill(~(seen & real), IGNORED),
            "the answer is ignored and the question counts: turned round.": follow.masked_fill(
                behind & real, IGNORED
            ),
            "what does not count must be -100, which the loss ignores, not the padding.": (
                want.masked_fill(want == IGNORED, pad)
            ),
            "the first row decides for all. Each question has a length of its own.": (
                follow.masked_fill(~(behind[:1] & real), IGNORED)
            ),
        }
        with blame(f"rows {tuple(rows.shape)}: inputs and targets have shape (B, L - 1)."):
            got = answer(rows.clone(), equals, pad)
        if got is None:
            raise Wrong("nothing came back. The function probably lacks a `return`.")
        if not isinstance(got, tuple | list) or len(got) != 2:
            raise Wrong("expected two tensors, inputs and targets.")
        whole = {
            "the last token is still in the inputs; nothing comes after it.": rows,
            "these are the tokens one place later. They are the targets.": follow,
        }
        compare(got[0], inputs, f"the inputs of rows {tuple(rows.shape)}", whole)
        compare(got[1], want, f"the targets of rows {tuple(rows.shape)}", unlike(want, causes))


@exercise("exact-match")
def exact_match(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(predicted, targets)` is the share of rows in which all that counts is right."""
    for seed, (batch, seq) in enumerate([(11, 5), (16, 3), (12, 4), (9, 9), (20, 6)]):
        targets = ignore_some(draw_ids(batch, seq, classes=9, seed=seed), seed)
        predicted = targets.clamp(min=0)  # right at first, and 0 where none counts
        generator = torch.Generator().manual_seed(seed + 50)
        slip = torch.rand(batch, seq, generator=generator) < 0.3
        slip[0], slip[1] = False, True
        predicted = torch.where(slip, (predicted + 1) % 9, predicted)
        right, counted = predicted == targets, targets != IGNORED
        last = counted.int().cumsum(dim=1).argmax(dim=1, keepdim=True)
        want = (right | ~counted).all(dim=1).double().mean()
        causes = {
            "places that do not count are taken as wrong.": right.all(dim=1).double().mean(),
            "this is the share of right tokens. A row is right only if all its tokens are.": right[
                counted
            ]
            .double()
            .mean(),
            "this is the share of places, those that do not count among them.": (
                (right | ~counted).double().mean()
            ),
            "this is the share of right places, and those that do not count are taken as wrong.": (
                right.double().mean()
            ),
            "this asks whether all rows are right. Look along each row: dim=1.": (
                (right | ~counted).all().double()
            ),
            "one right token is enough here. All that count must be right.": (
                (right & counted).any(dim=1).double().mean()
            ),
            "this is the number of right rows. Divide by the number of rows.": want * batch,
            "this is the share of wrong rows.": 1 - want,
            "only the last token that counts is compared.": (right.gather(1, last).double().mean()),
            "this says of each row whether it is right. Take the share.": (
                (right | ~counted).all(dim=1).double()
            ),
        }
        with blame("a mean is taken of numbers: turn booleans into them with .float()."):
            got = answer(predicted.clone(), targets.clone())
        got = torch.tensor(got) if isinstance(got, float | int) else got
        compare(got, want, f"the share of {batch} rows", unlike(want, causes))


class _Probe(nn.Module):
    """A small model that notes in which mode and with which graph it is run."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.table = nn.Embedding(classes, 6)
        self.norm, self.drop = nn.BatchNorm1d(6), nn.Dropout(0.5)
        self.head = nn.Linear(6, classes)
        self.modes: list[str] = []

    def forward(self, tokens: Tensor) -> Output:
        """Return the logits."""
        parts = [self.norm.training, self.drop.training]
        self.modes.append("train" if any(parts) else "eval")
        self.modes.append("graph" if torch.is_grad_enabled() else "no graph")
        x = self.table(tokens)
        x = self.drop(self.norm(x.flatten(0, 1)).view_as(x))
        return Output(4 * self.head(x), None)


@exercise("honest-estimate")
def honest_estimate(answer: Callable[[nn.Module, list[tuple[Tensor, Tensor]]], float]) -> None:
    """`answer(model, batches)` is the mean loss over all targets, and leaves the model alone."""
    for seed, frozen in enumerate(["none", "norm", "all", "none"]):
        torch.manual_seed(seed)
        model, batches = _Probe(7 + seed), []
        for i, batch in enumerate([4, 2, 6][: 2 + seed % 2]):
            text = draw_ids(batch, 6, classes=7 + seed, seed=10 * seed + i)
            batches.append((text[:, :-1], text[:, 1:].clone()))
            batches[-1][1][1:, : i + 2] = IGNORED
        model.train(frozen != "all")
        if frozen == "norm":
            model.norm.eval()
        _judge_estimate(answer, model, batches)


def _judge_estimate(
    answer: Callable[..., float], model: _Probe, batches: list[tuple[Tensor, Tensor]]
) -> None:
    """Run one estimate, and look at what it gave and what it left behind."""
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    got = answer(model, [(x.clone(), y.clone()) for x, y in batches])
    if got is None:
        raise Wrong("nothing came back. The function probably lacks a `return`.")
    if "train" in model.modes:
        raise Wrong("the model ran in train mode, so dropout was active. Call model.eval() first.")
    if "graph" in model.modes:
        raise Wrong("a graph was built. Run the model under torch.no_grad(); eval() builds one.")
    changed = [name for name, value in model.state_dict().items() if (value != state[name]).any()]
    if changed:
        raise Wrong(f"the estimate changed {changed[0]}. It may only look.")
    if [module.training for module in model.modules()] != modes:
        raise Wrong(
            "the model is left in another mode. Note module.training of each of model.modules() "
            "before, and set each back: some parts may be in eval mode, others not."
        )
    model.eval()
    with torch.no_grad():
        losses = [loss_of_each(model(x).logits, y) for x, y in batches]
    counts = torch.tensor([int((y != IGNORED).sum()) for _, y in batches])
    sums = torch.stack([each.sum() for each in losses])
    want = sums.sum() / counts.sum()
    causes = {
        "this is the mean of the batch means. Batches hold unequally many targets: add up the "
        "losses, and divide once.": (sums / counts).mean(),
        "it is divided by the number of all targets. Those of -100 do not count.": sums.sum()
        / sum(y.numel() for _, y in batches),
        "this is the sum. Divide by the number of targets that count.": sums.sum(),
        "only the last batch is measured.": sums[-1] / counts[-1],
        "only the first batch is measured.": sums[0] / counts[0],
        "each batch weighs as much as it has rows. Count its targets.": (
            sum(len(y) * s / n for (_, y), s, n in zip(batches, sums, counts, strict=True))
            / sum(len(y) for _, y in batches)
        ),
    }
    got = torch.tensor(got) if isinstance(got, float | int) else got
    compare(got, want, f"the loss over {len(batches)} batches", unlike(want, causes))
