"""Rotary positions: queries and keys are turned by an angle that grows with their position."""

import torch
from jaxtyping import Float
from torch import Tensor

from glassbox import checks
from glassbox.positions.added import angles, check_pairs
from glassbox.positions.base import Positions


class Rotary(Positions):
    r"""Turn each pair of columns of a query or key at position t by an angle proportional to t.

    $$\begin{pmatrix} x_i \\ x_{i+d/2} \end{pmatrix} \to
    \begin{pmatrix} \cos\phi_i(t) & -\sin\phi_i(t) \\ \sin\phi_i(t) & \cos\phi_i(t) \end{pmatrix}
    \begin{pmatrix} x_i \\ x_{i+d/2} \end{pmatrix}, \qquad
    \phi_i(t) = t \cdot \text{base}^{-2i/d}$$

    Turning both by the same angle leaves their dot product alone, so a score depends on the
    offset only: $R_i q \cdot R_j k = q \cdot R_{j-i} k$. Column i is paired with column i + d/2,
    as in GPT-NeoX and in Hugging Face's Llama; the paper pairs neighbors, which is the same up to
    the order of the columns.

    Args:
        d_head: width d of a query and of a key.
        base: sets the slowest rotation.

    Raises:
        ValueError: if `d_head` is odd or below 1, or `base` is not positive.

    Source:
        Su et al. (2021), "RoFormer: Enhanced Transformer with Rotary Position Embedding", section
        3.2.2, https://doi.org/10.48550/arXiv.2104.09864

    Example:
        >>> ones = torch.tensor([1.0, 0.0]).expand(1, 1, 3, 2)
        >>> Rotary(d_head=2).turn(ones, start=0)[0, 0]  # one radian a token
        tensor([[ 1.0000,  0.0000],
                [ 0.5403,  0.8415],
                [-0.4161,  0.9093]])
    """

    def __init__(self, d_head: int, base: float = 10000.0) -> None:
        """Keep the two numbers that fix every angle; nothing is learned."""
        super().__init__()
        checks.positive(d_head=d_head)
        check_pairs("d_head", d_head)
        checks.above_zero("base", base, example=10000.0)
        self.d_head = d_head
        self.base = base
        self._known: dict[tuple, tuple[Tensor, Tensor]] = {}

    def turn(
        self, x: Float[Tensor, "batch heads seq d_head"], start: int
    ) -> Float[Tensor, "batch heads seq d_head"]:
        """Return queries or keys, turned by the angles of `start` and the positions after it.

        Args:
            x: queries or keys of consecutive tokens, shape `(B, H, T, d_head)`.
            start: the position of the first of them.

        Returns:
            The turned vectors, as long as before, shape `(B, H, T, d_head)`, in the precision of
            `x`.

        Raises:
            ValueError: if the last axis of `x` is not `d_head`, or `x` holds whole numbers.
        """
        checks.width("x", x, self.d_head, "d_head")
        if not x.is_floating_point():
            raise ValueError(
                f"x holds {x.dtype}; expected floating-point queries or keys, for turned vectors "
                "are seldom whole. Convert them: x.float()."
            )
        cos, sin = self._turns(x, start)
        first, second = x.chunk(2, dim=-1)
        turned = torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
        return turned.to(x.dtype)

    def _turns(self, x: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of all angles, shape `(T, d_head / 2)`.

        They are no buffers: a model cast to bfloat16 would round them, and far positions would turn
        by a wrong angle. The last ones are remembered, for every layer asks for the same.
        """
        if torch.compiler.is_compiling():
            return self._computed(x, start)
        # What inference mode has made is of no use outside of it.
        asked = (start, x.shape[-2], x.dtype, x.device, torch.is_inference_mode_enabled())
        if asked not in self._known:
            self._known = {asked: self._computed(x, start)}
        return self._known[asked]

    def _computed(self, x: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of all angles, in single precision or better."""
        precision = torch.promote_types(x.dtype, torch.float32)
        places = torch.arange(start, start + x.shape[-2], dtype=precision, device=x.device)
        phi = angles(places, self.d_head, self.base)
        return phi.cos(), phi.sin()

    def extra_repr(self) -> str:
        """Return the sizes that `print(model)` shows."""
        return f"d_head={self.d_head}, base={self.base:g}"
