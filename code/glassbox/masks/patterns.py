"""The patterns: who may attend to whom."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from glassbox import checks


def causal(
    seq: int, src: int | None = None, device: torch.device | str | None = None
) -> Bool[Tensor, "{seq} src"]:
    """Let each position attend to itself and to what comes before it.

    Args:
        seq: number of queries T.
        src: number of keys S, where the queries are the last T of S positions (as when earlier
            keys lie in a cache); T if not given.
        device: where to make the mask.

    Returns:
        The mask, shape `(T, S)`.

    Raises:
        ValueError: if there are more queries than keys.

    Source:
        Vaswani et al. (2017), section 3.2.3, https://doi.org/10.48550/arXiv.1706.03762

    Example:
        >>> causal(3).int()
        tensor([[1, 0, 0],
                [1, 1, 0],
                [1, 1, 1]], dtype=torch.int32)
    """
    query, key = _positions(seq, src, device)
    return key <= query


def sliding_window(
    seq: int, window: int, src: int | None = None, device: torch.device | str | None = None
) -> Bool[Tensor, "{seq} src"]:
    """Let each position attend to itself and to the `window` − 1 positions before it.

    Args:
        seq: number of queries T.
        window: how many positions a query sees, itself included.
        src: number of keys S, as in `causal`.
        device: where to make the mask.

    Returns:
        The mask, shape `(T, S)`.

    Raises:
        ValueError: if `window` is below 1, or there are more queries than keys.

    Source:
        Jiang et al. (2023), "Mistral 7B", section 2, https://doi.org/10.48550/arXiv.2310.06825

    Example:
        >>> sliding_window(4, window=2).int()
        tensor([[1, 0, 0, 0],
                [1, 1, 0, 0],
                [0, 1, 1, 0],
                [0, 0, 1, 1]], dtype=torch.int32)
    """
    checks.positive(window=window)
    query, key = _positions(seq, src, device)
    return (key <= query) & (query - key < window)


def prefix(
    seq: int, n_prefix: int | Int[Tensor, " batch"], device: torch.device | str | None = None
) -> Bool[Tensor, "*batch {seq} {seq}"]:
    """Let the first `n_prefix` positions see each other both ways; the rest is causal.

    Args:
        seq: number of positions T.
        n_prefix: length of the prefix, one for all or one for each sequence.
        device: where to make the mask; that of `n_prefix` if it is a tensor.

    Returns:
        The mask, shape `(T, T)`, or `(batch, 1, T, T)` for a tensor of lengths.

    Raises:
        ValueError: if a prefix is longer than the sequence or of negative length.

    Source:
        Raffel et al. (2020), "Exploring the Limits of Transfer Learning", figure 3,
        https://doi.org/10.48550/arXiv.1910.10683

    Example:
        >>> prefix(4, n_prefix=2).int()
        tensor([[1, 1, 0, 0],
                [1, 1, 0, 0],
                [1, 1, 1, 0],
                [1, 1, 1, 1]], dtype=torch.int32)
    """
    if not isinstance(n_prefix, int | Tensor):
        raise TypeError(
            f"n_prefix is {n_prefix!r}; expected a whole number, or a tensor of them, one for each "
            "sequence."
        )
    lengths = torch.as_tensor(n_prefix, device=device)
    if lengths.dtype not in (torch.int64, torch.int32) or lengths.ndim > 1:
        raise TypeError(
            f"n_prefix holds {lengths.dtype} of shape {tuple(lengths.shape)}; expected one whole "
            "number, or a row of them, one for each sequence."
        )
    if (lengths < 0).any() or (lengths > seq).any():
        raise ValueError(
            f"n_prefix is {lengths.tolist()} for {seq} positions; expected lengths from 0 to {seq}."
        )
    _, key = _positions(seq, None, lengths.device)
    if lengths.ndim:
        lengths = lengths[:, None, None, None]
    return causal(seq, device=lengths.device) | (key < lengths)


def documents(ids: Int[Tensor, "batch seq"]) -> Bool[Tensor, "batch 1 seq seq"]:
    """Keep documents apart that were packed into one sequence to waste no padding.

    Args:
        ids: which document each position belongs to, shape `(batch, seq)`.

    Returns:
        The mask, shape `(batch, 1, seq, seq)`: `True` inside a document. For a decoder combine it
        with `causal`.

    Source:
        Krell et al. (2021), "Efficient Sequence Packing without Cross-contamination", section 3.2,
        https://doi.org/10.48550/arXiv.2107.02027

    Example:
        >>> (documents(torch.tensor([[0, 0, 1]])) & causal(3)).int()
        tensor([[[[1, 0, 0],
                  [1, 1, 0],
                  [0, 0, 1]]]], dtype=torch.int32)
    """
    checks.ids("ids", ids)
    return (ids[:, :, None] == ids[:, None, :])[:, None]


def document_positions(ids: Int[Tensor, "batch seq"]) -> Int[Tensor, "batch seq"]:
    """Count each document's positions from 0, so that packing does not move its later tokens.

    Args:
        ids: which document each position belongs to, shape `(batch, seq)`; a document is a run of
            equal ids.

    Returns:
        The position of each token inside its document, shape `(batch, seq)`.

    Example:
        >>> document_positions(torch.tensor([[0, 0, 1, 1, 1]]))
        tensor([[0, 1, 0, 1, 2]])
    """
    checks.ids("ids", ids)
    slots = torch.arange(ids.shape[1], device=ids.device)
    first = torch.ones_like(ids, dtype=torch.bool)
    first[:, 1:] = ids[:, 1:] != ids[:, :-1]
    return slots - (slots * first).cummax(dim=1).values


def padding(tokens: Int[Tensor, "batch src"], pad_id: int) -> Bool[Tensor, "batch 1 1 src"]:
    """Hide the padding: nobody may attend to a key that only fills up its row.

    Args:
        tokens: token ids, shape `(batch, src)`.
        pad_id: the id that fills up.

    Returns:
        The mask, shape `(batch, 1, 1, src)`: it broadcasts over heads and queries.

    Raises:
        ValueError: if a row holds nothing but padding, for then there is nothing to attend to.

    Example:
        >>> padding(torch.tensor([[5, 7, 0, 0]]), pad_id=0).int()
        tensor([[[[1, 1, 0, 0]]]], dtype=torch.int32)
    """
    checks.ids("tokens", tokens)
    if not isinstance(pad_id, int):
        raise TypeError(
            f"pad_id is {pad_id!r}; expected the id of the padding, a whole number such as 0."
        )
    real = tokens != pad_id
    if not torch.compiler.is_compiling() and not tokens.is_meta and not real.any(dim=1).all():
        rows = (~real.any(dim=1)).nonzero().flatten().tolist()
        raise ValueError(
            f"row {', '.join(map(str, rows))} of tokens holds nothing but padding (id {pad_id}), "
            "so there is nothing to attend to. Leave empty sequences out of the batch."
        )
    return real[:, None, None, :]


def _positions(
    seq: int, src: int | None, device: torch.device | str | None
) -> tuple[Tensor, Tensor]:
    """Return the positions of the queries as a column, and those of the keys as a row."""
    src = seq if src is None else src
    checks.positive(seq=seq, src=src)
    if seq > src:
        raise ValueError(
            f"there are {seq} queries and {src} keys; the queries are the last of the keys' "
            f"positions, so there cannot be more of them. Expected at least {seq} keys."
        )
    slots = torch.arange(src, device=device)
    return slots[src - seq :, None], slots
