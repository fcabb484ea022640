"""An encoder that tells the class of a whole sequence."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.encoder import Encoder, EncoderConfig
from glassbox.losses import Output, cross_entropy
from glassbox.pooling import POOLINGS


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(EncoderConfig):
    """The settings of an encoder with a classifier on top.

    Args:
        n_classes: number of classes.
        pooling: `"mean"`, `"max"`, `"first"` or `"attention"`.
        d_classifier: inner width of the classifier; a single linear layer if not given.

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if the settings do not fit together.

    Example:
        >>> shape_trace().n_classes
        2
    """

    n_classes: int
    pooling: str = "mean"
    d_classifier: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that do not fit together."""
        super().__post_init__()
        checks.positive(n_classes=self.n_classes)
        if self.d_classifier is not None:
            checks.positive(d_classifier=self.d_classifier)
        checks.one_of("pooling", self.pooling, POOLINGS)


class EncoderClassifier(nn.Module):
    """Tell the class of a whole sequence: encode, pool, classify.

    Args:
        config: the settings.

    Source:
        Devlin et al. (2019), "BERT", section 4.1, https://doi.org/10.48550/arXiv.1810.04805

    Example:
        >>> model = EncoderClassifier(shape_trace())
        >>> sum(p.numel() for p in model.parameters())
        4105346
    """

    def __init__(self, config: ClassifierConfig) -> None:
        """Draw the encoder, then the pooling, then the classifier."""
        super().__init__()
        checks.config(config, ClassifierConfig)
        self.config = config
        self.encoder = Encoder(config)
        self.pooling = POOLINGS[config.pooling](config.d_model)
        if config.d_classifier is None:
            self.head = nn.Linear(config.d_model, config.n_classes)
        else:
            self.head = nn.Sequential(
                nn.Linear(config.d_model, config.d_classifier),
                nn.GELU(),
                nn.Linear(config.d_classifier, config.n_classes),
            )

    def pool(self, tokens: Int[Tensor, "batch src"]) -> Float[Tensor, "batch d_model"]:
        """Return one vector a sequence, shape `(B, d_model)`: what the classifier sees.

        Args:
            tokens: token ids, shape `(B, S)`.

        Raises:
            ValueError: as `Encoder`.
        """
        real = self.encoder.padding_mask(tokens)[:, 0, 0, :]
        return self.pooling(self.encoder(tokens), real)

    def forward(
        self, tokens: Int[Tensor, "batch src"], targets: Int[Tensor, " batch"] | None = None
    ) -> Output:
        """Return the logits of each class, shape `(B, n_classes)`, and their loss.

        Args:
            tokens: token ids, shape `(B, S)`.
            targets: the true class of each sequence, shape `(B,)`.

        Raises:
            TypeError: if the ids are not whole numbers.
            ValueError: as `Encoder`, or if the targets do not fit.
        """
        logits = self.head(self.pool(tokens))
        return Output(logits, cross_entropy(logits, targets))


def shape_trace() -> ClassifierConfig:
    """Return the settings of the 128-wide classifier that the course traces shape by shape.

    Example:
        >>> config = shape_trace()
        >>> config.d_model, config.n_heads, config.d_head, config.feed_forward_width
        (128, 8, 16, 512)
    """
    return ClassifierConfig(
        vocab_size=30_000,
        context_length=100,
        d_model=128,
        n_heads=8,
        n_layers=1,
        attention="head_list",
        qkv_bias=True,
        pad_id=0,
        n_classes=2,
        d_classifier=512,
    )
