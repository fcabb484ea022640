"""Plausible wrong answers to the exercises on models that train and are wrong."""

import torch
import torch.nn.functional as F


def reading(first, second=lambda t, r, p, u: u - p > 0.1, swapped=False):
    """An answer that asks these two questions, one after the other."""

    def answer(*numbers):
        asked = [(first, "reported"), (second, "use")]
        for question, said in asked[::-1] if swapped else asked:
            if question(*numbers):
                return said
        return "agree"

    return answer


def prefix_worse(t, r, p, u):
    return p - r > 0.1


def moved_pairs(model, tokens, others):
    """All pairs of a row and a token that it depends on."""
    before = model(tokens)
    for j in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[:, j] = others[:, j]
        rows = (model(changed) - before).abs().amax(dim=(0, 2)) > 1e-6
        yield from ((i, j) for i in rows.nonzero()[:, 0].tolist())


def reach(measure, keep=lambda i, j, seq: True):
    def answer(model, tokens, others):
        pairs = moved_pairs(model, tokens, others)
        return measure([j - i for i, j in pairs if keep(i, j, tokens.shape[1])])

    return answer


def longest(ahead):
    return max([0, *ahead])


def cached(judge, hand_on=True):
    def answer(model, step, tokens):
        rows, cache = [], None
        for token in tokens.split(1, dim=1):
            row, new = step(token, cache)
            cache = new if hand_on else None
            rows.append(row)
        return judge(torch.cat(rows, dim=1) - model(tokens))

    return answer


def nearest(shifts=(0, 1, 2), flip=False, given=True, said=lambda s: s):
    def answer(logits, tokens, loss):
        if flip:
            logits, tokens = logits.flip(1), tokens.flip(1)
        seq = tokens.shape[1]
        gaps = {
            s: F.cross_entropy(logits[:, : seq - s].flatten(0, 1), tokens[:, s:].flatten()).item()
            - (loss if given else 0)
            for s in shifts
        }
        return said(min(gaps, key=lambda s: abs(gaps[s])))

    return answer


def last_row_with_all(model, step, tokens):
    cache = None
    for token in tokens.split(1, dim=1):
        row, cache = step(token, cache)
    return (row - model(tokens)).abs().max()


def whole_prefix(model, step, tokens):
    cache, rows = None, []
    for t in range(tokens.shape[1]):
        row, cache = step(tokens[:, : t + 1], cache)
        rows.append(row[:, -1:])
    return (torch.cat(rows, dim=1) - model(tokens)).abs().max()


def piling_up(model, tokens, others):
    before, reach = model(tokens), 0
    for j in range(tokens.shape[1]):
        tokens[:, j] = others[:, j]
        moved = (model(tokens) - before).abs().amax(dim=(0, 2)) > 1e-6
        reach = max([reach, *(j - i for i in range(j) if moved[i])])
    return reach


def pruned(reverse):
    def answer(fails):
        kept = sorted(set().union(*fails.values()), reverse=reverse)
        for probe in list(kept):
            rest = [other for other in kept if other != probe]
            if all(seen & set(rest) for seen in fails.values()):
                kept = rest
        return kept

    return answer


def rolled(logits, tokens, loss):
    def gap(s):
        return abs(
            F.cross_entropy(logits.flatten(0, 1), tokens.roll(-s, 1).flatten()).item() - loss
        )

    return min(range(3), key=gap)


def greedy(fails):
    left, chosen = dict(fails), []
    while left:
        probes = sorted(set().union(*left.values()))
        best = max(probes, key=lambda probe: sum(probe in seen for seen in left.values()))
        chosen.append(best)
        left = {name: seen for name, seen in left.items() if best not in seen}
    return chosen


WRONG_ANSWERS = {
    "read-four-numbers": [
        (reading(lambda t, r, p, u: r - t > 0.1 or p - r > 0.1), "leave it out"),
        (reading(prefix_worse, lambda t, r, p, u: u - r > 0.1), "Compare it with the loss given"),
        (reading(prefix_worse, swapped=True), "comes first"),
        (
            reading(lambda t, r, p, u: abs(p - r) > 0.1, lambda t, r, p, u: abs(u - p) > 0.1),
            "no absolute values",
        ),
        (reading(lambda t, r, p, u: p > r, lambda t, r, p, u: u > p), "any difference"),
        (reading(lambda t, r, p, u: r < 1 or p - r > 0.1), "How low a loss may be"),
        (reading(lambda t, r, p, u: p - t > 0.1), "plays no part"),
        (reading(lambda t, r, p, u: p / r > 1.1, lambda t, r, p, u: u / p > 1.1), "not a share"),
        (lambda t, r, p, u: u - r > 0.1, "expected 'agree', 'reported' or 'use'"),
    ],
    "future-reach": [
        (reach(lambda ahead: longest(ahead) + 1), "own token is counted"),
        (reach(lambda ahead: sum(a > 0 for a in ahead)), "number of pairs"),
        (reach(lambda ahead: max(map(abs, ahead))), "looking back"),
        (reach(longest, lambda i, j, seq: j == i + 1), "Try every later one"),
        (reach(longest, lambda i, j, seq: i == 0), "only the first row"),
        (reach(longest, lambda i, j, seq: j == seq - 1), "only the last token"),
        (piling_up, "pile up"),
        (reach(lambda ahead: longest(ahead) > 0), "expected a number of places"),
    ],
    "same-with-cache": [
        (cached(lambda gap: gap.abs().max(), hand_on=False), "begins anew"),
        (cached(lambda gap: gap[:, -1].abs().max()), "only the last token"),
        (cached(lambda gap: gap[0].abs().max()), "only the first text"),
        (cached(lambda gap: gap.max()), "absolute value"),
        (cached(lambda gap: gap.abs().mean()), "the mean hides"),
        (cached(lambda gap: gap.abs().sum()), "summed"),
        (last_row_with_all, "one row is compared with all"),
        (whole_prefix, "step was handed ids of shape"),
        (cached(lambda gap: torch.tensor(0.0)), "largest gap"),
    ],
    "label-shift": [
        (nearest(given=False), "smallest loss"),
        (nearest(flip=True), "wrong way"),
        (rolled, "brings the first tokens to the end"),
        (
            lambda logits, tokens, loss: nearest()(logits.softmax(dim=-1), tokens, loss),
            "takes a softmax itself",
        ),
        (lambda logits, tokens, loss: 1, "does not depend on the loss"),
        (nearest(said=lambda s: (s - 1) % 3), "0 means the token itself"),
        (nearest(said=lambda s: 2 - s), "exchanged"),
        (nearest(said=lambda s: s - 1), "expected 0, 1 or 2"),
    ],
    "fewest-probes": [
        (pruned(reverse=False), "another list is shorter"),
        (pruned(reverse=True), "another list is shorter"),
        (greedy, "need not be among the fewest"),
        (lambda fails: set().union(*fails.values()), "which can be left out"),
        (lambda fails: list(fails), "is no probe"),
        (lambda fails: [], "caught by none"),
        (lambda fails: [min(seen) for seen in fails.values()], "named twice"),
        (lambda fails: min(min(seen) for seen in fails.values()), "expected a list"),
    ],
}
