"""Checks of the exercises in the chapter on generating."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from glassbox.exercises.engine import Wrong, blame, compare, draw, exercise, unlike


@exercise("next-token-row")
def next_token_row(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`answer(logits, lengths)` is the last real row of each text."""
    for seed, (seq, vocab_size, lengths) in enumerate(
        [(5, 7, [3, 5, 1]), (4, 4, [2, 4, 1, 3]), (6, 3, [6]), (3, 5, [3, 2, 2, 1, 3])]
    ):
        logits, ends = draw(len(lengths), seq, vocab_size, seed=seed), torch.tensor(lengths)
        each = range(len(lengths))
        want = torch.stack([logits[i, n - 1] for i, n in enumerate(lengths)])
        causes = {
            "this is the last row of all texts, which is filling where a text is short.": logits[
                :, -1
            ],
            "this is the row behind the last real one. Rows count from 0: take lengths - 1.": (
                torch.stack([logits[i, min(n, seq - 1)] for i, n in enumerate(lengths)])
            ),
            "the first text's length was used for all. Each text has its own.": logits[
                :, lengths[0] - 1
            ],
            "this is the first row. The last real one has read the whole text.": logits[:, 0],
            "the length was counted from the end. Rows count from the start.": torch.stack(
                [logits[i, -lengths[i]] for i in each]
            ),
            "each length picked a row of every text. Pair the texts with the lengths: "
            "logits[torch.arange(B), lengths - 1].": logits[:, ends - 1],
        }
        with blame("pair the texts with their rows: logits[torch.arange(B), lengths - 1]."):
            try:
                got = answer(logits.clone(), ends.clone())
            except IndexError as error:
                raise Wrong(
                    f"there is no such row: rows count from 0, so the last of n is n - 1, and "
                    f"there are as many texts as lengths. (PyTorch says: {error})"
                ) from error
        compare(got, want, f"texts of {lengths} tokens", unlike(want, causes))


class _TooLong(ValueError):
    """The model was given more tokens than its context holds."""


def _reader(context: int, vocab_size: int, seed: int) -> Callable[[Tensor], Tensor]:
    """Return a causal model: each row depends on all tokens so far, and on their places."""
    table = 2 * draw(vocab_size, 8, seed=seed)
    places, out = draw(context, 8, seed=seed + 50), draw(8, vocab_size, seed=seed + 90)

    def model(tokens: Tensor) -> Tensor:
        if not isinstance(tokens, Tensor) or tokens.ndim != 2:
            raise Wrong("the model takes a batch of ids, (1, T): write text[None].")
        if tokens.shape[1] > context:
            raise _TooLong(f"{tokens.shape[1]} tokens were given to a context of {context}.")
        read = (table[tokens] * places[: tokens.shape[1]]).cumsum(dim=1)
        return read.tanh() @ out

    return model


def _greedy(
    model: Callable[[Tensor], Tensor], tokens: Tensor, n_new: int, context: int, stop: int,
    mistake: str = "",
) -> Tensor:  # fmt: skip
    """Generate, rightly or with a mistake."""
    text, ended = tokens, mistake == "prompt" and bool((tokens == stop).any())
    for _ in range(0 if ended else n_new + (mistake == "one more") - (mistake == "one less")):
        read = text[:context] if mistake == "oldest" else text[-context:]
        row = model(read[None])[0, 0 if mistake == "first row" else -1]
        token = row.argmin() if mistake == "least" else row.argmax()
        if token == stop and mistake == "bare":
            break
        text = torch.cat([text, token[None]])
        if token == stop and mistake != "on":
            break
    return {"new": text[len(tokens) :], "cropped": text[-context:]}.get(mistake, text)


_GREEDY_CAUSES = {
    "oldest": "the text was cropped to its first tokens. Keep the last: text[-context_length:].",
    "first row": "the first row was taken. The last one has read the whole text.",
    "least": "the least likely token was taken.",
    "bare": "the stop token is missing. It belongs to the text: append it, then stop.",
    "on": "the text goes on behind the stop token.",
    "prompt": "a stop token in the prompt ended the text. Only a new one does.",
    "new": "the prompt is missing. Return it together with what follows.",
    "cropped": "the beginning of the text is gone. Crop what the model reads, not the text.",
    "one more": "there is a token too many.",
    "one less": "there is a token too few.",
}


@exercise("generate-greedy")
def generate_greedy(answer: Callable[..., Tensor]) -> None:
    """`answer(model, tokens, n_new, context_length, stop)` goes on greedily until the stop."""
    stopped = 0
    for seed, (length, n_new, context) in enumerate(
        [(3, 6, 5), (1, 4, 8), (7, 5, 4), (4, 4, 4), (2, 8, 3), (6, 9, 16)]
    ):
        model = _reader(context, 11, seed)
        tokens = torch.randint(11, (length,), generator=torch.Generator().manual_seed(seed))
        free = _greedy(model, tokens, n_new, context, stop=-1)
        unused = next(i for i in range(12) if i not in free[length:])
        for stop in (unused, int(free[length + n_new // 2]), int(tokens[0])):
            want = _greedy(model, tokens, n_new, context, stop)
            stopped += len(want) < len(free)
            causes = {
                cause: _greedy(model, tokens, n_new, context, stop, mistake)
                for mistake, cause in _GREEDY_CAUSES.items()
            }
            what = f"{n_new} tokens after {length}, context {context}, stop {stop}"
            with blame(f"{what}: the pieces do not fit. The text is (T,), the model's is (1, T)."):
                try:
                    got = answer(model, tokens.clone(), n_new, context, stop)
                except _TooLong as error:
                    raise Wrong(
                        f"{what}: {error} Crop what the model reads: text[-context_length:]."
                    ) from error
            compare(got, want, what, unlike(want, causes))


def _nuclei(given: Tensor, least: float) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the nucleus, and what the common mistakes give for it."""
    ordered, order = given.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered

    def back(kept: Tensor) -> Tensor:
        return given * torch.zeros_like(given).scatter(-1, order, kept.to(given.dtype))

    kept, short = back(before < least), back(before + ordered <= least + 1e-6)
    by_id, high = given * (given.cumsum(dim=-1) - given < least), given * (given >= least)
    rising = ordered.flip(-1).cumsum(dim=-1).flip(-1) - ordered  # the sum from the least likely
    mistaken = {
        "the token that crosses p was dropped, so less than p is left. Keep it.": short,
        "the tokens were added up in the order of their ids. Begin with the likeliest.": by_id,
        "the probabilities stand in the order of their size. Put them back in their places.": (
            ordered * (before < least)
        ),
        "tokens with a probability below p were dropped. It is the sum that has to reach p.": high,
        "the least likely tokens were kept. Sort downward: descending=True.": back(rising < least),
        "the tokens came back to wrong places: `gather` takes from there, `scatter` puts there.": (
            (ordered * (before < least)).gather(-1, order)
        ),
    }
    causes = {cause: wrong / wrong.sum(dim=-1, keepdim=True) for cause, wrong in mistaken.items()}
    causes["what is left does not sum to 1. Divide by its sum."] = kept
    causes["nothing was dropped."] = given
    causes["all rows together were divided by one sum. Each row has its own."] = kept / kept.sum()
    causes["a softmax was taken of probabilities. Divide what is left by its sum."] = (
        kept.masked_fill(kept == 0, -torch.inf).softmax(dim=-1)
    )
    return kept / kept.sum(dim=-1, keepdim=True), causes


@exercise("top-p-filter")
def top_p_filter(answer: Callable[[Tensor, float], Tensor]) -> None:
    """`answer(probabilities, p)` keeps the fewest likely tokens that reach p, and rescales."""
    for seed, (shape, least) in enumerate(
        [((3, 6), 0.6), ((8,), 0.8), ((4, 4), 0.05), ((2, 3, 5), 0.9), ((2, 7), 1.0)]
    ):
        given = draw(*shape, seed=seed).softmax(dim=-1)
        want, causes = _nuclei(given, least)
        with blame(f"shape {shape}: work along the last axis, and keep it in sums: keepdim=True."):
            got = answer(given.clone(), least)
        if isinstance(got, Tensor) and got.isnan().any():
            raise Wrong(
                f"p = {least}: nothing was left of a row. At least one token of each row stays: "
                "the sum along the last axis has to reach p, not each probability."
            )
        compare(got, want, f"p = {least}, shape {shape}", unlike(want, causes))


def _perplexities(log_p: Tensor, counted: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the perplexity, and what the common mistakes give for it."""
    loss = -log_p[counted]
    rows = -(log_p * counted).sum(dim=1) / counted.sum(dim=1)
    return loss.mean().exp(), {
        "this is the mean loss. Perplexity is its exponential.": loss.mean(),
        "this is the mean of 1 / p. Average the losses first, then take exp.": loss.exp().mean(),
        "this is 1 / (mean of p). Average the losses, not the probabilities.": 1
        / (-loss).exp().mean(),
        "the sign is wrong: the loss is minus the logarithm.": (-loss.mean()).exp(),
        "the power of 2 was taken of a loss in nats. Use exp.": 2 ** loss.mean(),
        "this is the exponential of the sum. Divide the sum by the number of targets that "
        "count.": loss.sum().exp(),
        "the sum was divided by the number of all targets. Divide by those that count.": (
            -(log_p * counted).mean()
        ).exp(),
        "the ignored targets count as token 0.": (-log_p.mean()).exp(),
        "this is the mean of the perplexities of the texts. Average over tokens "
        "first.": rows.exp().mean(),
        "each text was averaged by itself. Every token that counts weighs the "
        "same.": rows.mean().exp(),
    }


@exercise("perplexity")
def perplexity(answer: Callable[[Tensor, Tensor], Any]) -> None:
    """`answer(logits, targets)` is exp of the mean loss over the targets that count."""
    for seed, (batch, seq, vocab_size, size) in enumerate(
        [(2, 4, 5, 1.0), (3, 3, 3, 1.0), (1, 6, 9, 2.0), (2, 5, 4, 60.0), (3, 6, 4, 1.0)]
    ):
        logits = size * draw(batch, seq, vocab_size, seed=seed)
        targets = logits.topk(2, dim=-1).indices[..., 1]  # unlikely, and not beyond all numbers
        if seed == 4:  # one target has e to the power -800: a number in logarithms only
            logits[0, 0, targets[0, 0]] -= 800
        targets[0, -1] = targets[1:2, 1:] = -100
        log_p = logits.log_softmax(-1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        want, causes = _perplexities(log_p, targets != -100)
        with blame("-100 is no token: pick the rows that count first."):
            try:
                got = answer(logits.clone(), targets.clone())
            except IndexError as error:
                raise Wrong(f"-100 is no token: leave it out. (PyTorch says: {error})") from error
        got = torch.tensor(got) if isinstance(got, float) else got
        if isinstance(got, Tensor) and got.numel() == 1 and not got.isfinite():
            raise Wrong(
                f"it is {got.item()} for logits as large as {logits.abs().max():.0f}: a "
                "probability underflows to 0. Use log_softmax."
            )
        what = f"the perplexity of {batch} × {seq} targets"
        compare(got, want, what, unlike(want, causes), rtol=1e-3, atol=1e-5)
