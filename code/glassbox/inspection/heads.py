"""Find a head in a model, and the matrices that belong to it alone."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from glassbox.attention import HeadList, MultiHeadAttention
from glassbox.inspection.modules import blocks_of, find_module

Attention = HeadList | MultiHeadAttention


class HeadMatrices(NamedTuple):
    """The four matrices of one head, to be multiplied from the right: a row vector times a matrix.

    Attributes:
        w_q: stream to query, shape `(d_model, d_head)`.
        w_k: stream to key, shape `(d_model, d_head)`.
        w_v: stream to value, shape `(d_model, d_head)`.
        w_o: context to stream, shape `(d_head, d_model)`.

    Example:
        >>> matrices = head_matrices(MultiHeadAttention(64, n_heads=4), head=0)
        >>> (matrices.w_v @ matrices.w_o).shape  # what the head makes of a vector it attends to
        torch.Size([64, 64])
    """

    w_q: Float[Tensor, "d_model d_head"]
    w_k: Float[Tensor, "d_model d_head"]
    w_v: Float[Tensor, "d_model d_head"]
    w_o: Float[Tensor, "d_head d_model"]


def head_matrices(attention: Attention, head: int) -> HeadMatrices:
    """Return the matrices of one head, whichever way its layer stores them.

    Heads that share their keys and values have the same `w_k` and `w_v`. What is returned shares
    its memory with the layer, but no gradient.

    Args:
        attention: the layer.
        head: which query head, counted from 0.

    Raises:
        ValueError: if there is no such head.

    Example:
        >>> w_q, w_k, w_v, w_o = head_matrices(MultiHeadAttention(64, 4, n_kv_heads=2), head=3)
        >>> w_k.shape, w_o.shape
        (torch.Size([64, 16]), torch.Size([16, 64]))
    """
    check_head(attention, head)
    w_o = attention.w_o.weight.T.unflatten(0, (attention.n_heads, -1))[head]
    if isinstance(attention, HeadList):
        own = attention.heads[head]
        inward = [layer.weight.T for layer in (own.w_q, own.w_k, own.w_v)]
    else:
        source = head // (attention.n_heads // attention.n_kv_heads)
        places = ((attention.w_q, head), (attention.w_k, source), (attention.w_v, source))
        inward = [w.weight.unflatten(0, (-1, attention.d_head))[place].T for w, place in places]
    return HeadMatrices(*(matrix.detach() for matrix in (*inward, w_o)))


def find_attention(model: nn.Module, layer: int | str) -> Attention:
    """Return an attention layer of a model.

    Args:
        model: the model.
        layer: index of a block, or the path of a block or of its attention.

    Raises:
        ValueError: if there is no such layer, or it has no heads.
    """
    if isinstance(layer, int):
        blocks = blocks_of(model)
        if not 0 <= layer < len(blocks):
            raise ValueError(
                f"layer is {layer}, but there are {len(blocks)} blocks: expected 0 to "
                f"{len(blocks) - 1}."
            )
        return blocks[layer].attention
    found = find_module(model, layer)
    found = getattr(found, "attention", found)
    if not isinstance(found, Attention):
        raise ValueError(
            f"{layer} is a {type(found).__name__}, which has no heads. Name a block or its "
            'attention, such as "blocks.0".'
        )
    return found


def check_head(attention: Attention, head: int) -> None:
    """Raise a ValueError where a layer has no such head."""
    if not 0 <= head < attention.n_heads:
        raise ValueError(
            f"head is {head}, but the layer has {attention.n_heads} heads: expected 0 to "
            f"{attention.n_heads - 1}."
        )
