"""The loop of generation: ask for logits, choose a token, add it to the text."""

from collections.abc import Callable, Iterable, Iterator
from numbers import Integral
from reprlib import repr as short

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.generation.arguments import check_left_padding, check_prompt, stop_ids
from glassbox.generation.predictor import Predictor, setting
from glassbox.generation.sampler import GREEDY


def generate(
    model: nn.Module,
    tokens: Int[Tensor, "batch seq"],
    max_new_tokens: int,
    *,
    sampler: Callable[..., Tensor] = GREEDY,
    stop: int | Iterable[int] = (),
    pad_id: int | None = None,
    real: Bool[Tensor, "batch seq"] | None = None,
    use_cache: bool | None = None,
    when_full: str = "slide",
    generator: torch.Generator | None = None,
    seed: int | None = None,
    on_token: Callable[[Tensor], object] | None = None,
) -> Int[Tensor, "batch longer"]:
    """Continue each text by tokens that the model predicts.

    Args:
        model: a GPT, or another model that returns an `Output` of logits for token ids. It is
            evaluated without dropout and without gradients, and left as it was.
        tokens: the prompts, shape `(B, T)`, all of one length or padded by `pad_left`.
        max_new_tokens: how many tokens to add at most.
        sampler: chooses each token: a `Sampler`, or a function that is called like one.
        stop: ids that end a text. Generation ends early where every text has ended.
        pad_id: fills up texts that have ended before others; the first of `stop` if not given.
        real: `True` where a token of the prompt is no padding, shape `(B, T)`. Each row then
            continues as it would alone.
        use_cache: whether to keep keys and values of earlier tokens, rather than to compute them
            again for each token; `None` for if the model can.
        when_full: what to do once the text, with its padding, fills `context_length`. `"slide"`
            reads the last `context_length` tokens, all anew for each token, since every position
            has moved: a pass over the whole context then, with or without a cache. `"stop"` ends
            there. `"error"` refuses to begin a text that would not fit.
        generator: where a sampler's draws come from.
        seed: the seed of a new generator, instead of one; 0 if neither is given.
        on_token: called with each new column of ids, shape `(B,)`, as soon as it is there.

    Returns:
        The prompts and what follows them, shape `(B, T + new)`.

    Raises:
        TypeError: if an argument is of another kind, or the model does not predict next tokens.
        ValueError: if the prompt is empty, padded on the right or does not fit, an id is out of
            range, or a cache is asked of a model that keeps none.

    Source:
        Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", section 2,
        https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf

    Example:
        >>> from glassbox.generation import Sampler
        >>> from glassbox.gpt import GPT, preset
        >>> model, start = GPT(preset("character")), torch.zeros(2, 1, dtype=torch.long)
        >>> generate(model, start, 20).shape
        torch.Size([2, 21])
        >>> lively = Sampler(temperature=0.8, top_k=20)
        >>> first, second = (generate(model, start, 20, sampler=lively, seed=s) for s in (1, 2))
        >>> torch.equal(first, second)
        False
    """
    columns = []
    for column in stream(
        model,
        tokens,
        max_new_tokens,
        sampler=sampler,
        stop=stop,
        pad_id=pad_id,
        real=real,
        use_cache=use_cache,
        when_full=when_full,
        generator=generator,
        seed=seed,
    ):
        columns.append(column)
        if on_token is not None:
            on_token(column)
    return torch.cat([tokens, torch.stack(columns, dim=1)], dim=1)


def stream(
    model: nn.Module,
    tokens: Int[Tensor, "batch seq"],
    max_new_tokens: int,
    *,
    sampler: Callable[..., Tensor] = GREEDY,
    stop: int | Iterable[int] = (),
    pad_id: int | None = None,
    real: Bool[Tensor, "batch seq"] | None = None,
    use_cache: bool | None = None,
    when_full: str = "slide",
    generator: torch.Generator | None = None,
    seed: int | None = None,
) -> Iterator[Int[Tensor, " batch"]]:
    """Yield each new token of the texts as soon as it is chosen.

    Args:
        model: as in `generate`.
        tokens: the prompts, shape `(B, T)`.
        max_new_tokens: how many tokens to yield at most.
        sampler: chooses each token: a `Sampler`, or a function that is called like one.
        stop: ids that end a text.
        pad_id: what is yielded for texts that have ended.
        real: `True` where a token of the prompt is no padding, shape `(B, T)`.
        use_cache: whether to keep keys and values of earlier tokens.
        when_full: `"slide"`, `"stop"` or `"error"`.
        generator: where a sampler's draws come from.
        seed: the seed of a new generator.

    Returns:
        An iterator over columns of ids, shape `(B,)` each: those that `generate` puts together.

    Raises:
        TypeError: as `generate`, before the first token.
        ValueError: as `generate`, before the first token.

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> start = torch.zeros(1, 1, dtype=torch.long)
        >>> len(list(stream(GPT(preset("character")), start, 5)))
        5
    """
    check_prompt(tokens)
    checks.positive(max_new_tokens=max_new_tokens)
    if not callable(sampler) or isinstance(sampler, type):
        is_class = isinstance(sampler, type)
        shown = f"the class {sampler.__name__}" if is_class else short(sampler)
        raise TypeError(
            f"sampler is {shown}; expected a Sampler, such as Sampler(temperature=0.8)."
        )
    if real is not None:
        check_left_padding(real, tokens)
    ends = stop_ids(stop, pad_id, setting(model, "vocab_size"))
    fill = pad_id if pad_id is not None else next(iter(ends), None)
    n_new = _room(when_full, tokens.shape[1], max_new_tokens, setting(model, "context_length"))
    longest = tokens.shape[1] + n_new - 1  # the last token is not read again
    predict = Predictor(model, len(tokens), longest, real=real, use_cache=use_cache)
    draws = _generator(generator, seed, tokens.device)

    def choose(text: Tensor) -> Tensor:
        return sampler(predict(text), text, draws, predict.real_among(text.shape[1]))

    return _columns(choose, tokens.long(), n_new, ends, fill)


def _columns(
    choose: Callable[[Tensor], Tensor], text: Tensor, n_new: int, ends: list[int], fill: int | None
) -> Iterator[Tensor]:
    """Yield each new column of ids; rows that have ended are filled up."""
    ended = torch.zeros(len(text), dtype=torch.bool, device=text.device)
    ids = torch.tensor(ends, dtype=torch.long, device=text.device)
    for _ in range(n_new):
        column = choose(text)
        if ends:
            column = column.masked_fill(ended, fill)
            ended = ended | torch.isin(column, ids)
        text = torch.cat([text, column[:, None]], dim=1)
        yield column
        if ends and ended.all():
            return


def _room(when_full: str, width: int, n_new: int, limit: int | None) -> int:
    """Return how many tokens may be added. The last one is not read again, so it needs no room."""
    checks.one_of("when_full", when_full, ("slide", "stop", "error"))
    if limit is None or when_full == "slide":
        return n_new
    if width > limit or (when_full == "error" and width + n_new - 1 > limit):
        most = limit if when_full == "stop" else limit + 1 - n_new
        fix = f"Give at most {max(1, most)} of them"
        if most < 1 and width <= limit:  # no prompt leaves room for so many
            fix = f"Ask for at most {limit + 1 - width} tokens"
        raise ValueError(
            f"tokens has {width} columns and {n_new} more are to follow, but the context holds "
            f"{limit}, and when_full is '{when_full}'. {fix}, or write when_full='slide' to go on "
            f"with the last {limit}."
        )
    return min(n_new, limit - width + 1)


def _generator(
    given: torch.Generator | None, seed: int | None, device: torch.device
) -> torch.Generator:
    """Return where draws come from: never PyTorch's own generator, which belongs to the caller."""
    if given is None:
        seed = 0 if seed is None else seed
        known = isinstance(seed, Integral) and not isinstance(seed, bool)
        if not known or not 0 <= seed < 2**63:
            raise (ValueError if known else TypeError)(
                f"seed is {short(seed)}; expected a whole number from 0 to 2**63 - 1, such as 0."
            )
        return torch.Generator(device).manual_seed(int(seed))
    if not isinstance(given, torch.Generator):
        raise TypeError(
            f"generator is {short(given)}; expected a torch.Generator. For a seed write seed=0."
        )
    if seed is not None:
        raise ValueError(
            f"generator and seed={seed} were both given; expected one of them, for a generator "
            "has been seeded already. Leave out the seed."
        )
    return given
