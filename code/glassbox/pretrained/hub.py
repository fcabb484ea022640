"""Where a model's files are: a folder, a file, or a name on the Hugging Face hub."""

import re
from pathlib import Path

WEIGHTS, CONFIG = "model.safetensors", "config.json"
TOKENIZER = ("vocab.json", "merges.txt")
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
OWNER = "openai-community"
"""Who keeps GPT-2 on the hub, for names without an owner."""
NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def locate(source: str | Path, revision: str | None) -> tuple[Path, Path]:
    """Return the paths of a model's tensors and of its `config.json`.

    Args:
        source: a folder, the path of a `.safetensors` file, or a name on the hub.
        revision: the version on the hub.

    Raises:
        TypeError: if `source` is no path.
        ValueError: if the file is a pickle, or a revision of local files is asked for.
        FileNotFoundError: if a file is missing.
        ConnectionError: if the hub cannot be reached.
        ImportError: if huggingface_hub is not installed.
    """
    if not isinstance(source, str | Path):
        shown = "None" if source is None else f"of type {type(source).__name__}"
        raise TypeError(
            f"source is {shown}; expected a folder, the path of a "
            "model.safetensors, or a name on the hub such as 'gpt2'."
        )
    path = Path(source).expanduser()
    if path.suffix in PICKLES:
        raise ValueError(
            f"'{path.name}' is a pickle, and unpickling can run any program; it is not read here. "
            f"Give the {WEIGHTS} of the same model: its page on the hub lists it."
        )
    if path.exists():
        if revision is not None:
            raise ValueError(
                f"revision is {revision!r}, but {path} lies on this machine, where there is only "
                "one. Leave the revision out, or give a name on the hub."
            )
        return _local(path)
    if isinstance(source, Path) or path.suffix == ".safetensors" or not NAME.fullmatch(source):
        raise FileNotFoundError(
            f"there is no file or folder '{path}'; expected a folder with {WEIGHTS} and {CONFIG}, "
            "the path of the first, or a name on the hub such as 'gpt2'."
        )
    weights, config = _from_hub(_full_name(source), (WEIGHTS, CONFIG), revision)
    return weights, config


def tokenizer_folder(source: str | Path, *, revision: str | None = None) -> Path:
    """Return the folder with the files of a model's tokenizer, for `BytePairTokenizer.from_gpt2`.

    Args:
        source: as in `GPT.from_pretrained`.
        revision: the version on the hub; the newest if not given.

    Raises:
        ValueError: as `read`; also the errors of missing files and of a hub out of reach.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tokenizer_folder(folder) == Path(folder)
        True
    """
    path = Path(source).expanduser()
    if path.exists():
        return path if path.is_dir() else path.parent
    if isinstance(source, Path) or not NAME.fullmatch(source):
        locate(source, revision)  # raises
    vocabulary, _ = _from_hub(_full_name(source), TOKENIZER, revision)
    return vocabulary.parent


def _full_name(name: str) -> str:
    """Return a name on the hub with its owner."""
    return name if "/" in name else f"{OWNER}/{name}"


def _local(path: Path) -> tuple[Path, Path]:
    """Return the two files of a folder, or a file and what lies beside it."""
    folder = path if path.is_dir() else path.parent
    weights = folder / WEIGHTS if path.is_dir() else path
    for file in (weights, folder / CONFIG):
        if not file.is_file():
            others = sorted(other.name for other in folder.iterdir())[:5]
            raise FileNotFoundError(
                f"there is no {file.name} in '{folder}', which holds "
                f"{', '.join(others) or 'nothing'}; expected {WEIGHTS} and {CONFIG} side by side. "
                "A .bin is a pickle and is not read: take the .safetensors."
            )
    return weights, folder / CONFIG


def _from_hub(name: str, files: tuple[str, str], revision: str | None) -> tuple[Path, Path]:
    """Download two files, or find them in the hub's own cache."""
    both = " and ".join(files)
    by_hand = (
        f"Download {both} by hand from https://huggingface.co/{name}/tree/main, "
        "and give the path of their folder."
    )
    try:
        from huggingface_hub import errors, hf_hub_download
    except ImportError as error:
        raise ImportError(
            f"'{name}' was given, but huggingface_hub, which downloads it, is not installed. Add "
            f"it with pip install huggingface_hub. Or: {by_hand}"
        ) from error
    try:
        first, second = (Path(hf_hub_download(name, file, revision=revision)) for file in files)
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise ConnectionError(
            f"'{name}' is no folder here, and the hub cannot be reached: offline, or no such copy "
            f"in its cache. {by_hand}"
        ) from error
    except (
        errors.EntryNotFoundError,
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.HFValidationError,
    ) as error:
        version = "" if revision is None else f" in revision {revision!r}"
        raise FileNotFoundError(
            f"the hub has no {both} under '{name}'{version}; expected a folder, "
            "or a model there such as 'gpt2'. Some models are kept as pickles only; those are not "
            "read."
        ) from error
    return first, second
