"""Where in a model a mistake can be planted."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from torch import nn

from glassbox.attention import MultiHeadAttention
from glassbox.block import Block
from glassbox.classifier import EncoderClassifier
from glassbox.encoder import Encoder, MaskedLanguageModel
from glassbox.gpt import GPT, Bigram
from glassbox.norms import LayerNorm
from glassbox.positions import Positions
from glassbox.transformer import Transformer


class Place(NamedTuple):
    """A kind of module, and what to say where a model has none.

    Args:
        find: returns the modules of a model.
        needs: what the model should have had, after "it has no".
    """

    find: Callable[[nn.Module], list[nn.Module]]
    needs: str


def _all(fits: Callable[[nn.Module], bool]) -> Callable[[nn.Module], list[nn.Module]]:
    """Return what finds all modules that fit, each once, the model itself among them."""
    return lambda model: [module for module in model.modules() if fits(module)]


def _attention(module: nn.Module) -> bool:
    """Tell whether this is an attention layer whose formula can be overridden."""
    return isinstance(module, MultiHeadAttention)


def _overrides(module: nn.Module, method: str) -> bool:
    """Tell whether this is a position scheme that acts by that method."""
    return isinstance(module, Positions) and (
        getattr(type(module), method) is not getattr(Positions, method)
    )


def _cached(model: nn.Module) -> Iterator[Transformer]:
    """Yield the transformers inside that can keep keys and values."""
    for module in model.modules():
        if isinstance(module, Transformer):
            layers = [getattr(block, "attention", None) for block in module.blocks]
            if all(_attention(layer) and layer.causal for layer in layers):
                yield module


def _cached_and_added(model: nn.Module) -> list[nn.Module]:
    """Return those whose positions are added to the embeddings."""
    return [part for part in _cached(model) if _overrides(part.positions, "forward")]


def _cached_and_turned(model: nn.Module) -> list[nn.Module]:
    """Return the schemes that turn their queries and keys, each once."""
    layers = (block.attention for part in _cached(model) for block in part.blocks)
    schemes = {id(layer.positions): layer.positions for layer in layers}
    return [scheme for scheme in schemes.values() if _overrides(scheme, "turn")]


def _with_dropout(model: nn.Module) -> list[nn.Module]:
    """Return the dropout layers that strike anything."""
    return [part for part in model.modules() if isinstance(part, nn.Dropout) and part.p > 0]


def _large_tables(model: nn.Module) -> list[nn.Module]:
    """Return the GPTs whose head is not the table yet, and whose table is not small."""
    return [
        part
        for part in model.modules()
        if isinstance(part, GPT)
        and part.head.weight is not part.token_embedding.weight
        and part.token_embedding.weight.std() > 0.5
    ]


_MULTI_HEAD = "Build the model with attention='multi_head'"
CAUSAL = Place(
    _all(lambda part: _attention(part) and part.causal),
    f"causal MultiHeadAttention. {_MULTI_HEAD} and causal=True, such as a GPT.",
)
ATTENTION = Place(_all(_attention), f"MultiHeadAttention. {_MULTI_HEAD}.")
SEVERAL_HEADS = Place(
    _all(lambda part: _attention(part) and part.n_heads > 1),
    f"MultiHeadAttention of several heads. {_MULTI_HEAD} and n_heads=2 or more.",
)
AS_MANY_KEYS = Place(
    _all(lambda part: _attention(part) and part.n_heads == part.n_kv_heads),
    f"MultiHeadAttention with as many keys as queries. {_MULTI_HEAD} and without n_kv_heads.",
)
_ADD = "Build the model with positions='learned' or 'sinusoidal'"
ADDED = Place(_all(lambda part: _overrides(part, "forward")), f"positions that are added. {_ADD}.")
TURNED = Place(_all(lambda part: _overrides(part, "turn")), "positions. Choose a scheme.")
BIASED = Place(
    _all(lambda part: _overrides(part, "bias")),
    f"positions that it could lose. {_ADD}, 'rotary' or another scheme.",
)
CACHED = Place(
    _cached_and_added,
    f"cache, or no positions that a cache could confuse. {_ADD} or 'rotary', with "
    "attention='multi_head' and causal=True.",
)
CACHED_TURNED = Place(_cached_and_turned, CACHED.needs)
GPTS = Place(_all(lambda part: isinstance(part, GPT)), "GPT. Give GPT(config).")
NEXT_TOKEN = Place(
    _all(lambda part: isinstance(part, GPT | Bigram)),
    "loss of the next token. Give a model that predicts it, such as GPT(config).",
)
WITH_LOSS = Place(
    _all(lambda p: isinstance(p, GPT | Bigram | MaskedLanguageModel | EncoderClassifier)),
    "loss of its own. Give a GPT, Bigram, MaskedLanguageModel or EncoderClassifier.",
)
PADDED = Place(
    _all(lambda part: isinstance(part, Encoder) and part.config.pad_id is not None),
    "mask of padding. Give a GPT, or build the encoder with pad_id.",
)
DROPOUT = Place(_with_dropout, "dropout: its share is 0. Build the model with dropout=0.1.")
WHOLE = Place(lambda model: [model] if _with_dropout(model) else [], DROPOUT.needs)
BLOCKS = Place(
    _all(lambda part: isinstance(part, Block)), "Block. Give a GPT or an Encoder, or a Block."
)
LAYER_NORMS = Place(
    _all(lambda part: isinstance(part, LayerNorm)),
    "LayerNorm. Build the model with norm='layer'.",
)
LARGE_TABLE = Place(
    _large_tables,
    "head of its own beside a table of standard deviation 1. Build a GPT with tied=False and "
    "initialization='pytorch'.",
)
