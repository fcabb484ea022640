"""One recurrent network reads, another one writes: translation before the transformer."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassbox import checks
from glassbox.losses import Output, cross_entropy
from glassbox.recurrent.cells import State
from glassbox.recurrent.encoder import ATTENTIONS, CELLS, Encoded, RecurrentConfig, RecurrentEncoder
from glassbox.tap import Tap


class RecurrentSeq2Seq(nn.Module):
    r"""Write a target, token after token, from the state in which reading the source ended.

    $$s_t = f(y_{t-1}, s_{t-1}), \qquad c_t = \operatorname{attend}(s_t, h_1 \dots h_S), \qquad
    z_t = [s_t; c_t] W_O + b_O$$

    Here $h_j$ are the encoder's states, $s_0$ is its final state, and $z_t$ are the logits of the
    next token. With attention `"none"`, $c_t$ is empty: $s_0$ has to carry the whole source.

    The order is that of Luong et al.: first the state, then its context. Bahdanau et al. look back
    with $s_{t-1}$ and feed the context to the cell as well.

    Args:
        config: the settings.

    Source:
        Sutskever, Vinyals and Le (2014), section 2, https://doi.org/10.48550/arXiv.1409.3215,
        without attention; Luong, Pham and Manning (2015), section 3.1,
        https://doi.org/10.18653/v1/D15-1166, with it, less the layer between $[s_t; c_t]$ and the
        logits.

    Example:
        >>> config = RecurrentConfig(vocab_size=9, d_embedding=4, d_hidden=6, attention="additive")
        >>> model = RecurrentSeq2Seq(config)
        >>> source, target = torch.tensor([[1, 5, 2]]), torch.tensor([[0, 2, 5, 1]])
        >>> model(source, target[:, :-1], target[:, 1:]).logits.shape
        torch.Size([1, 3, 9])
    """

    def __init__(self, config: RecurrentConfig) -> None:
        """Build the encoder, then the decoder from its embedding to its head."""
        super().__init__()
        self.config = config
        self.encoder = RecurrentEncoder(config)
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_embedding)
        self.cell = CELLS[config.cell](config.d_embedding, config.d_hidden)
        self.attention = ATTENTIONS[config.attention](config.d_hidden)
        self.weights = Tap()
        self.head = nn.Linear(config.d_hidden + self.attention.d_context, config.vocab_size)

    def encode(self, source: Int[Tensor, "batch src"]) -> Encoded:
        """Read the source: all that a decoder step needs of it.

        Args:
            source: token ids, shape `(B, S)`.

        Returns:
            The encoder's states, its final state, in which the decoder starts, and where the
            source is no padding.

        Raises:
            ValueError: if `source` has no batch axis, an id is out of range, or a row holds
                nothing but padding.
            TypeError: if `source` holds no whole numbers.
        """
        return self.encoder(source)

    def decode_step(
        self, token: Int[Tensor, " batch"], state: State, encoded: Encoded
    ) -> tuple[Float[Tensor, "batch vocab_size"], State, Float[Tensor, "batch src"]]:
        """Take one token, and say what comes next.

        Args:
            token: the token before the one to be written, shape `(B,)`.
            state: the decoder's state; `encoded.final` before the first token.
            encoded: what `encode` returned.

        Returns:
            The logits of the next token, shape `(B, vocab_size)`; the new state; and the weights
            on the source, shape `(B, S)`, all 0 without attention.

        Raises:
            ValueError: if there is not one token for each source, an id is out of range, or the
                state is none of this decoder's.
            TypeError: if `token` holds no whole numbers.

        Example:
            >>> config = RecurrentConfig(vocab_size=9, d_embedding=4, d_hidden=6)
            >>> model = RecurrentSeq2Seq(config)
            >>> encoded = model.encode(torch.tensor([[1, 5, 2]]))
            >>> logits, state, weights = model.decode_step(
            ...     torch.tensor([0]), encoded.final, encoded
            ... )
            >>> logits.shape
            torch.Size([1, 9])
        """
        checks.tensor("token", token)
        if not isinstance(encoded, Encoded):
            raise TypeError(
                f"encoded is of type {type(encoded).__name__}; expected what model.encode(source) "
                "returned, as a whole."
            )
        if token.ndim != 1:
            raise ValueError(
                f"token has shape {tuple(token.shape)}; expected (batch,), one token for each "
                "sequence. For all steps at once call the model itself."
            )
        checks.tokens("token", token.unsqueeze(1), self.config.vocab_size)
        _check_batch("token", token, encoded.states)
        state, readout, weights = self._advance(self.token_embedding(token), state, encoded)
        return self.head(readout), state, weights

    def forward(
        self,
        source: Int[Tensor, "batch src"],
        target: Int[Tensor, "batch seq"],
        targets: Int[Tensor, "batch seq"] | None = None,
    ) -> Output:
        """Return the logits at every step when the true target so far is given.

        Args:
            source: token ids to read, shape `(B, S)`.
            target: token ids before each step, a start token first, shape `(B, T)`.
            targets: the token to be predicted at each step, shape `(B, T)`: `target` one place
                further. Write −100 where none counts, such as at padding.

        Returns:
            Logits of shape `(B, T, vocab_size)` and the mean cross-entropy, or `None`.

        Raises:
            ValueError: if shapes do not fit, an id is out of range, or a source is all padding.
            TypeError: if ids are not whole numbers.
        """
        checks.tokens("target", target, self.config.vocab_size, self.token_embedding.weight)
        encoded = self.encode(source)
        _check_batch("target", target, source)
        state, readouts, rows = encoded.final, [], []
        for embedded in self.token_embedding(target).unbind(1):
            state, readout, weights = self._advance(embedded, state, encoded)
            readouts.append(readout)
            rows.append(weights)
        if self.weights.watched:
            self.weights.show(torch.stack(rows, dim=1))
        logits = self.head(torch.stack(readouts, dim=1))
        return Output(logits, cross_entropy(logits, targets))

    def _advance(
        self, embedded: Float[Tensor, "batch d_embedding"], state: State, encoded: Encoded
    ) -> tuple[State, Float[Tensor, "batch d_readout"], Float[Tensor, "batch src"]]:
        """Update the state by one token, then look back: state, state beside context, weights."""
        state = self.cell.step(embedded, state)
        context, weights = self.attention(state[0], encoded.states, encoded.keep)
        return state, torch.cat([state[0], context], dim=-1), weights


def _check_batch(name: str, given: Tensor, source: Tensor) -> None:
    """Raise a ValueError where there is not one target for each source."""
    if given.shape[0] != source.shape[0]:
        raise ValueError(
            f"{name} has a batch of {given.shape[0]} and source one of {source.shape[0]}; expected "
            "one target for each source."
        )
