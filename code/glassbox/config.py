"""The settings that every transformer of this package shares, checked as they are written down."""

from dataclasses import dataclass, fields

from glassbox import checks
from glassbox.attention import ATTENTIONS
from glassbox.blank import blank
from glassbox.block import RESIDUALS
from glassbox.feedforward import FEED_FORWARDS
from glassbox.norms import NORMS
from glassbox.positions import POSITIONS, Positions, build_positions


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """The sizes and parts of a transformer; the models add what only they need.

    Args:
        vocab_size: number of token ids.
        context_length: the most positions that the model takes at once.
        d_model: width of a token's vector.
        n_heads: number of attention heads.
        n_layers: number of blocks.
        n_kv_heads: number of key and value heads; as many as `n_heads` if not given.
        d_ff: inner width of the feed-forward network; four times `d_model` if not given. (With
            three matrices, SwiGLU costs the same at two thirds of that.)
        attention: `"multi_head"` (one product for all heads) or `"head_list"` (head by head).
        positions: `"none"`, `"sinusoidal"`, `"learned"`, `"rotary"`, `"alibi"`, `"t5"`,
            `"transformer_xl"` or `"deberta"`.
        norm: `"layer"` or `"rms"`.
        residual: `"pre"` (norm inside the branch) or `"post"` (norm after the sum).
        feed_forward: `"relu"`, `"gelu"`, `"gelu_tanh"`, `"squared_relu"` or `"swiglu"`.
        qk_norm: whether the queries and the keys of each head are normalized, by `norm`.
        qkv_bias: whether the projections to queries, keys and values add a learned vector.
        bias: whether the other linear layers of a block do.
        dropout: share of numbers set to 0 while training.

    Raises:
        TypeError: if a size is not a whole number, or a switch neither True nor False.
        ValueError: if a size is below 1, a name is unknown, or the settings do not fit together.

    Example:
        >>> TransformerConfig(vocab_size=65, context_length=8, d_model=64, n_heads=5, n_layers=4)
        Traceback (most recent call last):
        ...
        ValueError: d_model is 64 and n_heads is 5, but 64 / 5 is not whole. The nearest d_model \
that works with n_heads=5: 60 or 65. The nearest n_heads that works with d_model=64: 4.
    """

    vocab_size: int
    context_length: int
    d_model: int
    n_heads: int
    n_layers: int
    n_kv_heads: int | None = None
    d_ff: int | None = None
    attention: str = "multi_head"
    positions: str = "learned"
    norm: str = "layer"
    residual: str = "pre"
    feed_forward: str = "gelu"
    qk_norm: bool = False
    qkv_bias: bool = False
    bias: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse settings that do not fit together."""
        sizes = ("vocab_size", "context_length", "d_model", "n_heads", "n_layers")
        checks.positive(**{name: getattr(self, name) for name in sizes})
        optional = {"n_kv_heads": self.n_kv_heads, "d_ff": self.d_ff}
        checks.positive(**{name: size for name, size in optional.items() if size is not None})
        checks.divides("d_model", self.d_model, "n_heads", self.n_heads)
        if self.n_kv_heads is not None:
            checks.divides("n_heads", self.n_heads, "n_kv_heads", self.n_kv_heads)
        checks.share(dropout=self.dropout)
        switches = [field.name for field in fields(self) if isinstance(field.default, bool)]
        checks.flags(**{name: getattr(self, name) for name in switches})
        checks.one_of("attention", self.attention, ATTENTIONS)
        checks.one_of("positions", self.positions, POSITIONS)
        checks.one_of("norm", self.norm, NORMS)
        checks.one_of("residual", self.residual, RESIDUALS)
        checks.one_of("feed_forward", self.feed_forward, FEED_FORWARDS)
        with blank():  # to hear of sizes that do not suit it, at no cost
            scheme = build_positions(self.positions, self, causal=True)
        if self.attention == "head_list":
            self._check_head_list(scheme)

    def _check_head_list(self, scheme: Positions) -> None:
        """Refuse what a list of heads cannot do."""
        if self.n_kv_heads not in (None, self.n_heads):
            raise ValueError(
                f"attention is 'head_list' and n_kv_heads is {self.n_kv_heads}; heads in a list "
                f"share nothing. Leave n_kv_heads out, or write attention='multi_head'."
            )
        if self.qk_norm:
            raise ValueError(
                "attention is 'head_list' and qk_norm is True; a list of heads has no place for "
                "these norms. Write attention='multi_head'."
            )
        if scheme.seat == "attention":
            raise ValueError(
                f"attention is 'head_list' and positions is {self.positions!r}, which acts inside "
                "attention; a list of heads has no place for it. Write attention='multi_head'."
            )

    @property
    def d_head(self) -> int:
        """Width of one query, key or value."""
        return self.d_model // self.n_heads

    @property
    def feed_forward_width(self) -> int:
        """Inner width of the feed-forward network."""
        return 4 * self.d_model if self.d_ff is None else self.d_ff
