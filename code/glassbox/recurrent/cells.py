"""Recurrent cells: one state, updated token after token."""

from math import sqrt
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from glassbox import checks

State = tuple[Float[Tensor, "batch d_hidden"], ...]


class Cell(nn.Module):
    r"""A state that is updated by one token after the other, by the same parameters each time.

    $$s_t = f(x_t, s_{t-1})$$

    The two cells below differ in $f$, their method `update`. A state is a tuple of tensors whose
    first entry is $h_t$, the cell's output: `(h,)` for the GRU, `(h, c)` for the LSTM.

    Args:
        d_in: width of a token's vector.
        d_hidden: width of the state.

    Raises:
        ValueError: if a width is less than 1.

    Source:
        Elman (1990), "Finding Structure in Time", https://doi.org/10.1207/s15516709cog1402_1

    Example:
        >>> cell = GRU(d_in=3, d_hidden=2)
        >>> state = cell.start(batch=4)
        >>> state = cell.step(torch.randn(4, 3), state)
        >>> len(state), state[0].shape
        (1, torch.Size([4, 2]))
    """

    n_gates: ClassVar[int]
    """Number of vectors of width `d_hidden` that one update computes from a token."""
    n_tensors: ClassVar[int]
    """Number of tensors that make up a state."""

    def __init__(self, d_in: int, d_hidden: int) -> None:
        r"""Draw every parameter uniformly within $1/\sqrt{d_{hidden}}$ of 0, as PyTorch does."""
        super().__init__()
        checks.positive(d_in=d_in, d_hidden=d_hidden)
        self.d_hidden = d_hidden
        self.w_x = nn.Linear(d_in, self.n_gates * d_hidden)
        self.w_h = nn.Linear(d_hidden, self.n_gates * d_hidden)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(d_hidden), 1 / sqrt(d_hidden))

    def update(self, inputs: Float[Tensor, "batch gates"], state: State) -> State:
        r"""Return the next state; this is the formula that makes a cell what it is.

        Args:
            inputs: what the token sends to the gates, `w_x(x)`, shape `(B, gates)`.
            state: the state before the token.
        """
        raise NotImplementedError

    def step(self, x: Float[Tensor, "batch d_in"], state: State) -> State:
        """Return the state after one more token.

        Args:
            x: one token of each sequence, shape `(B, d_in)`.
            state: the state before it, tensors of shape `(B, d_hidden)`.

        Raises:
            ValueError: if a shape does not fit the cell.
        """
        checks.like("x", x, self.w_x.weight)
        if x.ndim != 2 or x.shape[-1] != self.w_x.in_features:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected (batch, {self.w_x.in_features}), one "
                "token of each sequence. For all tokens at once call the cell itself."
            )
        return self.update(self.w_x(x), self._checked(state, x.shape[0]))

    def start(self, batch: int) -> State:
        """Return the state before the first token: zeros, shape `(batch, d_hidden)`."""
        checks.positive(batch=batch)
        zeros = self.w_h.weight.new_zeros(batch, self.d_hidden)
        return (zeros,) * self.n_tensors

    def forward(
        self,
        x: Float[Tensor, "batch seq d_in"],
        state: State | None = None,
        *,
        keep: Bool[Tensor, "batch seq"] | None = None,
    ) -> tuple[Float[Tensor, "batch seq d_hidden"], State]:
        """Run over the sequence from left to right.

        The tokens' share of the gates needs no state, so one matrix product computes it for all
        positions. The rest is a loop, because each state needs the one before.

        Args:
            x: the sequences, shape `(B, T, d_in)`.
            state: the state to start from; zeros if not given.
            keep: `True` for a token, `False` for padding, shape `(B, T)`. Padding leaves the state
                as it is.

        Returns:
            The output $h_t$ at every position, shape `(B, T, d_hidden)`, and the final state.

        Raises:
            ValueError: if an argument's shape or type does not fit the cell.
        """
        self._check(x, keep)
        state = self.start(x.shape[0]) if state is None else self._checked(state, x.shape[0])
        keeps = [None] * x.shape[1] if keep is None else keep.unsqueeze(-1).unbind(1)
        outputs = []
        for inputs, real in zip(self.w_x(x).unbind(1), keeps, strict=True):
            state = _choose(real, self.update(inputs, state), state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state

    def _check(self, x: Tensor, keep: Tensor | None) -> None:
        """Raise a ValueError where the sequence or its padding does not fit the cell."""
        d_in = self.w_x.in_features
        checks.like("x", x, self.w_x.weight)
        if x.ndim != 3 or x.shape[-1] != d_in or x.shape[1] == 0:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected (batch, at least 1 token, {d_in}), batch "
                f"first. This cell was built with d_in={d_in}; `step` takes a single token."
            )
        if keep is not None:
            checks.tensor("keep", keep)
        if keep is not None and (keep.dtype != torch.bool or keep.shape != x.shape[:2]):
            raise ValueError(
                f"keep has shape {tuple(keep.shape)} and holds {keep.dtype}; expected one boolean "
                f"for each token, shape {tuple(x.shape[:2])}, True where the token is no padding."
            )

    def _checked(self, state: State, batch: int) -> State:
        """Return the state, or raise a ValueError where it is none of this cell's."""
        if not isinstance(state, tuple):
            raise ValueError(
                f"state is a {type(state).__name__}; expected a tuple of {self.n_tensors}, such as "
                "the final state of another call. A single tensor h goes in as (h,)."
            )
        for tensor in state:
            checks.like("state", tensor, self.w_h.weight)
        shapes = [tuple(tensor.shape) for tensor in state]
        if shapes != [(batch, self.d_hidden)] * self.n_tensors:
            raise ValueError(
                f"state holds tensors of shapes {shapes}; {type(self).__name__} expects "
                f"{self.n_tensors} of shape {(batch, self.d_hidden)}, (batch, d_hidden)."
            )
        return state


def _choose(real: Bool[Tensor, "batch 1"] | None, new: State, old: State) -> State:
    """Take the new state of a sequence where its token is real, and the old one at padding."""
    if real is None:
        return new
    return tuple(torch.where(real, after, before) for after, before in zip(new, old, strict=True))


class LSTM(Cell):
    r"""Long short-term memory: a cell that adds to its memory instead of rewriting it.

    $$\begin{aligned}
    i_t &= \sigma(x_t W_{xi} + h_{t-1} W_{hi} + b_i) \quad\text{(input gate)} \\
    f_t &= \sigma(x_t W_{xf} + h_{t-1} W_{hf} + b_f) \quad\text{(forget gate)} \\
    g_t &= \tanh(x_t W_{xg} + h_{t-1} W_{hg} + b_g) \ \text{(candidate)} \\
    o_t &= \sigma(x_t W_{xo} + h_{t-1} W_{ho} + b_o) \quad\text{(output gate)} \\
    c_t &= f_t \odot c_{t-1} + i_t \odot g_t \\
    h_t &= o_t \odot \tanh(c_t)
    \end{aligned}$$

    `w_x` and `w_h` hold the four matrices one below the other, in the order i, f, g, o; each has a
    bias, and $b$ is the sum of the two. Where $f_t$ is 1, the gradient passes $c_t$ unchanged.

    Args:
        d_in: width of a token's vector.
        d_hidden: width of the state.

    Raises:
        ValueError: if a width is less than 1.

    Source:
        Hochreiter and Schmidhuber (1997), "Long Short-Term Memory",
        https://doi.org/10.1162/neco.1997.9.8.1735, with the forget gate of Gers, Schmidhuber and
        Cummins (2000), "Learning to Forget", https://doi.org/10.1162/089976600300015015

    Example:
        >>> cell = LSTM(d_in=3, d_hidden=2)
        >>> outputs, (h, c) = cell(torch.randn(4, 6, 3))
        >>> outputs.shape, torch.equal(outputs[:, -1], h)
        (torch.Size([4, 6, 2]), True)
    """

    n_gates = 4
    n_tensors = 2

    def update(self, inputs: Float[Tensor, "batch gates"], state: State) -> State:
        """Return `(h, c)` after a token that sends `inputs` to the gates."""
        h, c = state
        i, f, g, o = (inputs + self.w_h(h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class GRU(Cell):
    r"""Gated recurrent unit: a cell that mixes its state with a candidate.

    $$\begin{aligned}
    r_t &= \sigma(x_t W_{xr} + h_{t-1} W_{hr} + b_r) \quad\text{(reset gate)} \\
    z_t &= \sigma(x_t W_{xz} + h_{t-1} W_{hz} + b_z) \quad\text{(update gate)} \\
    n_t &= \tanh(x_t W_{xn} + b_{xn} + r_t \odot (h_{t-1} W_{hn} + b_{hn})) \ \text{(candidate)} \\
    h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}
    \end{aligned}$$

    `w_x` and `w_h` hold the three matrices one below the other, in the order r, z, n. The reset
    gate acts after the product with $W_{hn}$, as in PyTorch; in the paper it acts before.

    Args:
        d_in: width of a token's vector.
        d_hidden: width of the state.

    Raises:
        ValueError: if a width is less than 1.

    Source:
        Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder for
        Statistical Machine Translation", section 2.3, https://doi.org/10.3115/v1/D14-1179

    Example:
        >>> cell = GRU(d_in=3, d_hidden=2)
        >>> outputs, (h,) = cell(torch.randn(4, 6, 3))
        >>> outputs.shape, torch.equal(outputs[:, -1], h)
        (torch.Size([4, 6, 2]), True)
    """

    n_gates = 3
    n_tensors = 1

    def update(self, inputs: Float[Tensor, "batch gates"], state: State) -> State:
        """Return `(h,)` after a token that sends `inputs` to the gates."""
        (h,) = state
        x_r, x_z, x_n = inputs.chunk(3, dim=-1)
        h_r, h_z, h_n = self.w_h(h).chunk(3, dim=-1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        return ((1 - z) * n + z * h,)
