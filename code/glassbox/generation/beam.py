"""Beam search: look for the most likely text, rather than for the most likely next token."""

from collections.abc import Iterable
from math import isfinite
from reprlib import repr as short
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.generation.arguments import check_prompt, stop_ids
from glassbox.generation.predictor import Predictor, setting


class Beams(NamedTuple):
    """The texts that a beam search found, and how likely they are: `tokens, scores = ...`.

    Args:
        tokens: prompts and what follows, the best text of a prompt first, shape
            `(B, beams, T + new)`.
        scores: log-probability of the new tokens, divided by their number to the power of
            `length_penalty`, shape `(B, beams)`. Minus infinity where there are not as many texts
            as beams.

    Example:
        >>> best = Beams(torch.tensor([[[0, 3, 4], [0, 3, 5]]]), torch.tensor([[-0.1, -0.2]]))
        >>> best.tokens[:, 0]
        tensor([[0, 3, 4]])
    """

    tokens: Tensor
    scores: Tensor


def beam_search(
    model: nn.Module,
    tokens: Int[Tensor, "batch seq"],
    max_new_tokens: int,
    *,
    beams: int = 4,
    stop: int | Iterable[int] = (),
    pad_id: int | None = None,
    length_penalty: int | float = 1.0,
    use_cache: bool | None = None,
) -> Beams:
    r"""Find likely continuations by keeping several unfinished ones at each step.

    $$\text{score}(y) = \frac{1}{n^\alpha} \sum_{t=1}^{n} \log p(y_t \mid y_{<t})$$

    Each of the kept texts is continued by every token, and the best `beams` of all these go on. A
    text that ends among the best `beams` is finished; the search for a prompt is over once `beams`
    texts are, or at `max_new_tokens`. One beam is greedy generation; as many beams as there are
    texts is a search through all of them.

    Args:
        model: as in `generate`. Texts longer than its context are read from their last tokens.
        tokens: the prompts, shape `(B, T)`, all of one length.
        max_new_tokens: how many tokens to add at most, n.
        beams: how many texts are kept.
        stop: ids that end a text; they count as one of its tokens.
        pad_id: fills up texts that have ended before others; the first of `stop` if not given.
        length_penalty: the exponent α, as Hugging Face defines it. At 0 short texts win, for every
            token costs probability; at 1 the mean decides.
        use_cache: whether to keep keys and values; `None` for if the model can.

    Returns:
        The texts and their scores, the best of each prompt first.

    Raises:
        TypeError: if an argument is of another kind, or the model does not predict next tokens.
        ValueError: if the prompt is empty, an id is out of range, or a cache is asked of a model
            that keeps none.

    Source:
        Sutskever, Vinyals and Le (2014), "Sequence to Sequence Learning with Neural Networks",
        section 3.2, https://doi.org/10.48550/arXiv.1409.3215

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> start = torch.zeros(2, 1, dtype=torch.long)
        >>> texts, scores = beam_search(GPT(preset("character")), start, 5, beams=3)
        >>> texts.shape, scores.shape
        (torch.Size([2, 3, 6]), torch.Size([2, 3]))
    """
    check_prompt(tokens)
    checks.positive(max_new_tokens=max_new_tokens, beams=beams)
    known = isinstance(length_penalty, int | float) and not isinstance(length_penalty, bool)
    if not known or not isfinite(length_penalty):
        raise (ValueError if known else TypeError)(
            f"length_penalty is {short(length_penalty)}; expected a number, such as 1."
        )
    ends = stop_ids(stop, pad_id, setting(model, "vocab_size"))
    fill = pad_id if pad_id is not None else next(iter(ends), 0)
    predict = Predictor(
        model, len(tokens), tokens.shape[1] + max_new_tokens - 1, use_cache=use_cache
    )
    ids = torch.tensor(ends, dtype=torch.long, device=tokens.device)

    running = Beams(tokens.long()[:, None], torch.zeros(len(tokens), 1, device=tokens.device))
    finished = _nothing(tokens, beams, max_new_tokens)
    for n in range(1, max_new_tokens + 1):
        logits = predict(running.tokens.flatten(0, 1)).unflatten(0, running.scores.shape)
        candidates, parents = _continue(running, logits, (1 + len(ends)) * beams)
        ended = torch.isin(candidates.tokens[..., -1], ids) | (n == max_new_tokens)
        done = Beams(candidates.tokens, candidates.scores / n**length_penalty)
        finished = _merge(finished, done, ended, fill)
        if finished.scores.isfinite().all():
            break
        going_on = candidates.scores.masked_fill(ended, -torch.inf)
        scores, order = going_on.topk(min(beams, going_on.shape[1]))
        predict.choose(_rows(parents.gather(1, order), running.scores.shape[1]))
        running = Beams(_pick(candidates.tokens, order), scores)
    return Beams(finished.tokens[..., : tokens.shape[1] + n], finished.scores)


def _nothing(tokens: Tensor, beams: int, n_new: int) -> Beams:
    """Return as many beams, none of which has found anything."""
    empty = F.pad(tokens.long(), (0, n_new))[:, None].repeat(1, beams, 1)
    return Beams(empty, torch.full(empty.shape[:2], -torch.inf, device=tokens.device))


def _continue(running: Beams, logits: Tensor, most: int) -> tuple[Beams, Tensor]:
    """Return the best texts with one more token, and which beam each comes from."""
    precision = torch.promote_types(logits.dtype, torch.float32)
    log_probabilities = logits.to(precision).log_softmax(dim=-1)
    vocab_size = logits.shape[-1]
    every = (running.scores[..., None] + log_probabilities).flatten(1)
    scores, index = every.topk(min(most, every.shape[1]))
    parents, new = index // vocab_size, index % vocab_size
    texts = torch.cat([_pick(running.tokens, parents), new[..., None]], dim=-1)
    return Beams(texts, scores), parents


def _merge(finished: Beams, done: Beams, ended: Tensor, fill: int) -> Beams:
    """Take up the texts that have ended, where a prompt does not have all of its texts yet."""
    beams, length = finished.tokens.shape[1:]
    full = finished.scores.isfinite().all(dim=1, keepdim=True)
    accepted = ended & ~full
    accepted[:, beams:] = False  # further ones are there only so that enough go on
    texts = F.pad(done.tokens, (0, length - done.tokens.shape[-1]), value=fill)
    scores = done.scores.masked_fill(~accepted, -torch.inf)
    scores, order = torch.cat([finished.scores, scores], dim=1).topk(beams)
    return Beams(_pick(torch.cat([finished.tokens, texts], dim=1), order), scores)


def _pick(texts: Tensor, beams: Tensor) -> Tensor:
    """Return the texts of these beams, of each prompt its own."""
    return texts.gather(1, beams[..., None].expand(-1, -1, texts.shape[-1]))


def _rows(parents: Tensor, width: int) -> Tensor:
    """Return where these beams stand in a batch of all the beams of all prompts."""
    prompts = torch.arange(len(parents), device=parents.device)
    return (prompts[:, None] * width + parents).flatten()
