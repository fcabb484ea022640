"""Probes of the mask: no token may hear of what comes after it."""

import torch
from torch import Tensor, nn

from glassbox.invariants.comparing import TOLERANCE, difference
from glassbox.invariants.subject import Subject, subject
from glassbox.invariants.verdict import Verdict, shown

TWO_WAY = "the model is not causal"


def future_by_value(model: nn.Module | Subject) -> Verdict:
    """Check that later tokens change no earlier logit.

    Args:
        model: a causal model, called with token ids `(B, T)`.

    Returns:
        The largest change of a logit before the changed tokens, in standard deviations of the
        logits.

    Source:
        Vaswani et al. (2017), section 3.2.3, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> print(future_by_value(GPT(preset("character"))))
        future_by_value: holds. Earlier logits move by under 0.0001.
    """
    asked = subject(model)
    if not _shows_order(asked):
        return Verdict("future_by_value", None, TWO_WAY)
    tokens = asked.tokens()
    found = _leak(asked, tokens, [asked.logits(_changed(asked, tokens, k)) for k in _cuts(asked)])
    culprit = "the causal mask: is there one, and is it applied before the softmax"
    if found > TOLERANCE and asked.embedding is not None:
        culprit = _who_leaks(influence(asked))
    return Verdict(
        "future_by_value",
        found <= TOLERANCE,
        f"earlier logits move by {shown(found)}",
        found,
        culprit if found > TOLERANCE else "",
    )


def future_by_gradient(model: nn.Module | Subject) -> Verdict:
    """Check that no logit has a gradient with respect to a later token's embedding.

    Exact where `future_by_value` has to allow for rounding, and it tells which tokens are seen.

    Args:
        model: a causal model with an `nn.Embedding` for its tokens.

    Returns:
        The largest gradient at a later token, as a share of the largest anywhere.

    Source:
        Vaswani et al. (2017), section 3.2.3, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> future_by_gradient(GPT(preset("character"))).number
        0.0
    """
    asked = subject(model)
    if not _shows_order(asked):
        return Verdict("future_by_gradient", None, TWO_WAY)
    if asked.embedding is None:
        return Verdict("future_by_gradient", None, "no nn.Embedding reads the tokens")
    seen = influence(asked)
    later = torch.ones_like(seen).triu(1).bool()
    found = (seen[later].max() / seen.max().clamp(min=1e-30)).item()
    return Verdict(
        "future_by_gradient",
        found == 0,
        f"gradient at later tokens: {found:.2g}",
        found,
        _who_leaks(seen) if found else "",
    )


def influence(model: nn.Module | Subject) -> Tensor:
    """Return how strongly the logits at each place depend on the token at each place.

    Args:
        model: a model with an `nn.Embedding` for its tokens.

    Returns:
        The length of the gradient of row i of the logits with respect to embedding j, shape
        `(T, T)`; above the diagonal lies the future.

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> bool(influence(GPT(preset("character"))).triu(1).any())
        False
    """
    asked = subject(model)
    tokens = asked.tokens(batch=2)
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[-1]

    hook = asked.embedding.register_forward_hook(keep)
    try:
        with asked.quiet(), torch.enable_grad():
            logits = asked(tokens)
            weigh = torch.randn(
                logits.shape[-1], generator=torch.Generator().manual_seed(1), dtype=logits.dtype
            ).to(logits.device)
            rows = (logits @ weigh).sum(0)
            grads = [torch.autograd.grad(row, kept[-1], retain_graph=True)[0] for row in rows]
    finally:
        hook.remove()
    return torch.stack([grad.norm(dim=-1).amax(0) for grad in grads]).detach()


def mask_holds(model: nn.Module | Subject) -> Verdict:
    """Check that the mask blocks even where scores are as large as half precision can hold.

    The scores before the mask are multiplied until the largest is 65,504. A mask of minus infinity
    does not mind; one of −10,000 lets the largest of the later scores through.

    Args:
        model: a causal model whose attention can be heard.

    Returns:
        The largest change of an earlier logit, in standard deviations of the logits.

    Source:
        Micikevicius et al. (2017), "Mixed Precision Training", section 3 (what half precision
        holds), https://doi.org/10.48550/arXiv.1710.03740

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> mask_holds(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    if not _shows_order(asked):
        return Verdict("mask_holds", None, TWO_WAY)
    tokens = asked.tokens()
    push: list[float] = []
    if not asked.listen(tokens, push=push):
        return Verdict("mask_holds", None, "no attention was heard")
    before = asked.pushed(tokens, push)
    found = 0.0
    for cut in _cuts(asked):
        after = asked.pushed(_changed(asked, tokens, cut), push)
        found = max(found, difference(after[:, :cut], before[:, :cut]))
    plain = future_by_value(asked).passed or asked.embedding is None
    culprit = "the number that stands for minus infinity in the mask: it is too small"
    return Verdict(
        "mask_holds",
        found <= TOLERANCE,
        f"leak at scores of 65,504: {shown(found)}",
        found,
        "" if found <= TOLERANCE else culprit if plain else _who_leaks(influence(asked)),
    )


def _shows_order(asked: Subject) -> bool:
    """Tell whether there is an earlier and a later to speak of."""
    return asked.causal and asked.per_token


def _cuts(asked: Subject) -> list[int]:
    """Return the places from which on the text is changed."""
    return sorted({1, asked.seq // 2, asked.seq - 1})


def _changed(asked: Subject, tokens: Tensor, cut: int) -> Tensor:
    """Return texts with other tokens from a place on."""
    return torch.cat([tokens[:, :cut], asked.others(tokens)[:, cut:]], dim=1)


def _leak(asked: Subject, tokens: Tensor, changed: list[Tensor]) -> float:
    """Return the largest change before the cuts."""
    before = asked.logits(tokens)
    pairs = zip(_cuts(asked), changed, strict=True)
    return max(difference(after[:, :cut], before[:, :cut]) for cut, after in pairs)


def _who_leaks(seen: Tensor) -> str:
    """Name the likely mistake from which places are seen from which."""
    seq = len(seen)
    linked = seen > 1e-9 * seen.max()
    later = linked.triu(1)
    if not linked.tril(-1).any():
        return "the meaning of True in the mask: tokens see only what comes later"
    if bool((later == torch.ones_like(later).triu(1)).all()):
        return "the causal mask: every token sees all others (if permutation fails, the heads)"
    reach = (torch.arange(seq) - torch.arange(seq)[:, None]).to(seen.device)[later].max().item()
    if bool(
        (later == (torch.ones_like(later).triu(1) & ~torch.ones_like(later).triu(reach + 1))).all()
    ):
        return f"the edge of the mask: tokens see exactly {reach} too many, one for each block"
    return "how heads are cut or joined: a view or reshape without a transpose mixes places"
