"""A long text as training examples: windows of token ids, and the same one token later."""

from collections.abc import Iterable, Sequence
from operator import index as whole
from reprlib import repr as short
from typing import SupportsIndex

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import Dataset

from glassbox import checks


class Windows(Dataset):
    r"""Cut a text into windows: item i holds the inputs of one, and the token that follows each.

    $$x = (w_{is}, \dots, w_{is+L-1}), \qquad y = (w_{is+1}, \dots, w_{is+L})$$

    Here L is the length of a window and s the stride from one to the next. A text of n ids has
    ⌈(n − L) / s⌉ windows, and none if n ≤ L. One window trains L predictions: of each token from
    those before it in the window. Every item is a view of the same ids, so that a million
    windows take no more memory than the text.

    Args:
        ids: the token ids of the text, a list or a tensor of shape `(n,)`.
        context_length: number of ids in a window, L.
        stride: number of ids from the start of a window to the start of the next, s. With 1 a
            window starts at every id; with `context_length` windows stand side by side, and each
            target occurs once.

    Raises:
        TypeError: if the ids are not whole numbers, or a size is none.
        ValueError: if the ids are not one row, or a size is below 1.

    Example:
        >>> windows = Windows([10, 11, 12, 13, 14, 15], context_length=4, stride=1)
        >>> len(windows)
        2
        >>> inputs, targets = windows[1]
        >>> inputs, targets
        (tensor([11, 12, 13, 14]), tensor([12, 13, 14, 15]))
    """

    def __init__(
        self, ids: Sequence[int] | Int[Tensor, " n"], context_length: int, stride: int = 1
    ) -> None:
        """Lay the windows over the ids."""
        checks.positive(context_length=context_length, stride=stride)
        ids = _one_row(ids)
        self.context_length = context_length
        self.stride = stride
        # A row is a window and the one target that lies beyond it.
        length = context_length + 1
        self._rows = (
            ids.unfold(0, length, stride) if len(ids) >= length else ids.new_empty(0, length)
        )

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self._rows)

    def __getitem__(self, index: SupportsIndex) -> tuple[Int[Tensor, " seq"], Int[Tensor, " seq"]]:
        """Return one window.

        Args:
            index: its number, from 0; from −1 backward counted from the end.

        Returns:
            Inputs and targets, each of shape `(context_length,)`; views of the text.

        Raises:
            TypeError: if `index` is no whole number.
            IndexError: if there is no such window.
        """
        row = self._rows[self._known([index])[0]]
        return row[:-1], row[1:]

    def __getitems__(
        self, indices: Iterable[SupportsIndex]
    ) -> list[tuple[Int[Tensor, " seq"], Int[Tensor, " seq"]]]:
        """Return many windows at the price of one lookup: what a DataLoader asks for.

        Args:
            indices: their numbers, a list or a tensor of shape `(batch,)`.

        Returns:
            A list of inputs and targets, as single windows are.

        Raises:
            TypeError: if an index is no whole number.
            IndexError: if there is no such window.
        """
        indices = indices.tolist() if isinstance(indices, Tensor) else list(indices)
        rows = self._rows[torch.tensor(self._known(indices), dtype=torch.long)]
        return list(zip(rows[:, :-1].unbind(), rows[:, 1:].unbind(), strict=True))

    def _known(self, indices: list[SupportsIndex]) -> list[int]:
        """Return the numbers of windows, or refuse those that there are not."""
        try:
            numbers = [whole(index) for index in indices]
        except TypeError:
            raise TypeError(
                f"index is of type {type(indices[0]).__name__}; expected the number of one window, "
                f"0 to {len(self) - 1}. For several, write [windows[i] for i in numbers]."
            ) from None
        wrong = next((n for n in numbers if not -len(self) <= n < len(self)), None)
        if wrong is not None:
            raise IndexError(
                f"index is {wrong}, but there are {len(self)} windows: numbers run from 0 to "
                f"{len(self) - 1}."
                if len(self)
                else f"index is {wrong}, but there is no window: expected more than "
                f"{self.context_length} ids. Take a longer text or a smaller context_length."
            )
        return numbers


def _one_row(ids: Sequence[int] | Tensor) -> Int[Tensor, " n"]:
    """Return ids as one contiguous row of int64, or refuse what is none."""
    if isinstance(ids, str):
        raise TypeError(
            "ids is text; expected token ids, such as [3, 7]. Encode it: tokenizer.encode(text)."
        )
    try:
        row = ids if isinstance(ids, Tensor) else torch.tensor(list(ids))
    except (TypeError, ValueError, RuntimeError):
        shown = "a list of other things" if isinstance(ids, list) else short(ids)
        raise TypeError(
            f"ids is {shown}; expected token ids, such as [3, 7]. Encode text with a tokenizer "
            "first: tokenizer.encode(text)."
        ) from None
    if row.numel() and (row.is_floating_point() or row.is_complex() or row.dtype == torch.bool):
        raise TypeError(
            f"ids holds {row.dtype}; expected token ids, torch.int64. Encode text with a tokenizer "
            "first, or convert: ids.long()."
        )
    if row.ndim != 1:
        raise ValueError(
            f"ids has shape {tuple(row.shape)}; expected one row of ids, (tokens,). For one text "
            "write ids.flatten(); for several, make Windows of each."
        )
    return row.long().contiguous()
