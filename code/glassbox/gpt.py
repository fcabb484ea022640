"""Decoder-only models: the bigram table and GPT, with the sizes that the course speaks of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jaxtyping import Bool, Int
from torch import Tensor, nn

from glassbox import checks, pretrained
from glassbox.assembly import build_blocks
from glassbox.attention import KeyValueCache
from glassbox.blank import blank
from glassbox.config import TransformerConfig
from glassbox.initialization import INITIALIZATIONS
from glassbox.losses import Output, cross_entropy
from glassbox.transformer import Transformer, cached


class Bigram(nn.Module):
    """Predict the next token from the last one alone: a table of logits.

    Args:
        vocab_size: number of token ids.

    Raises:
        ValueError: if `vocab_size` is below 1.

    Source:
        Shannon (1948), "A Mathematical Theory of Communication", section 3 (second-order
        approximation), https://doi.org/10.1002/j.1538-7305.1948.tb01338.x

    Example:
        >>> model = Bigram(vocab_size=65)
        >>> sum(p.numel() for p in model.parameters())
        4225
    """

    def __init__(self, vocab_size: int) -> None:
        """Draw the table."""
        super().__init__()
        checks.positive(vocab_size=vocab_size)
        self.table = nn.Embedding(vocab_size, vocab_size)

    def forward(
        self, tokens: Int[Tensor, "batch seq"], targets: Int[Tensor, "batch seq"] | None = None
    ) -> Output:
        """Return the logits of each next token, and their loss.

        Args:
            tokens: token ids, shape `(B, T)`.
            targets: the token that follows each, shape `(B, T)`; −100 where none counts.

        Raises:
            TypeError: if the ids are not whole numbers.
            ValueError: if an id is out of range, or the targets do not fit.
        """
        checks.tokens("tokens", tokens, self.table.num_embeddings, self.table.weight)
        logits = self.table(tokens)
        return Output(logits, cross_entropy(logits, targets))


@dataclass(frozen=True, kw_only=True)
class GPTConfig(TransformerConfig):
    """The settings of a GPT: those of every transformer, and four more.

    Args:
        causal: whether tokens attend only backward. Without it, give the model a mask such as
            `masks.prefix`.
        head_bias: whether the output layer adds a learned number to each logit.
        tied: whether the output layer is the embedding table itself. Choose `"gpt2"` as well: the
            table's default standard deviation of 1 makes the first logits huge.
        initialization: how parameters start: `"pytorch"`, `"gpt2"` or `"fan_in"`.

    Raises:
        TypeError: if a size is not a whole number.
        ValueError: if the settings do not fit together.

    Example:
        >>> config = GPTConfig(
        ...     vocab_size=65, context_length=8, d_model=64, n_heads=4, n_layers=4
        ... )
        >>> config.causal, config.d_head, config.feed_forward_width
        (True, 16, 256)
    """

    causal: bool = True
    head_bias: bool = False
    tied: bool = False
    initialization: str = "pytorch"

    def __post_init__(self) -> None:
        """Refuse settings that do not fit together."""
        super().__post_init__()
        checks.one_of("initialization", self.initialization, INITIALIZATIONS)
        if self.tied and self.initialization == "fan_in":
            raise ValueError(
                "tied is True and initialization is 'fan_in', which lets the head start at 0; a "
                "head that is the embedding table cannot. Write initialization='gpt2', or leave "
                "tied out."
            )


class GPT(Transformer):
    """A stack of causal blocks that predicts, at every position, the token that comes next.

    Args:
        config: the settings, such as `preset("character")`.

    Raises:
        TypeError: if `config` is no `GPTConfig`.

    Source:
        Radford et al. (2019), "Language Models are Unsupervised Multitask Learners", section 2.3,
        https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf

    Example:
        >>> import torch
        >>> model = GPT(preset("character"))
        >>> logits, loss = model(torch.zeros(2, 8, dtype=torch.long))
        >>> logits.shape, loss
        (torch.Size([2, 8, 65]), None)
    """

    def __init__(self, config: GPTConfig) -> None:
        """Draw the trunk, then the output layer."""
        checks.config(config, GPTConfig, ", or take one by name: preset('gpt2')")
        super().__init__(config, build_blocks, causal=config.causal)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=config.head_bias)
        if config.tied:
            self.head.weight = self.token_embedding.weight
        INITIALIZATIONS[config.initialization](self)

    def forward(
        self,
        tokens: Int[Tensor, "batch seq"],
        targets: Int[Tensor, "batch seq"] | None = None,
        *,
        mask: Bool[Tensor, "..."] | None = None,
        positions: Int[Tensor, "*batch seq"] | None = None,
        caches: Sequence[KeyValueCache] | None = None,
    ) -> Output:
        """Return the logits of each next token, and their loss.

        Args:
            tokens: token ids, shape `(B, T)`.
            targets: the token that follows each, shape `(B, T)`; −100 where none counts.
            mask: `True` where attention is allowed, besides being causal; shape `(T, S)` or
                `(B, 1, T, S)`, where S counts the tokens in the caches as well.
            positions: where each token stands, shape `(T,)` or `(B, T)`; 0, 1, 2, … if not given.
                Schemes inside attention ignore it: they count from one token to the next.
            caches: keys and values of earlier tokens, from `new_caches`; those of `tokens` are
                appended.

        Raises:
            TypeError: if the ids are not whole numbers.
            ValueError: if an id is out of range, the context is too long, or targets, mask or
                caches do not fit.
        """
        pairs = self._pair(caches)
        x = self.embed(tokens, positions, start=cached(caches))
        for block, cache in pairs:
            x = block(x, mask=mask, cache=cache)
        logits = self.head(self.norm(x))
        return Output(logits, cross_entropy(logits, targets))

    @classmethod
    def from_pretrained(cls, source: str | Path, *, revision: str | None = None) -> "GPT":
        """Return a published GPT-2, ready to evaluate; call `train()` to go on training it.

        Args:
            source: a folder, the path of a `model.safetensors`, or a name on the Hugging Face hub.
            revision: the version on the hub; the newest if not given.

        Raises:
            ValueError: if the files are not those of a GPT-2; more errors in `pretrained.read`.
        """
        settings, state = pretrained.read(source, revision=revision)
        with blank():  # draws no random numbers, and takes no memory
            model = cls(GPTConfig(**settings))
        state["head.weight"] = state["token_embedding.weight"]
        model.load_state_dict(state, assign=True)
        model.head.weight = model.token_embedding.weight  # assigning gave each its own
        return model.eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `model.safetensors` and `config.json`, which transformers reads as a GPT-2.

        Args:
            folder: where to; made if it does not exist.

        Raises:
            ValueError: if the model has a part that GPT-2 lacks.
        """
        pretrained.write(folder, self.config, self.state_dict())


_CHARACTER = GPTConfig(
    vocab_size=65,
    context_length=8,
    d_model=64,
    n_heads=4,
    n_layers=4,
    attention="head_list",
    feed_forward="relu",
    head_bias=True,
)
_GPT2 = GPTConfig(
    vocab_size=50_257,
    context_length=1_024,
    d_model=768,
    n_heads=12,
    n_layers=12,
    feed_forward="gelu_tanh",
    qkv_bias=True,
    tied=True,
    initialization="gpt2",
)
PRESETS = {
    "character": _CHARACTER,
    "adder": replace(_CHARACTER, vocab_size=18, context_length=10, n_layers=2),
    "character-100m": replace(_CHARACTER, context_length=256, d_model=896, n_heads=14, n_layers=10),
    "gpt2": _GPT2,
    "gpt2-medium": replace(_GPT2, d_model=1_024, n_heads=16, n_layers=24),
    "gpt2-large": replace(_GPT2, d_model=1_280, n_heads=20, n_layers=36),
    "gpt2-xl": replace(_GPT2, d_model=1_600, n_heads=25, n_layers=48),
}
"""The configurations that the course speaks of, by name."""


def preset(name: str) -> GPTConfig:
    """Return one of the configurations that the course speaks of.

    Args:
        name: `"character"` (208,193 parameters), `"adder"`, `"character-100m"`, `"gpt2"`,
            `"gpt2-medium"`, `"gpt2-large"` or `"gpt2-xl"`.

    Raises:
        ValueError: if there is no such configuration.

    Source:
        GPT-2: Radford et al. (2019), table 2,
        https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf

    Example:
        >>> preset("gpt2").d_model, preset("gpt2").n_layers
        (768, 12)
    """
    checks.one_of("name", name, PRESETS)
    return PRESETS[name]
