"""The conventions: masks as other code writes them, turned into ours and back."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from glassbox import checks


def from_blocked(mask: Bool[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
    """Turn round a mask in which `True` means *blocked*, as `torch.nn.MultiheadAttention` has it.

    Args:
        mask: boolean, any shape.

    Returns:
        The mask with `True` where attention is allowed. (Applied to a mask of this package, it
        gives PyTorch's blocked form.)

    Raises:
        TypeError: if the mask is not boolean.

    Example:
        >>> from_blocked(torch.tensor([False, True]))
        tensor([ True, False])
    """
    _check_boolean(mask)
    return ~mask


def from_numbers(mask: Tensor) -> Bool[Tensor, "..."]:
    """Turn a mask of ones (may attend) and zeros (may not) into a boolean one.

    Args:
        mask: zeros and ones of any numeric type, any shape.

    Returns:
        The mask with `True` for each 1.

    Raises:
        ValueError: if there is another number in it.

    Example:
        >>> from_numbers(torch.tensor([1.0, 0.0]))
        tensor([ True, False])
    """
    checks.tensor("mask", mask)
    other = mask[(mask != 0) & (mask != 1)]
    if other.numel():
        raise ValueError(
            f"mask holds {other[0].item():g}; expected only 0 and 1. If it is to be added to the "
            "scores (0 and minus infinity), use from_additive."
        )
    return mask == 1


def from_additive(mask: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
    """Turn a mask that is added to the scores (0 or minus infinity) into a boolean one.

    Args:
        mask: floating point, any shape.

    Returns:
        The mask with `True` for each 0.

    Raises:
        TypeError: if it holds no floating-point numbers.
        ValueError: if it holds anything but 0 and minus infinity. A large negative number such as
            −10⁹ is refused on purpose: where every key has it, softmax is uniform again.

    Example:
        >>> from_additive(torch.tensor([0.0, -torch.inf]))
        tensor([ True, False])
    """
    checks.tensor("mask", mask)
    if not mask.is_floating_point():
        raise TypeError(
            f"mask holds {mask.dtype}; expected floating-point zeros and minus infinities. Ones "
            "and zeros go through from_numbers; a boolean mask needs no conversion."
        )
    other = mask[(mask != 0) & (mask != -torch.inf)]
    if other.numel():
        raise ValueError(
            f"mask holds {other[0].item():g}; expected only 0 and minus infinity. Finite numbers "
            "are a bias, which attention takes as bias=; ones and zeros go through from_numbers."
        )
    return mask == 0


def to_additive(
    mask: Bool[Tensor, "*shape"], dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*shape"]:
    """Turn a boolean mask into one to be added to the scores: 0 where allowed, else −∞.

    Args:
        mask: boolean, `True` where attention is allowed, any shape.
        dtype: a floating-point type, that of the scores.

    Returns:
        Zeros and minus infinities, the shape of `mask`.

    Raises:
        TypeError: if the mask is not boolean, or `dtype` is no floating-point type.

    Example:
        >>> to_additive(torch.tensor([True, False]))
        tensor([0., -inf])
    """
    _check_boolean(mask)
    if not dtype.is_floating_point:
        raise TypeError(
            f"dtype is {dtype}; expected a floating-point type, that of the scores, such as "
            "torch.float32: whole numbers have no minus infinity."
        )
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, -torch.inf)


def _check_boolean(mask: Tensor) -> None:
    """Raise a TypeError where a mask is not boolean."""
    checks.tensor("mask", mask)
    if mask.dtype != torch.bool:
        raise TypeError(
            f"mask holds {mask.dtype}; expected torch.bool. Convert it first: from_numbers for "
            "ones and zeros, from_additive for zeros and minus infinities."
        )
