"""Checks of what a part is called with: tensors, their types, shapes and devices, token ids."""

import torch
from torch import Tensor


def tensor(name: str, given: object) -> None:
    """Refuse what is no tensor: a list, an array of NumPy, text, nothing.

    Args:
        name: what the argument is called.
        given: what was given.

    Raises:
        TypeError: if `given` is no tensor.

    Example:
        >>> tensor("x", [1.0, 2.0])
        Traceback (most recent call last):
        ...
        TypeError: x is of type list; expected a torch.Tensor. Make one with torch.tensor(x).
    """
    if isinstance(given, Tensor):
        return
    fixes = {
        str: "A tokenizer turns text into ids; a part is named in the configuration.",
        tuple: "If a model returned it, unpack it first: logits, loss = ...",
        type(None): "Was it left out of the call?",
    }
    sample = given[0] if isinstance(given, list) and given else given  # a list of texts is text
    fix = next((fix for kind, fix in fixes.items() if isinstance(sample, kind)), None)
    fix = fix or f"Make one with torch.tensor({name})."
    shown = "None" if given is None else f"of type {type(given).__name__}"
    raise TypeError(f"{name} is {shown}; expected a torch.Tensor. {fix}")


def place(name: str, given: Tensor, home: Tensor, owner: str = "this layer") -> None:
    """Refuse a tensor that lies on another device than what it is used with.

    Args:
        name: what the tensor is called.
        given: the tensor.
        home: a tensor on the device that is expected, such as a parameter.
        owner: whose `home` is.

    Raises:
        ValueError: if the devices differ.

    Example:
        >>> place("x", torch.zeros(2), torch.ones(3))
    """
    if given.device != home.device:
        raise ValueError(
            f"{name} lies on {given.device}, but {owner} on {home.device}; expected one device. "
            f"Move it: {name}.to('{home.device}')."
        )


def like(name: str, given: Tensor, parameter: Tensor) -> None:
    """Refuse vectors of another device or number type than a layer's parameters.

    Inside `torch.autocast` types may differ: it converts them itself.

    Args:
        name: what the tensor is called.
        given: the vectors, any shape.
        parameter: one of the layer's.

    Raises:
        TypeError: if it is no tensor.
        ValueError: if the devices or the types differ.

    Example:
        >>> like("x", torch.zeros(2), torch.ones(3))
    """
    tensor(name, given)
    place(name, given, parameter)
    converted = not given.is_meta and torch.is_autocast_enabled(given.device.type)
    if given.dtype != parameter.dtype and not converted:
        fix = f"Convert it: {name}.to({parameter.dtype})."
        if not given.is_floating_point():
            fix = f"Look token ids up in an embedding first, or convert numbers: {name}.float()."
        raise ValueError(
            f"{name} holds {given.dtype}, but this layer's parameters hold {parameter.dtype}; "
            f"expected one type. {fix}"
        )


def width(
    name: str, x: Tensor, d_model: int, built_with: str, parameter: Tensor | None = None
) -> None:
    """Refuse vectors of another width, and of another type, than a layer was built for.

    Args:
        name: what the tensor is called.
        x: the vectors, shape `(..., tokens, d_model)`.
        d_model: the width that the layer expects.
        built_with: the argument that fixed it, such as `"d_in"`.
        parameter: one of the layer's, if it has any: `x` must be `like` it.

    Raises:
        TypeError: if `x` is no tensor.
        ValueError: if the last axis of `x` is not `d_model`, or `x` is not like the parameter.

    Example:
        >>> width("x", torch.zeros(2, 5, 8), 8, "d_model")
    """
    tensor(name, x)
    if x.ndim < 1 or x.shape[-1] != d_model:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected (..., tokens, {d_model}). This layer was "
            f"built with {built_with}={d_model}."
        )
    if parameter is not None:
        like(name, x, parameter)


def ids(name: str, given: Tensor) -> None:
    """Refuse what is not a batch of rows of ids, whatever their values.

    Args:
        name: what the ids are called.
        given: whole numbers, shape `(batch, seq)`.

    Raises:
        TypeError: if these are no whole numbers.
        ValueError: if there is no batch axis, or nothing in it.

    Example:
        >>> ids("tokens", torch.tensor([[3, 7]]))
    """
    tensor(name, given)
    if given.dtype not in (torch.int64, torch.int32):
        raise TypeError(
            f"{name} holds {given.dtype}; expected token ids, torch.int64. Encode text with a "
            f"tokenizer first, or convert: {name}.long()."
        )
    if given.ndim != 2 or given.numel() == 0:
        pick = "squeeze" if given.shape[-1:] == (1,) else "argmax"
        fixes = {
            1: f" For one sequence, add the batch axis: {name}.unsqueeze(0).",
            3: f" Take one number for each token: {name}.{pick}(-1).",
        }
        raise ValueError(
            f"{name} has shape {tuple(given.shape)}; expected (batch, tokens), neither of them "
            f"empty.{fixes.get(given.ndim, '')}"
        )


def tokens(name: str, given: Tensor, vocab_size: int, table: Tensor | None = None) -> None:
    """Refuse what is not a batch of token ids below `vocab_size`.

    Args:
        name: what the ids are called, such as `"tokens"`.
        given: token ids, shape `(batch, seq)`.
        vocab_size: how many ids there are; valid ones are 0 to `vocab_size` − 1.
        table: the embedding where they are looked up.

    Raises:
        TypeError: if the ids are not whole numbers.
        ValueError: if there is no batch axis, no token at all, an id out of range, or the table
            lies on another device.

    Example:
        >>> tokens("tokens", torch.tensor([[3, 7]]), vocab_size=5)
        Traceback (most recent call last):
        ...
        ValueError: tokens holds the id 7, but the vocabulary has 5 entries: ids run from 0 to 4. \
Was the text encoded with another tokenizer?
    """
    ids(name, given)
    if table is not None:
        place(name, given, table, "the model")
    if torch.compiler.is_compiling() or given.is_meta:
        return  # the values are not known here
    low, high = (edge.item() for edge in given.aminmax())
    if low < 0 or high >= vocab_size:
        raise ValueError(
            f"{name} holds the id {low if low < 0 else high}, but the vocabulary has {vocab_size} "
            f"entries: ids run from 0 to {vocab_size - 1}. Was the text encoded with another "
            "tokenizer?"
        )
