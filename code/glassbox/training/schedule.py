"""The learning rate at each step: up over a warm-up, then down."""

from math import cos, pi

from glassbox.training.settings import TrainingConfig

_FALLS = {
    "cosine": lambda progress: (1 + cos(pi * progress)) / 2,
    "linear": lambda progress: 1 - progress,
    "constant": lambda progress: 1.0,
}


def learning_rate_share(step: int, config: TrainingConfig) -> float:
    r"""Return the learning rate of a step as a share of the peak.

    With $w$ steps of warm-up among $n$, it rises as $(t + 1) / (w + 1)$ while $t < w$. After that,
    with $p = (t - w) / (n - w)$ and the final share $f$, it falls as

    $$f + (1 - f)\,\frac{1 + \cos \pi p}{2}$$

    or as $f + (1 - f)(1 - p)$ where the decay is linear. It depends on nothing but the step, so
    there is no state to save.

    Args:
        step: number of updates so far, from 0.
        config: its `steps`, `warmup`, `decay` and `final_share`.

    Returns:
        A number above 0 and at most 1.

    Source:
        Loshchilov and Hutter (2017), "SGDR", equation 5 (cosine),
        https://doi.org/10.48550/arXiv.1608.03983; Goyal et al. (2017), "Accurate, Large Minibatch
        SGD", section 2.2 (warm-up), https://doi.org/10.48550/arXiv.1706.02677

    Example:
        >>> config = TrainingConfig(steps=100, warmup=4)
        >>> [round(learning_rate_share(step, config), 3) for step in (0, 4, 52, 100)]
        [0.2, 1.0, 0.55, 0.1]
    """
    if step < config.warmup:
        return (step + 1) / (config.warmup + 1)
    progress = (step - config.warmup) / (config.steps - config.warmup)
    lowest = 1.0 if config.decay == "constant" else config.final_share
    return lowest + (1 - lowest) * _FALLS[config.decay](progress)
