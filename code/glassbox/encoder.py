"""The encoder: every token sees every other. With a head that fills in blanks, a language model."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from glassbox import checks, masks
from glassbox.assembly import build_blocks
from glassbox.attention.arguments import check_mask
from glassbox.config import TransformerConfig
from glassbox.losses import Output, cross_entropy
from glassbox.transformer import Transformer


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(TransformerConfig):
    """The settings of an encoder: those of every transformer, and its padding.

    Positions and place of the norm are those of Vaswani et al. (2017), unless given.

    Args:
        positions: as in `TransformerConfig`; `"sinusoidal"` if not given.
        residual: as in `TransformerConfig`; `"post"` if not given.
        pad_id: the token id that fills up short sequences; without it, every token is real.

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if the settings do not fit together, or `pad_id` is no token id.

    Example:
        >>> config = EncoderConfig(
        ...     vocab_size=30_000, context_length=100, d_model=128, n_heads=8, n_layers=1
        ... )
        >>> config.residual, config.d_head
        ('post', 16)
    """

    positions: str = "sinusoidal"
    residual: str = "post"
    pad_id: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that do not fit together."""
        super().__post_init__()
        checks.token_id("pad_id", self.pad_id, self.n_source_ids)

    @property
    def n_source_ids(self) -> int:
        """Number of token ids that the encoder reads."""
        return self.vocab_size


class Encoder(Transformer):
    """Return one vector a token, informed by all real tokens on both sides.

    Args:
        config: the settings.

    Source:
        Vaswani et al. (2017), figure 1, left half, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> config = EncoderConfig(
        ...     vocab_size=50, context_length=12, d_model=16, n_heads=4, n_layers=2
        ... )
        >>> Encoder(config)(torch.tensor([[7, 8, 9, 0]])).shape
        torch.Size([1, 4, 16])
    """

    config: EncoderConfig

    def __init__(self, config: EncoderConfig) -> None:
        """Draw the trunk, with attention in both directions."""
        checks.config(config, EncoderConfig)
        super().__init__(config, build_blocks, causal=False)

    def padding_mask(self, tokens: Int[Tensor, "batch src"]) -> Bool[Tensor, "batch 1 1 src"]:
        """Return the mask that hides the padding.

        Args:
            tokens: token ids, shape `(B, S)`.

        Raises:
            ValueError: if a row holds nothing but padding.
        """
        checks.ids("tokens", tokens)
        if self.config.pad_id is None:
            return torch.ones_like(tokens, dtype=torch.bool)[:, None, None, :]
        return masks.padding(tokens, self.config.pad_id)

    def forward(
        self, tokens: Int[Tensor, "batch src"], *, mask: Bool[Tensor, "..."] | None = None
    ) -> Float[Tensor, "batch src d_model"]:
        """Return the vectors after the last block, shape `(B, S, d_model)`.

        Padding has a row of its own in the result; whoever pools must leave it out.

        Args:
            tokens: token ids, shape `(B, S)`.
            mask: `True` where attention is allowed, besides the padding; shape `(S, S)` or
                `(B, 1, S, S)`.

        Raises:
            TypeError: if the ids are not whole numbers.
            ValueError: if an id is out of range, the text is too long, or a row is all padding.
        """
        x = self.embed(tokens)
        allowed = None if self.config.pad_id is None else self.padding_mask(tokens)
        if mask is not None:
            # Joined unchecked, (B, S, S) would line up with the heads where these are as many.
            batch, src = tokens.shape
            check_mask(mask, (batch, self.config.n_heads, src, src), tokens.device)
            allowed = mask if allowed is None else allowed & mask
        for block in self.blocks:
            x = block(x, mask=allowed)
        return self.norm(x)


class MaskedLanguageModel(nn.Module):
    """Tell which token was hidden at each place, from both sides of it.

    Args:
        config: the settings.

    Source:
        Devlin et al. (2019), "BERT", section 3.1, https://doi.org/10.48550/arXiv.1810.04805

    Example:
        >>> config = EncoderConfig(
        ...     vocab_size=50, context_length=12, d_model=16, n_heads=4, n_layers=2
        ... )
        >>> MaskedLanguageModel(config)(torch.tensor([[7, 8, 9, 0]])).logits.shape
        torch.Size([1, 4, 50])
    """

    def __init__(self, config: EncoderConfig) -> None:
        """Draw the encoder, then the output layer."""
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.head = nn.Linear(config.d_model, config.vocab_size)

    def forward(
        self, tokens: Int[Tensor, "batch src"], targets: Int[Tensor, "batch src"] | None = None
    ) -> Output:
        """Return the logits of the token at each place, shape `(B, S, vocab_size)`, and the loss.

        Args:
            tokens: token ids, some of them replaced by a mask token, shape `(B, S)`.
            targets: the true token where one was hidden, −100 elsewhere, shape `(B, S)`.

        Raises:
            TypeError: if the ids are not whole numbers.
            ValueError: as `Encoder`, or if the targets do not fit.
        """
        logits = self.head(self.encoder(tokens))
        return Output(logits, cross_entropy(logits, targets))
