"""Plausible wrong answers to the exercises on generating."""

import torch
import torch.nn.functional as F
from torch import Tensor


def greedy(
    crop=lambda text, context: text[-context:],
    pick=lambda logits: logits[0, -1].argmax(),
    ends=lambda token, stop: token == stop,
    give=lambda text, prompt, context: text,
    append_stop=True,
    extra=0,
):
    """A loop that is right but for the parts that are given."""

    def answer(model, tokens, n_new, context_length, stop):
        text = tokens
        for _ in range(n_new + extra):
            token = pick(model(crop(text, context_length)[None]))
            if ends(token, stop) and not append_stop:
                break
            text = torch.cat([text, token[None]])
            if ends(token, stop):
                break
        return give(text, tokens, context_length)

    return answer


def stopped_by_the_prompt(model, tokens, n_new, context_length, stop):
    text = tokens
    while len(text) < len(tokens) + n_new and stop not in text:
        text = torch.cat([text, model(text[None, -context_length:])[0, -1].argmax()[None]])
    return text


def nucleus(keep, order=True, back=True, rescale=True):
    """A filter; `keep(probability, sum before, p)` says which of the ordered tokens stay."""

    def answer(probabilities: Tensor, p: float) -> Tensor:
        places = torch.arange(probabilities.shape[-1]).expand_as(probabilities)
        ordered = probabilities
        if order:
            ordered, places = probabilities.sort(dim=-1, descending=True)
        kept = ordered * keep(ordered, ordered.cumsum(dim=-1) - ordered, p)
        if back:
            kept = torch.zeros_like(kept).scatter(-1, places, kept)
        return kept / kept.sum(dim=-1, keepdim=True) if rescale else kept

    return answer


def crossed(ordered: Tensor, before: Tensor, p: float) -> Tensor:
    return before < p


def unlikely(probabilities: Tensor, p: float) -> Tensor:
    ordered, order = probabilities.sort(dim=-1)
    kept = ordered * (ordered.cumsum(dim=-1) - ordered < p)
    kept = torch.zeros_like(kept).scatter(-1, order, kept)
    return kept / kept.sum(dim=-1, keepdim=True)


def misplaced(probabilities: Tensor, p: float) -> Tensor:
    ordered, order = probabilities.sort(dim=-1, descending=True)
    kept = (ordered * (ordered.cumsum(dim=-1) - ordered < p)).gather(-1, order)
    return kept / kept.sum(dim=-1, keepdim=True)


def of_losses(combine, counted_only=True):
    """A perplexity from the log-probabilities of the targets that count."""

    def answer(logits: Tensor, targets: Tensor) -> Tensor:
        log_p = logits.log_softmax(-1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        return combine(log_p[targets != -100] if counted_only else log_p)

    return answer


def of_rows(combine):
    """A perplexity from the mean loss of each text."""

    def answer(logits: Tensor, targets: Tensor) -> Tensor:
        rows = zip(logits, targets, strict=True)
        return combine(torch.stack([F.cross_entropy(*row) for row in rows]))

    return answer


def over_all(logits: Tensor, targets: Tensor) -> Tensor:
    total = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    return (total / targets.numel()).exp()


def step(scale=True, own=True, order=1, returned=True, first=False):
    """One step with a cache, right but for what is given."""

    def join(old: Tensor, new: Tensor, order: int) -> Tensor:
        return torch.cat([old, new][::order], dim=2)

    def answer(q, k, v, keys, values):
        stacked = join(keys, k, order), join(values, v, 1)
        seen = stacked if own else (keys, values)
        scores = q @ seen[0].transpose(-2, -1) / (q.shape[-1] ** 0.5 if scale else 1)
        if first:
            hidden = torch.ones_like(scores, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(hidden, -torch.inf)
        context = scores.softmax(dim=-1) @ seen[1]
        return context, *((join(keys, k, 1), stacked[1]) if returned else (keys, values))

    return answer


def size(*factors: str):
    """A product of some of the settings, and of 2."""

    def answer(n_layers, n_heads, n_kv_heads, d_model, seq, batch, bytes_a_number):
        known = {
            "layers": n_layers,
            "heads": n_heads,
            "kv": n_kv_heads,
            "width": d_model,
            "d": d_model // n_heads,
            "seq": seq,
            "batch": batch,
            "bytes": bytes_a_number,
            "two": 2,
            "three": 3,
        }
        product = 1
        for factor in factors:
            product *= known[factor]
        return product

    return answer


EACH = ("layers", "kv", "d", "seq", "batch", "bytes")

WRONG_ANSWERS = {
    "next-token-row": [
        (lambda logits, lengths: logits[:, -1], "filling where a text is short"),
        (
            lambda logits, lengths: logits[torch.arange(len(lengths)), lengths],
            "there is no such row",
        ),
        (
            lambda logits, lengths: logits[
                torch.arange(len(lengths)), lengths.clamp(max=logits.shape[1] - 1)
            ],
            "take lengths - 1",
        ),
        (lambda logits, lengths: logits[:, lengths - 1], "row of every text"),
        (lambda logits, lengths: logits[:, lengths[0] - 1], "Each text has its own"),
        (lambda logits, lengths: logits[:, 0], "this is the first row"),
        (
            lambda logits, lengths: logits[torch.arange(len(lengths)), -lengths],
            "counted from the end",
        ),
    ],
    "generate-greedy": [
        (greedy(crop=lambda text, context: text), "Crop what the model reads"),
        (greedy(crop=lambda text, context: text[:context]), "Keep the last"),
        (greedy(pick=lambda logits: logits[0, 0].argmax()), "the first row was taken"),
        (greedy(pick=lambda logits: logits[0, -1].argmin()), "least likely"),
        (greedy(ends=lambda token, stop: False), "behind the stop token"),
        (greedy(append_stop=False), "the stop token is missing"),
        (greedy(give=lambda text, prompt, n: text[len(prompt) :]), "the prompt is missing"),
        (greedy(give=lambda text, prompt, n: text[-n:]), "the beginning of the text is gone"),
        (greedy(extra=1), "a token too many"),
        (greedy(extra=-1), "a token too few"),
        (stopped_by_the_prompt, "a stop token in the prompt"),
        (greedy(pick=lambda logits: logits[0].argmax(dim=-1)), "the pieces do not fit"),
    ],
    "top-p-filter": [
        (nucleus(lambda ordered, before, p: before + ordered <= p), "crosses p was dropped"),
        (nucleus(crossed, rescale=False), "does not sum to 1"),
        (nucleus(crossed, order=False), "in the order of their ids"),
        (nucleus(crossed, back=False), "in the order of their size"),
        (nucleus(lambda ordered, before, p: ordered >= p), "not each probability"),
        (lambda probabilities, p: probabilities, "nothing was dropped"),
        (
            lambda probabilities, p: (
                (kept := nucleus(crossed, rescale=False)(probabilities, p)) / kept.sum()
            ),
            "Each row has its own",
        ),
        (misplaced, "came back to wrong places"),
        (unlikely, "Sort downward"),
        (
            lambda probabilities, p: (
                (kept := nucleus(crossed, rescale=False)(probabilities, p))
                .masked_fill(kept == 0, -torch.inf)
                .softmax(-1)
            ),
            "a softmax was taken of probabilities",
        ),
        (
            lambda probabilities, p: (
                probabilities * (probabilities.sort(-1, True)[0].cumsum(-1) < p)
            ),
            "the values are not",
        ),
    ],
    "perplexity": [
        (of_losses(lambda log_p: -log_p.mean()), "this is the mean loss"),
        (of_losses(lambda log_p: (1 / log_p.exp()).mean()), "the mean of 1 / p"),
        (of_losses(lambda log_p: 1 / log_p.exp().mean()), "1 / (mean of p)"),
        (of_losses(lambda log_p: log_p.mean().exp()), "the sign is wrong"),
        (of_losses(lambda log_p: 2 ** -log_p.mean()), "the power of 2"),
        (of_losses(lambda log_p: (-log_p.sum()).exp()), "the exponential of the sum"),
        (of_losses(lambda log_p: (-log_p.mean()).exp(), False), "count as token 0"),
        (of_rows(lambda losses: losses.exp().mean()), "the mean of the perplexities"),
        (of_rows(lambda losses: losses.mean().exp()), "averaged by itself"),
        (over_all, "the number of all targets"),
        (
            lambda logits, targets: (
                logits.softmax(-1).gather(-1, targets[..., None]).log().mean().exp()
            ),
            "-100 is no token",
        ),
        (
            lambda logits, targets: (
                logits.softmax(-1)[counted := targets != -100]
                .gather(-1, targets[counted][:, None])
                .log()
                .mean()
                .neg()
                .exp()
            ),
            "Use log_softmax",
        ),
    ],
    "cache-step": [
        (step(scale=False), "the root of d"),
        (step(own=False), "does not see itself"),
        (step(order=-1), "in different order from the values"),
        (step(first=True), "the query saw one key only"),
        (step(returned=False), "the new token is missing"),
        (lambda q, k, v, keys, values: (v, keys, values), "nothing but itself"),
        (
            lambda q, k, v, keys, values: (
                (found := step()(q, k, v, keys, values))[0],
                found[2],
                found[1],
            ),
            "keys and values are exchanged",
        ),
        (lambda q, k, v, keys, values: step()(q, k, v, keys, values)[0], "expected three tensors"),
        (
            lambda q, k, v, keys, values: (
                step()(q, k, v, keys, values)[0],
                torch.cat([k, keys], dim=2),
                torch.cat([v, values], dim=2),
            ),
            "the new token stands first",
        ),
        (
            lambda q, k, v, keys, values: (
                q,
                torch.cat([keys, k], dim=1),
                torch.cat([values, v], dim=1),
            ),
            "tokens are axis 2",
        ),
    ],
    "cache-bytes": [
        (size(*EACH), "keys or values are missing"),
        (size("two", *EACH[:1], "heads", *EACH[2:]), "the query heads were counted"),
        (size("two", "layers", *EACH[2:]), "the heads are missing"),
        (size("three", *EACH), "queries were stored as well"),
        (size("two", *EACH[1:]), "Each block has its own"),
        (size("two", *EACH[:2], "width", *EACH[3:]), "as wide as the model"),
        (size("two", *EACH[:-1]), "Multiply by the bytes"),
        (size("two", *EACH[:4], "bytes"), "the batch is missing"),
        (size("two", "seq", *EACH), "scores of T × T"),
        (size("two", *EACH[:3], *EACH[4:]), "the tokens are missing"),
    ],
}
