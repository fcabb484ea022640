"""Read and write GPT-2's published files: `model.safetensors` and `config.json`."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor

from glassbox.pretrained.hub import CONFIG, WEIGHTS, locate
from glassbox.pretrained.names import HEAD, PREFIX, entries, is_mask, to_ours, to_theirs
from glassbox.pretrained.settings import from_config, to_settings


def read(
    source: str | Path, *, revision: str | None = None
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a published GPT-2.

    Matrices are turned to (out, in), and what is fused in the file, queries, keys and values, is
    cut apart. Half precision is widened to single. Nothing is unpickled.

    Args:
        source: a folder with `model.safetensors` and `config.json`, the path of the first, or a
            name on the Hugging Face hub, such as `"gpt2"`; a folder of that name goes first.
        revision: the version on the hub: a branch, a tag or a commit; the newest if not given.

    Returns:
        The settings, as `GPTConfig` takes them, and the tensors under this package's names. The
        output layer is not among them: it is the embedding.

    Raises:
        TypeError: if `source` is no path, or the file does not hold floating-point numbers.
        ValueError: if it is not a GPT-2, or a tensor is missing, unknown or of another shape.
        FileNotFoundError: if there is no such file, here or on the hub.
        ConnectionError: if the hub cannot be reached.
        ImportError: if a hub name is given and huggingface_hub is not installed.

    Source:
        Radford et al. (2019), "Language Models are Unsupervised Multitask Learners",
        https://huggingface.co/openai-community/gpt2

    Example:
        >>> from glassbox.gpt import GPT, GPTConfig
        >>> sizes = dict(vocab_size=5, context_length=8, d_model=4, n_heads=2, n_layers=1)
        >>> like_gpt2 = dict(feed_forward="gelu_tanh", qkv_bias=True, tied=True)
        >>> model = GPT(GPTConfig(**sizes, **like_gpt2))
        >>> with TemporaryDirectory() as folder:
        ...     write(folder, model.config, model.state_dict())
        ...     settings, state = read(folder)
        >>> settings["n_layers"], state["token_embedding.weight"].shape
        (1, torch.Size([5, 4]))
    """
    weights, config = locate(source, revision)
    settings = to_settings(_load_json(config))
    return settings, _load_tensors(weights, _sizes(settings))


def write(folder: str | Path, config: Any, state: Mapping[str, Tensor]) -> None:
    """Write a GPT as the files of a GPT-2, which transformers reads as well.

    Both files are complete before either takes its name, so what was there before is never
    replaced by half a file.

    Args:
        folder: where to write `model.safetensors` and `config.json`; made if it does not exist.
        config: the model's `GPTConfig`, in the shape of GPT-2: learned positions, layer norm,
            biases, a tied output layer.
        state: the model's `state_dict()`.

    Raises:
        TypeError: if `config` is no `GPTConfig`.
        ValueError: if the model has a part that GPT-2 lacks, or the state is not that of `config`.
        NotADirectoryError: if `folder` is a file.

    Source:
        The format: https://huggingface.co/docs/safetensors

    Example:
        >>> from dataclasses import replace
        >>> from glassbox.gpt import GPT, preset
        >>> small = dict(vocab_size=5, context_length=8, d_model=4, n_heads=2, n_layers=1)
        >>> model = GPT(replace(preset("gpt2"), **small))
        >>> with TemporaryDirectory() as folder:
        ...     write(folder, model.config, model.state_dict())
        ...     sorted(os.listdir(folder))
        ['config.json', 'model.safetensors']
    """
    from safetensors.torch import save_file

    theirs = from_config(config)
    tensors = _named(to_settings(theirs), state)
    dtype = str(next(iter(tensors.values())).dtype).removeprefix("torch.")
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            f"'{folder}' is a file; expected a folder, in which {WEIGHTS} and {CONFIG} are written."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".writing-") as place:
        written = Path(place)
        save_file(tensors, written / WEIGHTS, metadata={"format": "pt"})
        text = json.dumps(theirs | {"dtype": dtype}, indent=2, sort_keys=True)
        (written / CONFIG).write_text(text + "\n", encoding="utf-8")
        for name in (WEIGHTS, CONFIG):
            os.replace(written / name, folder / name)


def _sizes(settings: Mapping[str, Any]) -> dict[str, int]:
    """Return the sizes that fix the shapes, the feed-forward width worked out."""
    names = ("vocab_size", "context_length", "d_model", "n_layers")
    return {name: settings[name] for name in names} | {
        "d_ff": settings["d_ff"] or 4 * settings["d_model"]
    }


def _load_json(path: Path) -> dict[str, Any]:
    """Return the content of a `config.json`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"'{path}' is not JSON; expected the settings of a GPT-2. A download may have failed: "
            "take the file again."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"'{path}' holds a {type(content).__name__}; expected the settings of a GPT-2 by name, "
            "such as n_layer."
        )
    return content


def _load_tensors(path: Path, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Return the tensors of a file under our names, read one at a time."""
    from safetensors import SafetensorError, safe_open

    state = {}
    try:
        with safe_open(path, framework="pt") as file:
            # A file of safetensors cannot be iterated itself.
            stored = {name.removeprefix(PREFIX): name for name in file.keys()}  # noqa: SIM118
            wanted = list(entries(sizes))
            _check_names(stored, {entry.name for entry in wanted})
            for entry in wanted:
                tensor = file.get_tensor(stored[entry.name])
                _check_tensor(entry.name, tensor, entry.shape)
                state |= to_ours(entry, tensor)
            if HEAD in stored:
                _check_tied(file.get_tensor(stored[HEAD]), state["token_embedding.weight"])
    except SafetensorError as error:
        raise ValueError(
            f"'{path}' cannot be read as safetensors ({str(error).rstrip('.')}); expected the "
            "model.safetensors of a GPT-2. A download that stopped half-way or Git's pointer to a "
            "large file looks like this: take the file again."
        ) from error
    return state


def _check_names(stored: Mapping[str, str], wanted: set[str]) -> None:
    """Refuse a file with tensors missing or left over."""
    missing = sorted(wanted - set(stored))
    extra = sorted(n for n in set(stored) - wanted if n != HEAD and not is_mask(n))
    for names, fault in ((missing, "lacks"), (extra, "also has")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ValueError(
                f"the file {fault} the tensor {names[0]!r}{more}, which does not fit its "
                "config.json; expected exactly the tensors of a GPT-2 of that size. Take both "
                "files from one model."
            )


def _check_tensor(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Refuse a tensor of another shape, or one that holds no floating-point numbers."""
    if tuple(tensor.shape) != shape:
        raise ValueError(
            f"the tensor {name!r} has shape {tuple(tensor.shape)}; expected {shape}, from the "
            "sizes in config.json. Take both files from one model."
        )
    if not tensor.is_floating_point():
        raise TypeError(
            f"the tensor {name!r} holds {tensor.dtype}; expected floating-point numbers. Give the "
            "file of a model that is not quantized."
        )


def _check_tied(head: Tensor, embedding: Tensor) -> None:
    """Refuse an output layer that is not the embedding."""
    if head.shape != embedding.shape or not head.to(embedding.dtype).equal(embedding):
        raise ValueError(
            f"the file has a {HEAD!r} of its own, different from the embedding; expected the same "
            "numbers, because GPT-2 ties the two. Give the file of a tied model."
        )


def _named(settings: Mapping[str, Any], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a model as transformers names them."""
    wanted = list(entries(_sizes(settings)))
    ours = {name for entry in wanted for name in entry.ours}
    odd = sorted((set(state) - {"head.weight"}) ^ ours)
    if odd:
        fault = "has" if odd[0] in state else "lacks"
        raise ValueError(
            f"the state {fault} {odd[0]!r}, which does not fit its configuration; expected the "
            "state_dict() of a GPT built from it. A part that was exchanged has no place in "
            "GPT-2's files."
        )
    tensors = {PREFIX + entry.name: to_theirs(entry, state) for entry in wanted}
    for entry in wanted:
        _check_tensor(entry.name, tensors[PREFIX + entry.name], entry.shape)
    _check_tied(
        state.get("head.weight", state["token_embedding.weight"]), state["token_embedding.weight"]
    )
    return tensors
