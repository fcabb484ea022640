"""Plausible wrong answers to the exercises on training and inference."""

import torch
import torch.nn.functional as F
from torch import Tensor


def prefixes(compare, row: int = -1, shift: int = 0):
    """The losses by prefixes, with another row, other targets, or another last step."""

    def answer(model, text: Tensor) -> Tensor:
        losses = []
        for t in range(1, text.shape[1]):
            logits = model(text[:, :t]).logits[:, row]
            losses.append(F.cross_entropy(logits, text[:, t + shift], reduction="none"))
        return compare(torch.stack(losses, dim=1))

    return answer


def at_once(model, text: Tensor) -> Tensor:
    logits = model(text[:, :-1]).logits.transpose(1, 2)
    return F.cross_entropy(logits, text[:, 1:], reduction="none")


def whole_rows(model, text: Tensor) -> Tensor:
    losses = [
        F.cross_entropy(model(text[:, :t]).logits, text[:, t], reduction="none")
        for t in range(1, text.shape[1])
    ]
    return torch.stack(losses, dim=1)


def one_token(model, text: Tensor) -> Tensor:
    losses = [
        F.cross_entropy(model(text[:, t - 1 : t]).logits[:, 0], text[:, t], reduction="none")
        for t in range(1, text.shape[1])
    ]
    return torch.stack(losses, dim=1)


def pulled(pull, average=lambda total, targets: total / (targets != -100).sum()):
    """A gradient from softmax, one-hot and what counts, divided in some way."""

    def answer(logits: Tensor, targets: Tensor) -> Tensor:
        counted = (targets != -100)[..., None]
        one_hot = F.one_hot(targets.clamp(min=0), logits.shape[-1])
        return average(pull(logits, one_hot, counted), targets)

    return answer


def cut(count, fill: int | None = None):
    """Inputs, and targets that count where a function of them, '=' and padding says."""

    def answer(rows: Tensor, equals_id: int, pad_id: int) -> tuple[Tensor, Tensor]:
        inputs, targets = rows[:, :-1], rows[:, 1:]
        behind = (inputs == equals_id).cumsum(dim=1) > 0
        counted = count(inputs, targets, behind, equals_id, pad_id)
        return inputs, torch.where(counted, targets, -100 if fill is None else pad_id)

    return answer


def copied(rows: Tensor, equals_id: int, pad_id: int) -> tuple[Tensor, Tensor]:
    inputs, targets = rows[:, :-1], rows[:, 1:]
    counted = ((inputs == equals_id).cumsum(dim=1) > 0) & (targets != pad_id)
    return inputs, torch.where(counted, inputs, -100)


def uncut(rows: Tensor, equals_id: int, pad_id: int) -> tuple[Tensor, Tensor]:
    return rows, rows.roll(-1, 1)


def scored(score):
    """A share from what is right and what counts."""
    return lambda predicted, targets: score(predicted == targets, targets != -100)


def last_only(predicted: Tensor, targets: Tensor) -> Tensor:
    last = (targets != -100).int().cumsum(dim=1).argmax(dim=1, keepdim=True)
    return (predicted == targets).gather(1, last).float().mean()


def measured(combine, *, off=True, graph=False, restore=True, back=None, chosen=slice(None)):
    """An estimate from the sums and the numbers of targets of each batch, with slips."""

    def answer(model, batches) -> float:
        modes = [(module, module.training) for module in model.modules()]
        if off:
            model.eval()
        sums, counts, rows, sizes = [], [], [], []
        with torch.set_grad_enabled(graph):
            for inputs, targets in batches[chosen]:
                logits = model(inputs).logits.flatten(0, 1)
                sums.append(F.cross_entropy(logits, targets.flatten(), reduction="sum").item())
                counts.append(int((targets != -100).sum()))
                rows.append(len(targets))
                sizes.append(targets.numel())
        if restore:
            for module, mode in modes:
                module.training = mode
        if back is not None:
            model.train(back(modes[0][1]))
        return combine(*map(torch.tensor, (sums, counts, rows, sizes))).item()

    return answer


def per_target(sums, counts, rows, sizes):
    return sums.sum() / counts.sum()


WRONG_ANSWERS = {
    "prefix-losses": [
        (at_once, "run the model on each prefix"),
        (prefixes(lambda losses: losses, shift=-1), "Compare with the token behind it"),
        (prefixes(lambda losses: losses, row=0), "use the last row"),
        (one_token, "one token before it alone"),
        (prefixes(lambda losses: -losses), "The loss has the other sign"),
        (prefixes(lambda losses: (-losses).exp()), "minus their logarithm"),
        (prefixes(lambda losses: losses.mean()), "Return the loss of each next token"),
        (prefixes(lambda losses: losses.mean(dim=0)), "the texts are averaged"),
        (prefixes(lambda losses: losses.mean(dim=1)), "the places are averaged"),
        (prefixes(lambda losses: losses.T), "stack with dim=1"),
        (whole_rows, "its last row, [:, -1]"),
        (prefixes(lambda losses: losses.tolist()), "expected a torch.Tensor, got list"),
    ],
    "logit-gradient": [
        (pulled(lambda z, y, c: (y - z.softmax(-1)) * c), "softmax minus one-hot"),
        (
            pulled(lambda z, y, c: (z.softmax(-1) - y) * c, lambda total, targets: total),
            "gradient of the sum",
        ),
        (
            pulled(
                lambda z, y, c: (z.softmax(-1) - y) * c,
                lambda total, targets: total / targets.numel(),
            ),
            "divided by the number of all targets",
        ),
        (pulled(lambda z, y, c: z.softmax(-1) - y), "rows whose target is -100 do not count"),
        (pulled(lambda z, y, c: z.softmax(-1) - y * c), "the softmax is left in them"),
        (pulled(lambda z, y, c: z.softmax(-1) * c), "the one-hot of the target is missing"),
        (pulled(lambda z, y, c: (z - y) * c), "the softmax is missing"),
        (pulled(lambda z, y, c: (z.softmax(1) - y) * c), "Each row is one: dim=-1"),
        (
            pulled(lambda z, y, c: (z.softmax(-1) - y) * c / z.shape[-1]),
            "divided by the number of classes as well",
        ),
        (
            lambda logits, targets: logits.softmax(-1) - F.one_hot(targets, logits.shape[-1]),
            "-100 is no class",
        ),
        (pulled(lambda z, y, c: None, lambda total, targets: None), "lacks a `return`"),
    ],
    "answer-targets": [
        (copied, "the targets are the inputs"),
        (cut(lambda x, y, behind, eq, pad: behind), "the padding counts as well"),
        (cut(lambda x, y, behind, eq, pad: y != pad), "the question counts as well"),
        (cut(lambda x, y, behind, eq, pad: torch.ones_like(behind)), "everything counts"),
        (
            cut(lambda x, y, behind, eq, pad: (behind | (y == eq)) & (y != pad)),
            "the sign '=' itself is a target",
        ),
        (
            cut(lambda x, y, behind, eq, pad: behind & (x != eq) & (y != pad)),
            "the first token of the answer does not count",
        ),
        (cut(lambda x, y, behind, eq, pad: ~(behind & (y != pad))), "turned round"),
        (cut(lambda x, y, behind, eq, pad: behind & (y != pad), fill=1), "must be -100"),
        (
            cut(lambda x, y, behind, eq, pad: behind[:1] & (y != pad)),
            "the first row decides for all",
        ),
        (uncut, "the last token is still in the inputs"),
        (
            lambda rows, equals_id, pad_id: (rows[:, 1:], rows[:, :-1]),
            "the tokens one place later. They are the targets",
        ),
        (lambda rows, equals_id, pad_id: rows[:, 1:], "expected two tensors"),
    ],
    "exact-match": [
        (scored(lambda right, c: right.all(1).float().mean()), "are taken as wrong"),
        (scored(lambda right, c: right[c].float().mean()), "share of right tokens"),
        (scored(lambda right, c: (right | ~c).float().mean()), "share of places"),
        (scored(lambda right, c: right.float().mean()), "share of right places"),
        (scored(lambda right, c: (right | ~c).all().float()), "whether all rows are right"),
        (scored(lambda right, c: (right & c).any(1).float().mean()), "one right token is enough"),
        (scored(lambda right, c: (right | ~c).all(1).sum()), "number of right rows"),
        (scored(lambda right, c: 1 - (right | ~c).all(1).float().mean()), "share of wrong rows"),
        (last_only, "only the last token that counts"),
        (scored(lambda right, c: (right | ~c).all(1)), "Take the share"),
        (scored(lambda right, c: (right | ~c).all(1).mean()), "turn booleans into them"),
    ],
    "honest-estimate": [
        (measured(lambda s, c, r, n: (s / c).mean()), "the mean of the batch means"),
        (measured(lambda s, c, r, n: s.sum() / n.sum()), "number of all targets"),
        (measured(lambda s, c, r, n: s.sum()), "this is the sum"),
        (measured(per_target, chosen=slice(-1, None)), "only the last batch"),
        (measured(per_target, chosen=slice(0, 1)), "only the first batch"),
        (measured(lambda s, c, r, n: (r * s / c).sum() / r.sum()), "Count its targets"),
        (measured(per_target, off=False), "dropout was active"),
        (measured(per_target, graph=True), "a graph was built"),
        (measured(per_target, restore=False), "left in another mode"),
        (measured(per_target, back=lambda mode: True), "some parts may be in eval mode"),
        (measured(per_target, back=lambda mode: mode), "set each back"),
    ],
}
