"""GPT-2's `config.json` as settings of a GPT here, and back."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from reprlib import repr as short
from typing import Any

from glassbox import checks

SIZES = {
    "vocab_size": "vocab_size",
    "n_positions": "context_length",
    "n_embd": "d_model",
    "n_head": "n_heads",
    "n_layer": "n_layers",
}
"""The sizes that a `config.json` must give, and what they are called here."""
FIXED = {
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
"""What GPT-2 has in one way only; a file that leaves it out means just that."""
ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
    "relu2": "squared_relu",
}
"""The activations by the names of transformers; the published models have the first."""
DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
SHAPE = {
    "attention": "multi_head",
    "positions": "learned",
    "norm": "layer",
    "residual": "pre",
    "qkv_bias": True,
    "bias": True,
    "causal": True,
    "head_bias": False,
    "tied": True,
    "initialization": "gpt2",
}
"""The settings that make a GPT a GPT-2."""
FREE = {"n_kv_heads", "initialization"}
"""The settings that are compared elsewhere, or change no logit."""
END_OF_TEXT = 50_256
"""The token that ends a text in GPT-2's vocabulary."""


def to_settings(theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a GPT that computes what a `config.json` describes.

    Args:
        theirs: the content of the file.

    Returns:
        What `GPTConfig` takes.

    Raises:
        ValueError: if it describes another architecture.
    """
    if theirs.get("model_type") != "gpt2":
        raise ValueError(
            f"config.json says model_type {short(theirs.get('model_type'))}; expected 'gpt2', the "
            "only architecture whose files are read here."
        )
    for name, value in FIXED.items():
        if theirs.get(name, value) != value:
            raise ValueError(
                f"config.json says {name} {short(theirs[name])}; expected {value}, as in GPT-2. "
                "A model that computes something else cannot be carried over."
            )
    missing = [name for name in SIZES if name not in theirs]
    if missing:
        raise ValueError(
            f"config.json gives no {', '.join(missing)}; expected {', '.join(SIZES)}. Take the "
            "config.json that lies beside the model's file."
        )
    inner = {} if theirs.get("n_inner") is None else {"n_inner": theirs["n_inner"]}
    checks.positive(**{name: theirs[name] for name in SIZES}, **inner)
    sizes = {ours: theirs[name] for name, ours in SIZES.items()}
    activation = theirs.get("activation_function", "gelu_new")
    checks.one_of("activation_function in config.json", activation, ACTIVATIONS)
    return {
        **SHAPE,
        **sizes,
        "d_ff": theirs.get("n_inner"),
        "feed_forward": ACTIVATIONS[activation],
        "dropout": _dropout(theirs),
    }


def _dropout(theirs: Mapping[str, Any]) -> float:
    """Return the share that is dropped at all three places."""
    shares = [theirs.get(name, 0.1) for name in DROPOUTS]
    if len(set(shares)) > 1:
        given = ", ".join(f"{name} {share}" for name, share in zip(DROPOUTS, shares, strict=True))
        raise ValueError(
            f"config.json says {given}; expected one share for all three, because a GPT here has "
            "one dropout. Write the same number at each; logits do not depend on it."
        )
    return shares[0]


def from_config(config: Any) -> dict[str, Any]:
    """Return the content of a `config.json` for a GPT in the shape of GPT-2.

    Args:
        config: a `GPTConfig`.

    Raises:
        TypeError: if it is none.
        ValueError: if it has a part that GPT-2 lacks.
    """
    if not is_dataclass(config) or not hasattr(config, "tied"):
        raise TypeError(
            f"config is of type {type(config).__name__}; expected the GPTConfig of a GPT. Other "
            "models have no place in GPT-2's files."
        )
    activations = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
    checks.one_of("feed_forward of a model for GPT-2's files", config.feed_forward, activations)
    _check_shape(config)
    end = END_OF_TEXT if config.vocab_size > END_OF_TEXT else None
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **{theirs: getattr(config, ours) for theirs, ours in SIZES.items()},
        **FIXED,
        **dict.fromkeys(DROPOUTS, config.dropout),
        "activation_function": activations[config.feed_forward],
        "n_inner": config.d_ff,
        "bos_token_id": end,
        "eos_token_id": end,
    }


def _check_shape(config: Any) -> None:
    """Refuse settings that no `config.json` of GPT-2 could tell."""
    if config.n_kv_heads not in (None, config.n_heads):
        raise ValueError(
            f"n_kv_heads is {config.n_kv_heads} and n_heads {config.n_heads}; GPT-2's files have "
            "no shared heads: expected as many of both."
        )
    told = {*SIZES.values(), "d_ff", "feed_forward", "dropout"}
    plain = type(config)(**SHAPE, **{name: getattr(config, name) for name in told})
    for field in fields(config):
        name, value = field.name, getattr(config, field.name)
        if name not in FREE and value != getattr(plain, name):
            raise ValueError(
                f"{name} is {value!r}; GPT-2's files have only {name}={getattr(plain, name)!r}. "
                "Expected the shape of GPT-2, such as replace(preset('gpt2'), n_layers=4)."
            )
