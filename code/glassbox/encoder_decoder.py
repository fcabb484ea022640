"""The encoder-decoder: read a source from both sides, write a target from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.assembly import build_cross_blocks
from glassbox.attention import KeyValueCache
from glassbox.encoder import Encoder, EncoderConfig
from glassbox.losses import Output, cross_entropy
from glassbox.transformer import Transformer, cached


@dataclass(frozen=True, kw_only=True)
class EncoderDecoderConfig(EncoderConfig):
    """The settings of an encoder-decoder; both halves have the same sizes and parts.

    Args:
        vocab_size: number of token ids of the target.
        source_vocab_size: that of the source, among which is `pad_id`; `vocab_size` if not given.

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if the settings do not fit together.

    Example:
        >>> config = EncoderDecoderConfig(
        ...     vocab_size=20, context_length=16, d_model=16, n_heads=4, n_layers=1
        ... )
        >>> config.source.vocab_size
        20
    """

    source_vocab_size: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that do not fit together."""
        if self.source_vocab_size is not None:
            checks.positive(source_vocab_size=self.source_vocab_size)
        super().__post_init__()

    @property
    def n_source_ids(self) -> int:
        """Number of token ids that the encoder reads."""
        return self.vocab_size if self.source_vocab_size is None else self.source_vocab_size

    @property
    def source(self) -> EncoderConfig:
        """The settings of the encoder."""
        shared = {field.name: getattr(self, field.name) for field in fields(EncoderConfig)}
        return EncoderConfig(**shared | {"vocab_size": self.n_source_ids})


class Decoder(Transformer):
    """A causal stack whose blocks also attend to the output of an encoder.

    Args:
        config: the settings.

    Source:
        Vaswani et al. (2017), figure 1, right half, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> import torch
        >>> config = EncoderDecoderConfig(
        ...     vocab_size=20, context_length=16, d_model=16, n_heads=4, n_layers=1
        ... )
        >>> Decoder(config)(torch.tensor([[1, 2, 3]]), torch.zeros(1, 5, 16)).shape
        torch.Size([1, 3, 20])
    """

    def __init__(self, config: EncoderDecoderConfig) -> None:
        """Draw the trunk, then the output layer."""
        checks.config(config, EncoderDecoderConfig)
        super().__init__(config, build_cross_blocks, causal=True)
        self.head = nn.Linear(config.d_model, config.vocab_size)

    def forward(
        self,
        target: Int[Tensor, "batch seq"],
        memory: Float[Tensor, "batch src d_model"],
        *,
        memory_mask: Bool[Tensor, "..."] | None = None,
        caches: Sequence[KeyValueCache] | None = None,
    ) -> Float[Tensor, "batch seq vocab_size"]:
        """Return the logits of each next target token, shape `(B, T, vocab_size)`.

        Args:
            target: target tokens so far, shape `(B, T)`.
            memory: the encoder's output, shape `(B, S, d_model)`.
            memory_mask: `True` where the source is no padding, shape `(B, 1, 1, S)`.
            caches: keys and values of earlier target tokens; those of `target` are appended.

        Raises:
            TypeError: if the ids are not whole numbers.
            ValueError: if an id is out of range, the target is too long, or shapes do not fit.
        """
        if memory_mask is not None:
            checks.tensor("memory_mask", memory_mask)
            if memory_mask.ndim != 4:  # a row for each sequence could pass for one for each query
                raise ValueError(
                    f"memory_mask has shape {tuple(memory_mask.shape)}; expected (batch, 1, 1, "
                    "source), as encoder.padding_mask(source) returns it."
                )
        pairs = self._pair(caches)
        x = self.embed(target, start=cached(caches))
        for block, cache in pairs:
            x = block(x, memory, memory_mask=memory_mask, cache=cache)
        return self.head(self.norm(x))


class EncoderDecoder(nn.Module):
    """Map a source sequence to a target sequence of another length.

    Args:
        config: the settings.

    Source:
        Vaswani et al. (2017), figure 1, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> import torch
        >>> config = EncoderDecoderConfig(
        ...     vocab_size=20, context_length=16, d_model=16, n_heads=4, n_layers=1
        ... )
        >>> model = EncoderDecoder(config)
        >>> model(torch.tensor([[5, 6, 7, 8, 9]]), torch.tensor([[1, 2, 3]])).logits.shape
        torch.Size([1, 3, 20])
    """

    def __init__(self, config: EncoderDecoderConfig) -> None:
        """Draw the encoder, then the decoder."""
        super().__init__()
        checks.config(config, EncoderDecoderConfig)
        self.config = config
        self.encoder = Encoder(config.source)
        self.decoder = Decoder(config)

    def forward(
        self,
        source: Int[Tensor, "batch src"],
        target: Int[Tensor, "batch seq"],
        targets: Int[Tensor, "batch seq"] | None = None,
    ) -> Output:
        """Return the logits of each next target token, and their loss.

        Args:
            source: source tokens, shape `(B, S)`.
            target: target tokens so far, starting with a start token, shape `(B, T)`.
            targets: the target token that follows each, shape `(B, T)`; −100 where none counts.

        Raises:
            TypeError: if the ids are not whole numbers.
            ValueError: if an id is out of range, a sequence is too long, the batches differ, a
                source is all padding, or the targets do not fit.
        """
        checks.ids("source", source)
        checks.ids("target", target)
        if len(source) != len(target):
            raise ValueError(
                f"there are {len(source)} sources and {len(target)} targets; expected one target "
                "for each source."
            )
        memory, mask = self.encoder(source), self.encoder.padding_mask(source)
        logits = self.decoder(target, memory, memory_mask=mask)
        return Output(logits, cross_entropy(logits, targets))
