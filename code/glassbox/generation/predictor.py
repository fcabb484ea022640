"""A model asked, again and again, what follows a text that grows by a token each time."""

from inspect import signature

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.attention import HeadList
from glassbox.losses import Output
from glassbox.transformer import cached


def setting(model: nn.Module, name: str) -> int | None:
    """Return a number from the configuration of a model, or None where it has no such."""
    return getattr(getattr(model, "config", None), name, None)


def why_no_cache(model: nn.Module) -> str:
    """Return what keeps a model from using a cache; empty where nothing does."""
    if not hasattr(model, "new_caches"):
        return f"a {type(model).__name__} has no new_caches"
    if any(isinstance(module, HeadList) for module in model.modules()):
        return "it was built with attention='head_list', which keeps none"
    if not getattr(model.config, "causal", True):
        return "it was built with causal=False, so earlier tokens see later ones"
    return ""


class Predictor:
    """The logits of the next token, with or without a cache.

    Args:
        model: called with token ids, returns an `Output` of logits for each position.
        batch: number of texts.
        longest: number of tokens in the longest text that will be asked about.
        real: `True` where a token of the first text asked about is no padding, shape `(B, T)`.
        use_cache: whether to keep keys and values; `None` for if the model can.

    Raises:
        TypeError: if `model` is no model that takes tokens alone.
        ValueError: if a cache or padding is asked of a model that knows none.
    """

    def __init__(
        self,
        model: nn.Module,
        batch: int,
        longest: int,
        *,
        real: Bool[Tensor, "batch seq"] | None = None,
        use_cache: bool | None = None,
    ) -> None:
        """Make the caches."""
        _check_model(model)
        self.model = model
        self.modules = list(model.modules())
        self.limit = setting(model, "context_length")
        self.real = None if real is None or bool(real.all()) else real
        if self.real is not None and not hasattr(model, "new_caches"):
            raise ValueError(
                f"real was given, but a {type(model).__name__} takes no mask that would hide the "
                "padding. Leave it out, and give the model each text alone."
            )
        reason = why_no_cache(model)
        if use_cache and reason:
            raise ValueError(
                f"use_cache is True, but this model cannot: {reason}. Write use_cache=None to "
                "leave the choice to the model."
            )
        self.caches = None
        if use_cache is not False and not reason:
            self.caches = model.new_caches(batch, min(longest, self.limit or longest))

    @torch.no_grad()
    def __call__(self, text: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch vocab_size"]:
        """Return the logits of the token that follows each text.

        Args:
            text: what was asked about before and the tokens added to it, shape `(B, T)`. Of a
                text longer than the context the last tokens are read, all anew: each stands one
                place further left than before, so what the cache holds is of no use.
        """
        width = text.shape[1]
        if self.limit is not None and width > self.limit:
            self.caches, text = None, text[:, -self.limit :]
        read = text
        options = {}
        if self.caches is not None:
            text, options["caches"] = read[:, cached(self.caches) :], self.caches
        real = self.real_among(width)
        if real is not None:
            real = real[:, -read.shape[1] :]
            places = (real.cumsum(dim=1) - 1).clamp(min=0)  # counted from the first real token
            options["positions"] = places[:, -text.shape[1] :]
            options["mask"] = real[:, None, None, :]
        training = [module for module in self.modules if module.training]
        try:
            for module in training:
                module.training = False
            logits = _logits(self.model(text, **options), text)
        finally:
            for module in training:
                module.training = True
        last = logits[:, -1]
        if last.isnan().any():  # argmax would take them for the largest
            raise ValueError(
                "model returned 'nan', not a number, among its logits; expected a score for each "
                "token. Its parameters are ruined, as by a training that diverged. Train it anew, "
                "or take an earlier checkpoint."
            )
        return last

    def real_among(self, width: int) -> Bool[Tensor, "batch {width}"] | None:
        """Return which of the first tokens are no padding, or None where all are real.

        Args:
            width: how many tokens; what is added to the first text is real.
        """
        if self.real is None:
            return None
        return F.pad(self.real, (0, width - self.real.shape[1]), value=True)

    def choose(self, rows: Int[Tensor, " rows"]) -> None:
        """Go on with these rows of the batch, in this order; a row may occur more than once.

        Args:
            rows: their numbers.
        """
        for cache in self.caches or ():
            cache.keys, cache.values = cache.keys[rows], cache.values[rows]


def _check_model(model: nn.Module) -> None:
    """Refuse what does not predict a next token from tokens alone."""
    checks.module("model", model, "GPT(preset('character'))")
    try:
        signature(model.forward).bind("tokens")
    except TypeError as reason:
        raise TypeError(
            f"model is of type {type(model).__name__} and cannot be called as model(tokens): "
            f"{reason}. Expected a model that predicts the next token, such as a GPT."
        ) from None


def _logits(output: Output, text: Tensor) -> Tensor:
    """Return the logits of an output, or refuse what a model of another kind returned."""
    logits = output.logits if isinstance(output, Output) else None
    if logits is None or logits.ndim != 3 or logits.shape[:2] != text.shape:
        shown = type(output).__name__ if logits is None else f"logits {tuple(logits.shape)}"
        raise TypeError(
            f"model returned {shown} for tokens {tuple(text.shape)}; expected an Output whose "
            "logits have shape (batch, tokens, vocab_size), as a GPT returns it."
        )
    return logits
