"""Position schemes by name, as configurations write them."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from glassbox import checks
from glassbox.positions.added import Learned, Sinusoidal
from glassbox.positions.base import NoPositions, Positions
from glassbox.positions.biases import ALiBi, T5Bias
from glassbox.positions.relative import DeBERTa, TransformerXL
from glassbox.positions.rotary import Rotary


@runtime_checkable
class Sizes(Protocol):
    """What a scheme needs to know about a model.

    Attributes:
        d_model: width D of an embedding.
        n_heads: number of heads H.
        context_length: number of positions.

    Example:
        >>> from types import SimpleNamespace
        >>> sizes = SimpleNamespace(d_model=64, d_head=16, n_heads=4, context_length=8)
        >>> isinstance(sizes, Sizes)
        True
    """

    d_model: int
    n_heads: int
    context_length: int

    @property
    def d_head(self) -> int:
        """Width of a query, of a key and of a value."""


POSITIONS: dict[str, Callable[[Sizes, bool], Positions]] = {
    "none": lambda config, causal: NoPositions(),
    "sinusoidal": lambda config, causal: Sinusoidal(config.d_model, config.context_length),
    "learned": lambda config, causal: Learned(config.d_model, config.context_length),
    "rotary": lambda config, causal: Rotary(config.d_head),
    "alibi": lambda config, causal: ALiBi(config.n_heads),
    "t5": lambda config, causal: T5Bias(config.n_heads, causal=causal),
    "transformer_xl": lambda config, causal: TransformerXL(config.d_model, config.n_heads),
    "deberta": lambda config, causal: DeBERTa(
        config.d_model, config.n_heads, max_distance=config.context_length
    ),
}
"""What builds each scheme from a model's sizes and from whether its attention is causal."""


def build_positions(name: str, config: Sizes, causal: bool) -> Positions:
    """Return a new position scheme.

    Args:
        name: one of the names in `POSITIONS`.
        config: the model's sizes; anything with the attributes of `Sizes`.
        causal: whether attention is causal, so that no key lies ahead of its query.

    Returns:
        The scheme, its parameters freshly drawn.

    Raises:
        TypeError: if `config` lacks a size.
        ValueError: if there is no scheme of that name, or the sizes do not suit it.

    Example:
        >>> from types import SimpleNamespace
        >>> sizes = SimpleNamespace(d_model=64, n_heads=4, d_head=16, context_length=8)
        >>> build_positions("rotary", sizes, causal=True)
        Rotary(d_head=16, base=10000)
    """
    checks.one_of("positions", name, POSITIONS)
    if not isinstance(config, Sizes):
        raise TypeError(
            f"config is of type {type(config).__name__}; expected an object that has d_model, "
            "n_heads, d_head and context_length, such as a GPTConfig."
        )
    return POSITIONS[name](config, causal)
