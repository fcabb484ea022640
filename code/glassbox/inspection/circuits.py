"""What single heads write and read, and what the stream says on its way to the output."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from glassbox import checks
from glassbox.gpt import GPT
from glassbox.inspection.capture import record_stream
from glassbox.inspection.heads import Attention, find_attention, head_matrices
from glassbox.inspection.modules import evaluating


def head_contributions(
    attention: Attention, context: Float[Tensor, "batch seq heads_times_d_head"]
) -> Float[Tensor, "batch seq heads d_model"]:
    r"""Return what each head of a layer adds to the residual stream.

    $$Y = [C_1, \dots, C_H]\,W_O + b_O = \sum_h C_h W_O^h + b_O$$

    Here $W_O^h$ are the rows of $W_O$ that meet the context vectors $C_h$ of head h. So the heads
    do not mix: each writes on its own.

    Args:
        attention: the layer.
        context: the input of its `w_o`, shape `(B, T, H * d_head)`, as `record_inputs` finds it.

    Returns:
        The summands $C_h W_O^h$, shape `(B, T, H, d_model)`.

    Raises:
        ValueError: if `context` does not have the width of all heads together.

    Source:
        Elhage et al. (2021), "A Mathematical Framework for Transformer Circuits", section
        "Attention Heads are Independent and Additive",
        https://transformer-circuits.pub/2021/framework/index.html

    Example:
        >>> from glassbox.inspection import record_inputs
        >>> from glassbox.attention import MultiHeadAttention
        >>> layer = MultiHeadAttention(d_model=8, n_heads=2)
        >>> with record_inputs(layer, "w_o") as seen:
        ...     y = layer(torch.randn(1, 3, 8))
        >>> shares = head_contributions(layer, seen["w_o"])
        >>> shares.shape, torch.allclose(shares.sum(dim=2) + layer.w_o.bias, y, atol=1e-6)
        (torch.Size([1, 3, 2, 8]), True)
    """
    checks.width("context", context, attention.w_o.in_features, "d_model")
    per_head = context.unflatten(-1, (attention.n_heads, -1))
    w_o = attention.w_o.weight.T.unflatten(0, (attention.n_heads, -1))
    return torch.einsum("bthc,hcd->bthd", per_head, w_o)


@torch.no_grad()
def qk_circuit(model: GPT, layer: int | str, head: int) -> Float[Tensor, "vocab_size vocab_size"]:
    r"""Return how much a head, asked by one token, prefers another: row asks, column is asked.

    $$E\, W_Q W_K^\top E^\top$$

    E is the token embedding. The rest of the model is left out: positions, norms, biases, the
    factor $1/\sqrt{d_k}$ and what earlier blocks wrote. So this is a reading of the weights, exact
    only for a first block without those; compare entries of a row, for the softmax does.

    Args:
        model: a `GPT`.
        layer: index of a block, or the path of a block or of its attention.
        head: which head, counted from 0.

    Returns:
        A matrix of the vocabulary's size squared. It takes 17 kB for 65 tokens, 10 GB for GPT-2's.

    Raises:
        TypeError: if the model is no `GPT`.
        ValueError: if there is no such layer or head.

    Source:
        Elhage et al. (2021), section "Splitting Attention Head Terms into Query-Key and
        Output-Value Circuits",
        https://transformer-circuits.pub/2021/framework/index.html

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> qk_circuit(GPT(preset("character")), layer=0, head=2).shape
        torch.Size([65, 65])
    """
    _check_gpt(model)
    w_q, w_k, _, _ = head_matrices(find_attention(model, layer), head)
    embedding = model.token_embedding.weight
    return (embedding @ w_q) @ (embedding @ w_k).T


@torch.no_grad()
def ov_circuit(model: GPT, layer: int | str, head: int) -> Float[Tensor, "vocab_size vocab_size"]:
    r"""Return what a head does to the logits (columns) if it attends to a token (row).

    $$E\, W_V W_O\, U$$

    E is the token embedding, U the output layer. A large diagonal means that the head copies what
    it sees. Norms, biases and later blocks are left out, as in `qk_circuit`.

    Args:
        model: a `GPT`.
        layer: index of a block, or the path of a block or of its attention.
        head: which head, counted from 0.

    Returns:
        A matrix of the vocabulary's size squared.

    Raises:
        TypeError: if the model is no `GPT`.
        ValueError: if there is no such layer or head.

    Source:
        Elhage et al. (2021), section "Splitting Attention Head Terms into Query-Key and
        Output-Value Circuits",
        https://transformer-circuits.pub/2021/framework/index.html

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> ov_circuit(GPT(preset("character")), layer=3, head=0).shape
        torch.Size([65, 65])
    """
    _check_gpt(model)
    _, _, w_v, w_o = head_matrices(find_attention(model, layer), head)
    return (model.token_embedding.weight @ w_v) @ (w_o @ model.head.weight.T)


def logit_lens(
    model: GPT, tokens: Int[Tensor, "batch seq"]
) -> Float[Tensor, "depths batch seq vocab_size"]:
    """Return what the model would predict if it ended after each block.

    The final norm and the output layer read the residual stream before the first block and after
    every block. The model runs without dropout and gradients.

    Args:
        model: a `GPT`.
        tokens: token ids, shape `(B, T)`.

    Returns:
        Logits of shape `(N + 1, B, T, vocab_size)`; the last ones are the model's own.

    Raises:
        TypeError: if the model is no `GPT`.

    Source:
        nostalgebraist (2020), "interpreting GPT: the logit lens",
        https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens

    Example:
        >>> from glassbox.gpt import GPT, preset
        >>> logit_lens(GPT(preset("character")), torch.zeros(1, 8, dtype=torch.long)).shape
        torch.Size([5, 1, 8, 65])
    """
    _check_gpt(model)
    with evaluating(model), record_stream(model) as stream:
        model(tokens)
        return torch.stack([model.head(model.norm(x)) for x in stream])


def _check_gpt(model: GPT) -> None:
    """Refuse models whose stream is not read from their own embedding by their own head."""
    if not isinstance(model, GPT):
        raise TypeError(
            f"model is of type {type(model).__name__}; expected a GPT. Its circuits and its lens "
            "start at its token_embedding and end at its head."
        )
