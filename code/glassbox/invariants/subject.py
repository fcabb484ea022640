"""One way to ask every model: a batch of token ids in, logits out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from glassbox import checks
from glassbox.invariants.comparing import logits_of
from glassbox.invariants.copying import copied, parameters, wake
from glassbox.invariants.listening import Ear, Heard, without_fast_path
from glassbox.training.surroundings import in_mode, own_randomness

LENGTHS = ("context_length", "block_size", "max_position_embeddings", "n_positions", "n_ctx")
"""What configurations call the most positions that a model takes."""
LONGEST = 10


class Subject:
    """A copy of a model, and what the probes need to know about it.

    Args:
        model: called with token ids `(B, T)`; returns logits, or an object or tuple that holds
            them. It is copied, so nothing happens to it.
        causal: whether tokens see only what comes before them; if not given, what the
            configuration of the model says, and else `True`.
        trained: whether the parameters are no longer those it started with.
        loss: `loss(model, tokens)`: the training loss on texts `(B, T)`, as a scalar.
        evaluate: `evaluate(model, batches)`: a function that evaluates; batches are pairs of
            inputs and targets.
        cached: `cached(model, tokens, prompt)`: the logits of all tokens, `(B, T, V_size)`, where
            those after the first `prompt` are computed one by one with a cache.
        padded: `padded(model, tokens, real)`: the logits of texts that are padded on the left;
            `real` is `True` where a token is no padding.
        seq: tokens in a text, for a model that takes no others; up to ten if not given.
        seed: decides the random texts.

    Raises:
        TypeError: if `model` is no module, or returns no logits.
        ValueError: if it cannot be copied or called.

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> subject = Subject(GPT(preset("character")))
        >>> subject.causal, subject.vocab_size, subject.seq
        (True, 65, 8)
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        causal: bool | None = None,
        trained: bool = False,
        loss: Callable[..., Tensor] | None = None,
        evaluate: Callable[..., Any] | None = None,
        cached: Callable[..., Tensor] | None = None,
        padded: Callable[..., Tensor] | None = None,
        seq: int | None = None,
        seed: int = 0,
    ) -> None:
        """Copy the model, and try it out."""
        checks.module("model", model, "GPT(preset('character'))")
        if seq is not None:
            checks.positive(seq=seq)
        self.kind, self.model = type(model).__name__, copied(model)
        self._zeros = wake(self.model, seed)
        self.trained, self.seed = trained, seed
        self.loss, self.evaluate, self.cached, self.padded = loss, evaluate, cached, padded
        self.config = getattr(self.model, "config", None)
        self.takes = parameters(type(self.model))
        first = next((p for p in self.model.parameters()), torch.zeros(()))
        self.device = first.device
        self.pad_id = getattr(self.config, "pad_id", None)
        self.source = self._source()
        limits = (getattr(self.config, name, None) or LONGEST for name in LENGTHS)
        self.seq = min(LONGEST, *limits) if seq is None else seq
        self.embedding, self.vocab_size = self._vocabulary()
        self.causal = self._is_causal() if causal is None else causal

    def tokens(self, batch: int = 3, seq: int | None = None, shift: int = 0) -> Tensor:
        """Return random texts, without padding.

        Args:
            batch: number of texts.
            seq: tokens in each.
            shift: added to the seed, for other texts.
        """
        generator = torch.Generator().manual_seed(1_000 * self.seed + shift)
        shape = (batch, self.seq if seq is None else seq)
        ids = torch.randint(self.vocab_size - (self.pad_id is not None), shape, generator=generator)
        if self.pad_id is not None:
            ids = ids + (ids >= self.pad_id)
        return ids.to(self.device)

    def others(self, tokens: Tensor) -> Tensor:
        """Return texts that differ from the given ones at every place."""
        step = 1 + torch.arange(tokens.shape[1], device=tokens.device) % (self.vocab_size - 2 or 1)
        moved = (tokens + step) % self.vocab_size
        taken = (
            (moved == self.pad_id) if self.pad_id is not None else torch.zeros_like(moved).bool()
        )
        return torch.where(taken, (moved + 1) % self.vocab_size, moved)

    def __call__(self, tokens: Tensor, **options: Any) -> Tensor:
        """Return the logits of texts, in the present mode."""
        return logits_of(self._output(tokens, **options))

    def _output(self, tokens: Tensor, **options: Any) -> Any:
        """Return what the model returns."""
        arguments = () if self.source is None else (self.source[: len(tokens)],)
        return self.model(*arguments, tokens, **options)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Evaluate without gradients, and without drawing from PyTorch's generators."""
        own = own_randomness(self.device, self.seed)
        with in_mode(self.model, training=False), torch.no_grad(), own, without_fast_path():
            yield

    def logits(self, tokens: Tensor, ear: Ear | None = None, **options: Any) -> Tensor:
        """Return the logits of texts in evaluation, while an ear listens if one is given."""
        with self.quiet():
            if ear is None:
                return self(tokens, **options)
            with ear:
                return self(tokens, **options)

    def listen(self, tokens: Tensor, **options: Any) -> list[Heard]:
        """Return every use of self-attention in a pass over texts.

        Args:
            tokens: the texts, shape `(B, T)`.
            options: how the ear meddles.
        """
        ear = Ear(**options)
        self.logits(tokens, ear)
        seq = tokens.shape[1]
        return [h for h in ear.heard if h.complete and h.scores.shape[-2:] == (seq, seq)]

    @contextmanager
    def as_built(self) -> Iterator[None]:
        """Give the parameters that start at 0 their zeros back while the body runs."""
        kept = [(p, p.data) for p in self._zeros]
        for parameter, numbers in kept:
            parameter.data = torch.zeros_like(numbers)
        try:
            yield
        finally:
            for parameter, numbers in kept:
                parameter.data = numbers

    def pushed(self, tokens: Tensor, push: list[float]) -> Tensor:
        """Return the logits where the scores of each attention are multiplied by these factors."""
        return self.logits(tokens, Ear(push=push))

    @property
    def per_token(self) -> bool:
        """Whether there is a row of logits for each token, rather than one for each text."""
        tokens = self.tokens()
        return self.logits(tokens).shape[:2] == tokens.shape

    def _source(self) -> Tensor | None:
        """Return texts to translate, for a model that takes a source and a target."""
        if not {"source", "target"} <= self.takes:
            return None
        source = getattr(self.config, "source", None)
        high = getattr(source, "vocab_size", 8)
        ids = torch.randint(1, high, (16, 6), generator=torch.Generator().manual_seed(self.seed))
        return ids.to(self.device)

    def _vocabulary(self) -> tuple[nn.Module | None, int]:
        """Return the module that looks token ids up, and the number of ids."""
        found: list[nn.Embedding] = []
        fill = 0 if self.pad_id == 1 else 1
        tokens = torch.full((2, self.seq), fill, device=self.device)

        def notice(module: nn.Module, inputs: tuple) -> None:
            if inputs and inputs[0].shape[-2:] == tokens.shape and bool((inputs[0] == fill).all()):
                found.append(module)

        tables = [m for m in self.model.modules() if isinstance(m, nn.Embedding)]
        hooks = [table.register_forward_pre_hook(notice) for table in tables]
        try:
            with self.quiet():
                output = self._output(tokens)
        except (RuntimeError, IndexError, TypeError, ValueError) as reason:
            raise ValueError(
                f"model of type {self.kind} failed on token ids of shape {tuple(tokens.shape)}: "
                f"{reason} Expected a model that maps token ids (batch, tokens) to logits. Wrap it "
                "in a module whose forward does, or give the length of text that it takes: seq=8."
            ) from reason
        finally:
            for hook in hooks:
                hook.remove()
        logits = logits_of(output)
        table = found[-1] if self.source is not None and found else next(iter(found), None)
        size = logits.shape[-1] if table is None else table.num_embeddings
        return table, size if logits.ndim < 3 or table is None else min(size, logits.shape[-1])

    def _is_causal(self) -> bool:
        """Return what the model says of itself."""
        encodes = any(type(m).__name__ == "Encoder" for m in self.model.modules())
        return bool(getattr(self.config, "causal", not encodes or self.source is not None))


def subject(model: "nn.Module | Subject") -> Subject:
    """Return the subject of a probe: the model made one, if it is none yet.

    Args:
        model: a model, or a `Subject`, which says more about it.
    """
    return model if isinstance(model, Subject) else Subject(model)
