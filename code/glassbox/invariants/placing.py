"""Probes of place: the order of tokens matters, the order of texts in a batch does not."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from glassbox.invariants.comparing import TOLERANCE, difference
from glassbox.invariants.listening import Ear
from glassbox.invariants.subject import Subject, subject
from glassbox.invariants.verdict import Verdict, shown
from glassbox.positions import NoPositions, Positions


def batch_rows(model: nn.Module | Subject) -> Verdict:
    """Check that a text gets the same logits alone, and anywhere in a batch.

    Args:
        model: a model that takes batches.

    Returns:
        The largest change of a logit, in standard deviations of the logits.

    Source:
        Karpathy (2019), "A Recipe for Training Neural Networks", section 2 ("use backprop to chart
        dependencies"), https://karpathy.github.io/2019/04/25/recipe/

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> batch_rows(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    tokens = asked.tokens(batch=4)
    order = torch.tensor([2, 0, 3, 1], device=tokens.device)
    whole, source = asked.logits(tokens), asked.source
    try:
        asked.source = None if source is None else source[order]
        moved = difference(asked.logits(tokens[order]), whole[order])
        asked.source = None if source is None else source[3:]
        alone = difference(asked.logits(tokens[3:]), whole[3:])
    finally:
        asked.source = source
    found = max(moved, alone)
    passed = found <= TOLERANCE
    return Verdict(
        "batch_rows",
        passed,
        f"other rows change it by {shown(found)}",
        found,
        "" if passed else "an axis: something is taken along the batch that belongs to the tokens",
    )


def order(model: nn.Module | Subject) -> Verdict:
    """Check that the model knows where tokens stand.

    A text of one token repeated is told apart by positions alone: without them, all logits are
    equal, and so are all scores of the first attention.

    Args:
        model: a model whose attention can be heard.

    Returns:
        The spread of the logits over the places, or of the scores where positions act there.

    Source:
        Vaswani et al. (2017), section 3.5, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> order(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    if getattr(asked.config, "positions", None) == "none":
        return Verdict("order", None, "built without positions")
    constant = asked.tokens(batch=1, seq=1).expand(2, asked.seq).contiguous()
    heard = asked.listen(constant)
    if not heard:
        return Verdict("order", None, "no attention was heard")
    found = max(_over_places(asked, constant), _over_scores(heard[0].scores))
    passed = found > TOLERANCE
    return Verdict(
        "order",
        passed,
        f"places differ by {shown(found)}",
        found,
        "" if passed else "the positions: they are not added, or equal at all places",
    )


def permutation(model: nn.Module | Subject) -> Verdict:
    """Check that tokens that change places take their logits along, without positions and mask.

    Attention, norms and feed-forward networks know of no order. Where positions are switched off
    and the mask is lifted and the order still matters, something mixes the places.

    Args:
        model: a model; its positions must be added to the embeddings, or be one of this package's.

    Returns:
        The largest difference between a logit and that of the same token elsewhere.

    Source:
        Lee et al. (2018), "Set Transformer", property 1, https://doi.org/10.48550/arXiv.1810.00825

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> permutation(GPT(preset("character"))).passed
        True
    """
    asked = subject(model)
    if not asked.per_token or asked.source is not None:
        return Verdict("permutation", None, "no logit for each token read")
    tokens = asked.tokens(batch=1)
    if not asked.listen(tokens):
        return Verdict("permutation", None, "no attention was heard")
    undo = _level(asked.model, asked.seq)
    try:
        if _still_placed(asked, tokens[:, :1].expand(1, asked.seq).contiguous()):
            return Verdict("permutation", None, "positions cannot be switched off")
        moved = torch.randperm(asked.seq, generator=torch.Generator().manual_seed(asked.seed))
        plain = asked.logits(tokens, Ear(open_mask=True))
        found = difference(asked.logits(tokens[:, moved], Ear(open_mask=True)), plain[:, moved])
    finally:
        undo()
    passed = found <= TOLERANCE
    return Verdict(
        "permutation",
        passed,
        f"moved tokens change by {shown(found)}",
        found,
        ""
        if passed
        else "how heads are cut and joined, or a mask after the softmax: something mixes places",
    )


def _still_placed(asked: Subject, constant: Tensor) -> bool:
    """Tell whether positions still act on a text of one token repeated.

    Added ones show where attention is silent. Rotary ones turn the queries and leave their length,
    which a mixture of places would not.
    """
    if _over_places(asked, constant, silence=True) > TOLERANCE:
        return True
    first = asked.listen(constant, open_mask=True)[0]
    lengths = first.query.norm(dim=-1)
    even = (lengths - lengths[..., :1]).abs().max() <= TOLERANCE * lengths.max()
    return bool(even) and _over_scores(first.scores) > TOLERANCE


def _over_places(asked: Subject, tokens: Tensor, **options: bool) -> float:
    """Return how far logits at the places of a text are apart, relative to their spread."""
    logits = asked.logits(tokens, Ear(**options))
    return difference(logits, logits[:, :1].expand_as(logits)) if logits.ndim == 3 else 0.0


def _over_scores(scores: Tensor) -> float:
    """Return how far the scores of a head that are not blocked are apart."""
    blocked = scores < -5_000
    high = scores.masked_fill(blocked, -torch.inf).amax((-2, -1))
    low = scores.masked_fill(blocked, torch.inf).amin((-2, -1))
    return (high - low).abs().max().item()


def _level(model: nn.Module, seq: int) -> Callable[[], object]:
    """Switch positions off where they can be found; return what switches them on again."""
    undo = []
    for module in list(model.modules()):
        if isinstance(module, Positions):
            continue
        if isinstance(getattr(module, "positions", None), Positions):
            before, module.positions = module.positions, NoPositions()
            undo.append(lambda module=module, before=before: setattr(module, "positions", before))
        if isinstance(module, nn.Embedding):
            undo.append(module.register_forward_hook(_same_everywhere(seq)).remove)
    for name, parameter in model.named_parameters():
        if "pos" in name.lower() and parameter.ndim >= 2 and parameter.shape[-2] >= seq:
            before = parameter.data
            parameter.data = torch.zeros_like(before)
            undo.append(
                lambda parameter=parameter, before=before: setattr(parameter, "data", before)
            )
    return lambda: [step() for step in undo]


def _same_everywhere(seq: int) -> Callable[..., Tensor]:
    """Return a hook that gives all places the vector of the first, where places are looked up."""

    def hook(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        places = inputs[0]
        counted = places.shape[-1:] == (seq,) and bool(
            (places == torch.arange(seq, device=places.device)).all()
        )
        return output[..., :1, :].expand_as(output) if counted else output

    return hook
