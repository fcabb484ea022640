"""Two cells that read a sequence from both ends."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from glassbox import checks
from glassbox.recurrent.cells import Cell, State


class Bidirectional(nn.Module):
    r"""Read a sequence from left to right and from right to left, and put both side by side.

    $$h_t = [\overrightarrow{h}_t; \overleftarrow{h}_t]$$

    The output at a position then depends on the whole sequence, not only on what came before.

    Args:
        ahead: the cell that starts at the first token.
        back: the cell that starts at the last token; padding after it is skipped.

    Raises:
        TypeError: if one is no cell of this package.
        ValueError: if both are one object, or of two kinds, whose states do not go together, or
            they read vectors of different widths.

    Source:
        Schuster and Paliwal (1997), "Bidirectional Recurrent Neural Networks",
        https://doi.org/10.1109/78.650093

    Example:
        >>> from glassbox.recurrent import GRU
        >>> both = Bidirectional(GRU(3, 2), GRU(3, 2))
        >>> outputs, (h,) = both(torch.randn(4, 6, 3))
        >>> outputs.shape, h.shape
        (torch.Size([4, 6, 4]), torch.Size([4, 4]))
    """

    def __init__(self, ahead: Cell, back: Cell) -> None:
        """Keep the two cells; they share no parameters."""
        super().__init__()
        for name, cell in (("ahead", ahead), ("back", back)):
            checks.module(name, cell, "GRU(8, 16)")
            if not isinstance(cell, Cell):
                raise TypeError(
                    f"{name} is of type {type(cell).__module__}.{type(cell).__name__}; expected a "
                    "cell from glassbox.recurrent, such as GRU(8, 16)."
                )
        if ahead is back:
            raise ValueError(
                "ahead and back are the same object, so both directions would share all "
                "parameters. Build two: Bidirectional(GRU(8, 16), GRU(8, 16))."
            )
        if type(ahead) is not type(back):
            raise ValueError(
                f"ahead is {type(ahead).__name__}, back is {type(back).__name__}, and their states "
                "do not go together. Build two cells of one kind."
            )
        if ahead.w_x.in_features != back.w_x.in_features:
            raise ValueError(
                f"ahead was built with d_in={ahead.w_x.in_features} and back with "
                f"d_in={back.w_x.in_features}; expected the same width, for both read one sequence."
            )
        self.ahead = ahead
        self.back = back
        self.d_hidden = ahead.d_hidden + back.d_hidden

    def forward(
        self,
        x: Float[Tensor, "batch seq d_in"],
        *,
        keep: Bool[Tensor, "batch seq"] | None = None,
    ) -> tuple[Float[Tensor, "batch seq d_both"], State]:
        """Run both cells, each from a state of zeros.

        Args:
            x: the sequences, shape `(B, T, d_in)`.
            keep: `True` for a token, `False` for padding, shape `(B, T)`.

        Returns:
            Both outputs side by side, shape `(B, T, d_both)`, and both final states side by side:
            the one after the last token, and the one after the first.

        Raises:
            ValueError: if an argument's shape or type does not fit the cells.
        """
        checks.tensor("x", x)
        from_left, state_left = self.ahead(x, keep=keep)
        from_right, state_right = self.back(x.flip(1), keep=None if keep is None else keep.flip(1))
        outputs = torch.cat([from_left, from_right.flip(1)], dim=-1)
        pairs = zip(state_left, state_right, strict=True)
        return outputs, tuple(torch.cat(pair, dim=-1) for pair in pairs)
