"""How many floating-point operations a GPT takes, by formula."""

from glassbox import checks
from glassbox.gpt import GPTConfig

COUNTED = ("none", "sinusoidal", "learned", "rotary", "alibi", "t5")
"""The position schemes that multiply no matrices."""


def forward_flops(config: GPTConfig, batch: int, seq: int) -> int:
    r"""Return the operations of one forward pass.

    $$B\,T\,\bigl(2 M + 4\,N\,D\,T\bigr)$$

    M counts the entries of all matrices that tokens are multiplied by, the output layer included
    and the embedding not: each is one multiplication and one addition. The second term are the
    scores and the contexts, N blocks with D columns and T keys for each token. They are counted in
    full although half of the scores are masked, as Chowdhery et al. do and as PyTorch counts;
    Kaplan et al. count half. Norms, activations, softmax and biases, less than a hundredth in
    models of some width, are not counted.

    Args:
        config: the model's settings.
        batch: number of sequences B.
        seq: tokens in each, T.

    Returns:
        The number of additions and multiplications.

    Raises:
        TypeError: if `config` is no `GPTConfig`, or a size no whole number.
        ValueError: if a size is below 1, the context holds fewer than `seq` tokens, or the
            positions multiply matrices of their own.

    Source:
        Kaplan et al. (2020), "Scaling Laws for Neural Language Models", table 1,
        https://doi.org/10.48550/arXiv.2001.08361; Chowdhery et al. (2022), "PaLM", appendix B,
        https://doi.org/10.48550/arXiv.2204.02311

    Example:
        >>> from glassbox.gpt import preset
        >>> forward_flops(preset("gpt2"), batch=1, seq=1_024)
        291648307200
    """
    return sum(flops_by_part(config, batch, seq).values())


def training_flops(config: GPTConfig, batch: int, seq: int) -> int:
    """Return the operations of one forward and one backward pass.

    The backward pass takes twice as many as the forward pass: for each product, one for the
    gradient of either factor. What fused attention computes a second time to save memory is not
    counted: it is no part of the model.

    Args:
        config: the model's settings.
        batch: number of sequences.
        seq: tokens in each.

    Returns:
        Three times `forward_flops`.

    Raises:
        TypeError: as `forward_flops`.
        ValueError: as `forward_flops`.

    Source:
        Kaplan et al. (2020), section 2.1, https://doi.org/10.48550/arXiv.2001.08361;
        Chowdhery et al. (2022), appendix B, https://doi.org/10.48550/arXiv.2204.02311

    Example:
        >>> from glassbox.gpt import preset
        >>> training_flops(preset("gpt2"), batch=1, seq=1_024)
        874944921600
    """
    return 3 * forward_flops(config, batch, seq)


def flops_by_part(config: GPTConfig, batch: int, seq: int) -> dict[str, int]:
    """Return the operations of a forward pass, part by part.

    Args:
        config: the model's settings.
        batch: number of sequences.
        seq: tokens in each.

    Returns:
        What all blocks take for `"projections"` (queries, keys, values and output), `"attention"`
        (scores and contexts) and `"feed_forward"`, and what the output layer takes, `"head"`.

    Raises:
        TypeError: as `forward_flops`.
        ValueError: as `forward_flops`.

    Source:
        Kaplan et al. (2020), table 1, https://doi.org/10.48550/arXiv.2001.08361

    Example:
        >>> from glassbox.gpt import preset
        >>> flops_by_part(preset("character"), batch=1, seq=8)
        {'projections': 1048576, 'attention': 65536, 'feed_forward': 2097152, 'head': 66560}
    """
    check_run(config, batch, seq)
    checks.one_of("positions of a model whose operations are counted", config.positions, COUNTED)
    width, tokens = config.d_model, batch * seq
    matrices = 3 if config.feed_forward == "swiglu" else 2
    per_token = {
        "projections": 2 * width * (2 * width + 2 * kv_width(config)) * config.n_layers,
        "attention": 2 * (2 * seq * width) * config.n_layers,
        "feed_forward": 2 * matrices * width * config.feed_forward_width * config.n_layers,
        "head": 2 * width * config.vocab_size,
    }
    return {part: tokens * count for part, count in per_token.items()}


def kv_width(config: GPTConfig) -> int:
    """Return how many numbers the keys of one token are, over all heads."""
    return (config.n_kv_heads or config.n_heads) * config.d_head


def check_run(config: GPTConfig, batch: int, seq: int) -> None:
    """Refuse what is no GPT's configuration, and sizes that it cannot run."""
    checks.config(config, GPTConfig, ", or take one by name: preset('gpt2')")
    checks.positive(batch=batch, seq=seq)
    if seq > config.context_length:
        raise ValueError(
            f"seq is {seq}, but the context holds {config.context_length} tokens; expected at most "
            "as many. Give a longer context: replace(config, context_length=...)."
        )
