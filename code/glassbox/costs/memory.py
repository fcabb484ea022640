"""How much memory a GPT takes, in training and for its key-value cache, by formula."""

from dataclasses import dataclass

import torch
from torch import nn

from glassbox import checks
from glassbox.blank import blank
from glassbox.costs.flops import check_run, kv_width
from glassbox.gpt import GPT, GPTConfig

OPTIMIZERS = ("sgd", "momentum", "adamw", "muon")
PRECISIONS = ("float32", "bfloat16")
ATTENTIONS = ("fused", "explicit")
COUNTED = ("none", "sinusoidal", "learned", "rotary")
"""The position schemes that add no bias to the scores."""
KEPT = {"relu": 1, "gelu": 2, "gelu_tanh": 2, "squared_relu": 2, "swiglu": 4}
"""How many vectors of a feed-forward network's inner width the backward pass needs."""
SINGLE = 4
"""Bytes of a number in single precision."""


@dataclass(frozen=True)
class MemoryEstimate:
    """The memory of one training step, in bytes.

    Attributes:
        parameters: the model's own.
        gradients: one number for each parameter.
        optimizer: what the optimizer remembers from step to step.
        activations: what the forward pass keeps for the backward pass.
        cache_per_token: keys and values of one token of one sequence, when generating.

    Example:
        >>> from glassbox.gpt import preset
        >>> estimate = memory(preset("gpt2"), batch=12, seq=1_024)
        >>> f"{estimate.parameters / 1e9:.1f} of {estimate.total / 1e9:.1f} GB"
        '0.5 of 11.8 GB'
    """

    parameters: int
    gradients: int
    optimizer: int
    activations: int
    cache_per_token: int

    @property
    def total(self) -> int:
        """What a training step holds at once, the cache not included."""
        return self.parameters + self.gradients + self.optimizer + self.activations


def memory(
    config: GPTConfig,
    batch: int,
    seq: int,
    *,
    optimizer: str = "adamw",
    precision: str = "float32",
    attention: str = "fused",
) -> MemoryEstimate:
    """Estimate the memory of one training step.

    Parameters, gradients and optimizer states are exact. Activations are what autograd keeps: the
    inputs of norms and matrices, the queries, keys and values, and, with explicit attention, two
    copies of the weights, before and after the mask. In single precision the estimate meets what is
    measured on a CPU within a hundredth. Not counted are dropout's masks (a byte for each number
    that passes one), and what exists for a moment only, such as the gradient of the logits. A list
    of heads (`attention="head_list"` in the configuration) has no fused kernel and keeps weights.

    Args:
        config: the model's settings.
        batch: number of sequences.
        seq: tokens in each.
        optimizer: `"sgd"` (remembers nothing), `"momentum"` (one number for each parameter),
            `"adamw"` (two) or `"muon"` (one for each entry of a block's matrices, two for all
            else, which AdamW trains).
        precision: `"float32"`, or `"bfloat16"` for autocast on a GPU: products and their inputs
            take half, and a copy of each matrix is kept; parameters, norms and softmax stay single.
            (Autocast on a CPU keeps fused attention in single precision, and softmax in half.)
        attention: `"fused"` or `"explicit"`, which keeps every weight.

    Returns:
        The bytes of each kind.

    Raises:
        TypeError: if `config` is no `GPTConfig`, or a size no whole number.
        ValueError: if a size is below 1, the context holds fewer than `seq` tokens, a name is
            unknown, or the positions act as a bias in attention, which is not counted.

    Source:
        Korthikanti et al. (2022), "Reducing Activation Recomputation in Large Transformer Models",
        section 4, https://doi.org/10.48550/arXiv.2205.05198 (activations); Rajbhandari et al.
        (2020), "ZeRO", section 3.1, https://doi.org/10.48550/arXiv.1910.02054 (the others)

    Example:
        >>> from glassbox.gpt import preset
        >>> memory(preset("character"), batch=1, seq=8).optimizer  # 2 × 4 × 208,193
        1665544
    """
    check_run(config, batch, seq)
    checks.one_of("optimizer", optimizer, OPTIMIZERS)
    checks.one_of("precision", precision, PRECISIONS)
    checks.one_of("attention", attention, ATTENTIONS)
    checks.one_of("positions of a model whose memory is estimated", config.positions, COUNTED)
    with blank():  # has shapes, and takes no memory
        model = GPT(config)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    in_blocks = sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)
    states = {
        "sgd": 0,
        "momentum": parameters,
        "adamw": 2 * parameters,
        "muon": 2 * parameters - in_blocks,
    }
    dtype = getattr(torch, precision)
    activations = batch * seq * _bytes_per_token(config, seq, attention, dtype.itemsize)
    if precision != "float32":
        linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
        activations += dtype.itemsize * sum(layer.weight.numel() for layer in linear)
    if attention == "explicit":  # two boolean masks for each call, one byte an entry
        calls = config.n_heads if config.attention == "head_list" else 1
        activations += 2 * calls * config.n_layers * seq * seq
    return MemoryEstimate(
        parameters=SINGLE * parameters,
        gradients=SINGLE * parameters,
        optimizer=SINGLE * states[optimizer],
        activations=activations,
        cache_per_token=cache_size(config, dtype=dtype),
    )


def _bytes_per_token(config: GPTConfig, seq: int, attention: str, size: int) -> int:
    """Return the bytes that the backward pass needs of each token; `size` are those of a number."""
    width = config.d_model
    mixed = size < SINGLE  # autocast hands each matrix an input of its own
    inputs = (3 if mixed else 1) + (2 if mixed and config.feed_forward == "swiglu" else 1)
    norm = SINGLE * _kept_by_norm(config, width, 1)
    block = 2 * norm + size * width * inputs + _kept_by_attention(config, seq, attention, size)
    block += size * KEPT[config.feed_forward] * config.feed_forward_width
    ends = size * width + (norm if config.residual == "pre" else 0)
    loss = SINGLE * config.vocab_size  # the logarithm of each probability
    ids = 2 * torch.int64.itemsize  # of the token and of its target
    return config.n_layers * block + ends + loss + ids


def _kept_by_norm(config: GPTConfig, width: int, vectors: int) -> int:
    """Return how many numbers norms keep of vectors that are `width` wide together."""
    return width + 2 * vectors if config.norm == "layer" else 2 * width + vectors


def _kept_by_attention(config: GPTConfig, seq: int, attention: str, size: int) -> int:
    """Return the bytes that attention keeps of each token: what is multiplied, and weights."""
    heads, keys = config.n_heads, kv_width(config)
    kept = 4 * size * config.d_model  # queries, keys, values, and what goes into w_o
    if config.qk_norm:
        kept += SINGLE * _kept_by_norm(config, config.d_model, heads)
        kept += SINGLE * _kept_by_norm(config, keys, keys // config.d_head)
    if attention == "explicit":
        return kept + (SINGLE + size) * heads * seq
    if config.attention == "head_list":  # PyTorch has no fused kernel for one head alone
        return kept + size * heads * seq
    # Queries that were turned or normalized lie head by head, and so does what the kernel returns.
    copied = size * config.d_model if config.positions == "rotary" or config.qk_norm else 0
    return kept + copied + SINGLE * heads


def cache_size(config: GPTConfig, tokens: int = 1, dtype: torch.dtype = torch.float32) -> int:
    r"""Return the bytes of a key-value cache for one sequence.

    It holds $2\,N\,H_{kv}\,d_k$ numbers for each token: with as many key and value heads as query
    heads, twice the model's width in each block; with shared ones, less.

    Args:
        config: the model's settings.
        tokens: number of positions.
        dtype: floating-point type of the cache.

    Returns:
        The bytes of all blocks together.

    Raises:
        TypeError: if `config` is no `GPTConfig`, or `tokens` no whole number.
        ValueError: if `tokens` is below 1.

    Source:
        Shazeer (2019), "Fast Transformer Decoding", section 2.4,
        https://doi.org/10.48550/arXiv.1911.02150

    Example:
        >>> from glassbox.gpt import preset
        >>> cache_size(preset("gpt2"), tokens=1_024, dtype=torch.float16)
        37748736
    """
    checks.config(config, GPTConfig, ", or take one by name: preset('gpt2')")
    checks.positive(tokens=tokens)
    return 2 * config.n_layers * kv_width(config) * tokens * dtype.itemsize


def attention_weights_size(
    config: GPTConfig, batch: int, seq: int, dtype: torch.dtype = torch.float32
) -> int:
    """Return the bytes of one copy of all attention weights, T × T for each head of each block.

    Args:
        config: the model's settings.
        batch: number of sequences.
        seq: tokens in each, T.
        dtype: floating-point type of the weights.

    Returns:
        The bytes that fused attention does without.

    Raises:
        TypeError: if `config` is no `GPTConfig`, or a size no whole number.
        ValueError: if a size is below 1, or the context holds fewer than `seq` tokens.

    Source:
        Dao et al. (2022), "FlashAttention", section 2.2, https://doi.org/10.48550/arXiv.2205.14135

    Example:
        >>> from glassbox.gpt import preset
        >>> attention_weights_size(preset("gpt2"), batch=1, seq=1_024)
        603979776
    """
    check_run(config, batch, seq)
    return config.n_layers * batch * config.n_heads * seq**2 * dtype.itemsize
