"""Probes of use: what padding and the cache must not change."""

import torch
from torch import Tensor, nn

from glassbox.generation.predictor import why_no_cache
from glassbox.invariants.comparing import TOLERANCE, difference, logits_of
from glassbox.invariants.subject import Subject, subject
from glassbox.invariants.verdict import Verdict, shown


def cache(model: nn.Module | Subject) -> Verdict:
    """Check that a cache of keys and values changes no logit.

    Args:
        model: a model with `new_caches`, one of Hugging Face's, or a `Subject` that was given
            `cached`.

    Returns:
        The largest change of a logit, in standard deviations of the logits.

    Source:
        Shazeer (2019), "Fast Transformer Decoding", section 2.4,
        https://doi.org/10.48550/arXiv.1911.02150

    Example:
        >>> from glassbox.gpt import GPT, GPTConfig
        >>> sizes = {"vocab_size": 9, "context_length": 8, "d_model": 8, "n_heads": 2}
        >>> cache(GPT(GPTConfig(**sizes, n_layers=1))).passed
        True
    """
    asked = subject(model)
    if reason := _why_no_cache(asked):
        return Verdict("cache", None, reason)
    tokens, prompt = asked.tokens(), asked.seq // 2
    plain, stepped = asked.logits(tokens), _in_steps(asked, tokens, prompt)
    found = difference(stepped, plain)
    passed = found <= TOLERANCE
    return Verdict(
        "cache",
        passed,
        f"the cache moves logits by {shown(found)}",
        found,
        "" if passed else _cache_culprit(asked, tokens, prompt, plain, stepped),
    )


def padding(model: nn.Module | Subject) -> Verdict:
    """Check that padding changes no logit of a real token.

    Args:
        model: an encoder with a `pad_id`, a model whose `forward` takes a mask and positions, one
            of Hugging Face's, or a `Subject` that was given `padded`.

    Returns:
        The largest change of a logit, in standard deviations of the logits.

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> padding(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    side = _padding_side(asked)
    if side is None:
        return Verdict("padding", None, "no padding known: give padded=")
    n_pad = asked.seq // 3
    text = asked.tokens(seq=asked.seq - n_pad)
    pads = [asked.tokens(seq=n_pad, shift=1), asked.tokens(seq=n_pad, shift=2)]
    if side == "right":
        pads = [torch.full_like(pads[0], asked.pad_id)] * 2
    alone = asked.logits(text)
    one, other = (_with_padding(asked, pad, text, side) for pad in pads)
    found = difference(one, alone)
    passed = found <= TOLERANCE
    attended = side == "right" or difference(other, one) > TOLERANCE
    culprit = "the positions of padded texts: they count the padding"
    if attended:
        culprit = "the padding mask: real tokens attend to padding"
    return Verdict(
        "padding",
        passed,
        f"padding moves logits by {shown(found)}",
        found,
        "" if passed else culprit,
    )


def _why_no_cache(asked: Subject) -> str:
    """Return why a cache cannot be checked; empty where it can."""
    if asked.cached is not None or {"past_key_values", "use_cache"} <= asked.takes:
        return ""
    if not asked.causal or not asked.per_token:
        return "the model is not causal"
    if "caches" not in asked.takes:
        return "no cache known: give cached="
    return "this model can use no cache" if why_no_cache(asked.model) else ""


def _in_steps(asked: Subject, tokens: Tensor, prompt: int) -> Tensor:
    """Return the logits of texts, those after the prompt computed one by one with a cache."""
    with asked.quiet():
        if asked.cached is not None:
            return logits_of(asked.cached(asked.model, tokens, prompt))
        parts = [tokens[:, :prompt], *tokens[:, prompt:].split(1, dim=1)]
        if "caches" in asked.takes:
            caches = asked.model.new_caches(len(tokens))
            return torch.cat([asked(part, caches=caches) for part in parts], dim=1)
        past, rows = None, []
        for part in parts:
            output = asked.model(part, past_key_values=past, use_cache=True)
            past = output.past_key_values
            rows.append(output.logits)
        return torch.cat(rows, dim=1)


def _cache_culprit(
    asked: Subject, tokens: Tensor, prompt: int, plain: Tensor, stepped: Tensor
) -> str:
    """Name what is likely wrong with a cache."""
    if difference(stepped[:, :prompt], plain[:, :prompt]) > TOLERANCE:
        return "the pass over the prompt, before anything is read from the cache"
    another = torch.cat([asked.others(tokens)[:, :1], tokens[:, 1:]], dim=1)
    after_one, after_other = (_in_steps(asked, text, 1)[:, 1:] for text in (tokens, another))
    if difference(after_one, after_other) <= TOLERANCE:
        return "what the cache stores: its first position is missing"
    return "the positions of tokens after the cached ones: they must go on counting"


def _padding_side(asked: Subject) -> str | None:
    """Return on which side this model takes padding; None where on none."""
    left = {"mask", "positions"} <= asked.takes or "attention_mask" in asked.takes
    if asked.padded is not None or (left and asked.causal):
        return "left" if asked.per_token else None
    return "right" if asked.pad_id is not None and asked.source is None else None


def _with_padding(asked: Subject, pad: Tensor, text: Tensor, side: str) -> Tensor:
    """Return the logits of the real tokens of padded texts."""
    if side == "right":
        logits = asked.logits(torch.cat([text, pad], dim=1))
        return logits[:, : text.shape[1]] if asked.per_token else logits
    tokens = torch.cat([pad, text], dim=1)
    real = torch.ones_like(tokens, dtype=torch.bool)
    real[:, : pad.shape[1]] = False
    places = (real.cumsum(dim=1) - 1).clamp(min=0)
    if asked.padded is not None:
        with asked.quiet():
            logits = logits_of(asked.padded(asked.model, tokens, real))
    elif "attention_mask" in asked.takes:
        options = {"position_ids": places} if "position_ids" in asked.takes else {}
        logits = asked.logits(tokens, attention_mask=real.long(), **options)
    else:
        logits = asked.logits(tokens, mask=real[:, None, None, :], positions=places)
    return logits[:, pad.shape[1] :]
