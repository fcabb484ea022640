"""From logits to the next token: a chain of filters, and a draw."""

from dataclasses import dataclass, fields
from reprlib import repr as short

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from glassbox import checks
from glassbox.generation import filters
from glassbox.generation.arguments import check_logits, check_probability


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How the next token is chosen: what is ruled out, and how the rest is drawn from.

    What is set is applied in the order of Hugging Face: `repetition_penalty`, `block_repeats`,
    `temperature`, `top_k`, `top_p`, `min_p`. Then one token is drawn from the softmax.

    Args:
        temperature: below 1 sharper, above 1 flatter; 0 takes the most likely token.
        top_k: keep the k most likely tokens.
        top_p: keep the most likely tokens whose probabilities reach this.
        min_p: keep the tokens at least this many times as likely as the most likely one.
        repetition_penalty: make tokens less likely that the text holds already.
        block_repeats: rule out a second occurrence of any run of this many tokens.

    Raises:
        TypeError: if a setting is of another kind.
        ValueError: if a setting is out of range, or has no effect because `temperature` is 0.

    Source:
        Holtzman et al. (2020), "The Curious Case of Neural Text Degeneration", section 3,
        https://doi.org/10.48550/arXiv.1904.09751

    Example:
        >>> logits, text = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[0]])
        >>> Sampler(temperature=0)(logits, text)
        tensor([0])
        >>> Sampler(temperature=0, repetition_penalty=3.0)(logits, text)
        tensor([1])
        >>> Sampler(top_k=2)(logits, text, torch.Generator().manual_seed(0)) < 2
        tensor([True])
    """

    temperature: int | float = 1.0
    top_k: int | None = None
    top_p: int | float | None = None
    min_p: int | float | None = None
    repetition_penalty: int | float | None = None
    block_repeats: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that are out of range, or that could have no effect."""
        if self.temperature != 0:
            checks.above_zero("temperature", self.temperature, example=0.8)
        given = {field.name for field in fields(self) if getattr(self, field.name) is not None}
        checks.positive(**{n: getattr(self, n) for n in ("top_k", "block_repeats") if n in given})
        for name in ("top_p", "min_p"):
            if name in given:
                check_probability(name, getattr(self, name))
        if self.repetition_penalty is not None:
            checks.above_zero("repetition_penalty", self.repetition_penalty, example=1.2)
        without_effect = sorted(given & {"top_k", "top_p", "min_p"})
        if self.temperature == 0 and without_effect:
            raise ValueError(
                f"temperature is 0, which takes the most likely token, so "
                f"{' and '.join(without_effect)} would change nothing. Leave that out, or use a "
                "temperature above 0."
            )

    def __call__(
        self,
        logits: Float[Tensor, "batch vocab_size"],
        tokens: Int[Tensor, "batch seq"],
        generator: torch.Generator | None = None,
        real: Bool[Tensor, "batch seq"] | None = None,
    ) -> Int[Tensor, " batch"]:
        """Return the id of the next token of each text.

        Args:
            logits: scores of the next token, shape `(B, vocab_size)`.
            tokens: the texts so far, shape `(B, T)`.
            generator: where the draws come from; not needed with a temperature of 0.
            real: `True` where a token is no padding, shape `(B, T)`; everywhere if not given.

        Raises:
            TypeError: if a draw is to be made and there is no generator.
            ValueError: if a shape does not fit, or no token is left.
        """
        check_logits(logits)
        if self.repetition_penalty is not None:
            logits = filters.repetition_penalty(logits, tokens, self.repetition_penalty, real)
        if self.block_repeats is not None:
            logits = filters.block_repeats(logits, tokens, self.block_repeats, real)
        if self.temperature == 0:
            return logits.argmax(dim=-1)
        # Half precision overflows where a small temperature makes logits large.
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        logits = filters.temperature(logits, self.temperature)
        for name in ("top_k", "top_p", "min_p"):
            if getattr(self, name) is not None:
                logits = getattr(filters, name)(logits, getattr(self, name))
        if not isinstance(generator, torch.Generator):
            raise TypeError(
                f"generator is {short(generator)}; expected a torch.Generator to draw from. Make "
                "one with torch.Generator().manual_seed(0)."
            )
        return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator).flatten()


GREEDY = Sampler(temperature=0)
"""Always the most likely token: no draw, and no seed."""
