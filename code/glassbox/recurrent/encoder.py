"""The reader of a source: its settings, an encoder with any cell, and a classifier on top."""

from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from glassbox import checks, masks
from glassbox.losses import Output, cross_entropy
from glassbox.recurrent.alignment import AdditiveAttention, DotAttention, NoAttention
from glassbox.recurrent.bidirectional import Bidirectional
from glassbox.recurrent.cells import GRU, LSTM, State

CELLS = {"gru": GRU, "lstm": LSTM}
"""The cells that a configuration can name."""

ATTENTIONS = {
    "none": lambda d_hidden: NoAttention(),
    "additive": lambda d_hidden: AdditiveAttention(d_hidden, d_hidden, d_hidden),
    "dot": lambda d_hidden: DotAttention(d_hidden),
}
"""The ways to look back that a configuration can name; each is built from the width of a state."""


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig:
    """The settings of a recurrent encoder and decoder.

    Args:
        vocab_size: number of token ids, the same for source and target.
        d_embedding: width of a token's vector.
        d_hidden: width of a state. In a bidirectional encoder each direction gets half of it, so
            that both together are as wide as the decoder's state.
        cell: `"gru"` or `"lstm"`.
        attention: `"none"`, `"additive"` or `"dot"`.
        bidirectional: whether the encoder reads from both ends.
        pad_id: the id that fills up short sources; `None` if there is none.

    Raises:
        ValueError: if a size is less than 1, a name is unknown, `d_hidden` cannot be halved where
            it must be, or `pad_id` is no token id.
        TypeError: if a size is no whole number.

    Example:
        >>> config = RecurrentConfig(vocab_size=12, d_embedding=48, d_hidden=48, attention="dot")
        >>> config.cell, config.bidirectional
        ('gru', False)
    """

    vocab_size: int
    d_embedding: int
    d_hidden: int
    cell: str = "gru"
    attention: str = "none"
    bidirectional: bool = False
    pad_id: int | None = None

    def __post_init__(self) -> None:
        """Raise an error that names the setting at fault."""
        checks.flags(bidirectional=self.bidirectional)
        checks.positive(
            vocab_size=self.vocab_size, d_embedding=self.d_embedding, d_hidden=self.d_hidden
        )
        checks.one_of("cell", self.cell, CELLS)
        checks.one_of("attention", self.attention, ATTENTIONS)
        if self.bidirectional and self.d_hidden % 2:
            raise ValueError(
                f"d_hidden is {self.d_hidden}, but a bidirectional encoder gives half of it to "
                f"each direction. Take an even width, such as {self.d_hidden + 1}."
            )
        checks.token_id("pad_id", self.pad_id, self.vocab_size)


class Encoded(NamedTuple):
    """A source as the decoder finds it: `states, final, keep = encoder(source)`.

    Attributes:
        states: the encoder's output at every position, shape `(B, S, d_hidden)`.
        final: the state after the last token, a tuple of tensors of shape `(B, d_hidden)`.
        keep: `True` where a source position is no padding, shape `(B, S)`; `None` where the
            configuration has no `pad_id`.

    Example:
        >>> import torch
        >>> h = torch.zeros(2, 6)
        >>> Encoded(torch.zeros(2, 5, 6), (h,), None).states.shape
        torch.Size([2, 5, 6])
    """

    states: Float[Tensor, "batch src d_hidden"]
    final: State
    keep: Bool[Tensor, "batch src"] | None


class RecurrentEncoder(nn.Module):
    """Turn token ids into one state for each position, and a final one.

    Args:
        config: the settings; `attention` plays no part here.

    Source:
        Cho et al. (2014), section 2.2, https://doi.org/10.3115/v1/D14-1179

    Example:
        >>> import torch
        >>> encoder = RecurrentEncoder(RecurrentConfig(vocab_size=9, d_embedding=4, d_hidden=6))
        >>> states, (h,), keep = encoder(torch.tensor([[1, 5, 2]]))
        >>> states.shape, h.shape, keep
        (torch.Size([1, 3, 6]), torch.Size([1, 6]), None)
    """

    def __init__(self, config: RecurrentConfig) -> None:
        """Build the embedding and one cell, or one for each direction."""
        super().__init__()
        checks.config(config, RecurrentConfig)
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_embedding)
        make_cell = CELLS[config.cell]
        if config.bidirectional:
            sizes = config.d_embedding, config.d_hidden // 2
            self.cell = Bidirectional(make_cell(*sizes), make_cell(*sizes))
        else:
            self.cell = make_cell(config.d_embedding, config.d_hidden)

    def forward(self, source: Int[Tensor, "batch src"]) -> Encoded:
        """Read the source, skipping its padding.

        Args:
            source: token ids, shape `(B, S)`.

        Returns:
            The states at all positions, the final state, and where the source is no padding.

        Raises:
            ValueError: if `source` has no batch axis, an id is out of range, or a row holds
                nothing but padding.
            TypeError: if `source` holds no whole numbers.
        """
        checks.tokens("source", source, self.config.vocab_size, self.token_embedding.weight)
        keep = None
        if self.config.pad_id is not None:
            keep = masks.padding(source, self.config.pad_id)[:, 0, 0]
        states, final = self.cell(self.token_embedding(source), keep=keep)
        return Encoded(states, final, keep)


class RecurrentClassifier(nn.Module):
    """Read a sequence and name its class: an encoder whose final state is all that counts.

    Args:
        config: the settings of the encoder; its `attention` stays `"none"`.
        n_classes: number of classes.

    Raises:
        ValueError: if `n_classes` is less than 1, or the configuration asks for attention.

    Source:
        Sutskever, Vinyals and Le (2014), section 2, the reading half,
        https://doi.org/10.48550/arXiv.1409.3215

    Example:
        >>> import torch
        >>> config = RecurrentConfig(vocab_size=9, d_embedding=4, d_hidden=6, bidirectional=True)
        >>> model = RecurrentClassifier(config, n_classes=2)
        >>> model(torch.tensor([[1, 5, 2]])).logits.shape
        torch.Size([1, 2])
    """

    def __init__(self, config: RecurrentConfig, n_classes: int) -> None:
        """Build the encoder and the projection to classes."""
        super().__init__()
        checks.config(config, RecurrentConfig)
        checks.positive(n_classes=n_classes)
        if config.attention != "none":
            raise ValueError(
                f"attention is {config.attention!r}, but a classifier has no decoder that could "
                "look back at the source. Leave it 'none'."
            )
        self.config = config
        self.encoder = RecurrentEncoder(config)
        self.head = nn.Linear(config.d_hidden, n_classes)

    def forward(
        self, tokens: Int[Tensor, "batch seq"], targets: Int[Tensor, " batch"] | None = None
    ) -> Output:
        """Return one score for each class, and the loss where targets are given.

        Args:
            tokens: token ids, shape `(B, T)`.
            targets: the true classes, shape `(B,)`.

        Returns:
            Logits of shape `(B, n_classes)` and the mean cross-entropy, or `None`.

        Raises:
            ValueError: as the encoder, or if targets do not fit.
        """
        logits = self.head(self.encoder(tokens).final[0])
        return Output(logits, cross_entropy(logits, targets))
