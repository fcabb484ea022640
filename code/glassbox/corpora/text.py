"""Texts to train on: one that every Python carries, and any file that you have."""

import re
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as short
from string import ascii_letters
from typing import TypeVar

from torch import Tensor

from glassbox import checks
from glassbox.corpora.corpus import Corpus
from glassbox.corpora.windows import Windows
from glassbox.tokenizers import CharacterTokenizer, Tokenizer
from glassbox.tokenizers.base import check_text

ALPHABET = "".join(sorted("\n '()*,-.0:=_" + ascii_letters))
"""The 65 symbols that `language_reference` is written with, in every version of Python."""

_LIKE = {
    "'": '"‘’“”`',
    "(": "[{",
    ")": "]}",
    ",": ";",
    "-": "–—−",
    ".": "?",
    "0": "123456789",
    "*": "!#%&+/<>@\\^|~",
}
_WRITTEN = str.maketrans(
    {other: mark for mark, others in _LIKE.items() for other in others}
    | {"…": "...", "\xa0": " ", "\t": "    ", "ß": "ss"}
)
_MARKUP = [
    (r"^ *([*=~\"^-])\1{2,}$", ""),  # the underline of a heading
    (r"^ *[+|][-=+| ]*(?:--|==)[-=+| ]*$", ""),  # a rule of a table
    (r"^( *)\| (.*?) *\|$", r"\1\2"),  # the edges of its row
    (r"(?<=\S) +\| +(?=\S)", " | "),
    (r"(?<![\w*])(\*\*?)(\w(?:[\w .:\n-]{,60}[\w:])?)\1(?!\*)", r"\2"),  # *emphasis* and **strong**
    (r"^( *)(>>>|\.\.\.) ", r"\1"),  # the prompts of an interactive session
    (r" +$", ""),
    (r"\n{3,}", "\n\n"),
]
_Text = TypeVar("_Text", str, Sequence[int], Tensor)


def language_reference() -> str:
    """Return the reference of the Python language, a text that every Python carries.

    It is the source of `help("if")`, about 440,000 characters of English prose, code and grammar,
    so that a course about text needs no download. Headings, tables and emphasis lose their markup,
    and what lies outside of `ALPHABET` is written with the symbol that is most like it:

    - a quotation mark as `'`, a bracket as `(` or `)`, a digit as `0`;
    - the semicolon as `,`, the question mark as `.`, a dash as `-`;
    - every other sign of code, such as `+` or `<`, as `*`.

    The rest is dropped. The text differs a little between versions of Python, the alphabet never
    does.

    Returns:
        The text, written with the 65 symbols of `ALPHABET`.

    Source:
        The Python Language Reference, Python Software Foundation, under the PSF License
        version 2, https://docs.python.org/3/reference/; the module `pydoc_data.topics`. All
        digits as one, as in Lample et al. (2016), "Neural Architectures for Named Entity
        Recognition", section 5.2, https://doi.org/10.48550/arXiv.1603.01360

    Example:
        >>> text = language_reference()
        >>> text.splitlines()[0]
        "The 'assert' statement"
        >>> len(ALPHABET), set(text) <= set(ALPHABET)
        (65, True)
    """
    from pydoc_data.topics import topics

    return _plain("\n\n".join(topics[name].strip("\n") for name in sorted(topics)))


def _plain(text: str) -> str:
    """Return a text without markup, written with the symbols of `ALPHABET`."""
    for pattern, replacement in _MARKUP:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return "".join(filter(set(ALPHABET).__contains__, text.translate(_WRITTEN)))


def read_text(path: str | Path) -> str:
    """Return the text of a file of your own, which must be encoded as UTF-8.

    Args:
        path: where the file lies.

    Returns:
        Its text, with every line ending as a newline.

    Raises:
        TypeError: if `path` is no path.
        FileNotFoundError: if there is no such file.
        IsADirectoryError: if it is a folder.
        ValueError: if the file is empty, or is not UTF-8.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "poem.txt")
        ...     _ = path.write_text("So much depends", encoding="utf-8")
        ...     read_text(path)
        'So much depends'
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"path is {short(path)}; expected the path of a file, such as 'poem.txt'.")
    path = Path(path).expanduser()
    if path.is_dir():
        raise IsADirectoryError(
            f"path is '{path}', which is a folder; expected a text file. Name a file in it."
        )
    if not path.is_file():
        raise FileNotFoundError(
            f"path is '{path}', and there is no such file; expected a text file. A path is read "
            f"from the folder '{Path.cwd()}'; write it in full where in doubt."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"path is '{path}', whose byte number {error.start} is not UTF-8; expected a text file "
            "in that encoding. Save it as UTF-8 in an editor. A PDF or a Word file is no text: "
            "export it as plain text first."
        ) from None
    if not text.strip():
        raise ValueError(f"path is '{path}', a file without any text; expected some to learn from.")
    return text


def split(text: _Text, held_out: float = 0.1) -> tuple[_Text, _Text]:
    """Cut a text once: the front to train on, the end to test on.

    Windows of a text overlap, so a random draw of windows would test on what was trained on.

    Args:
        text: a text, or its token ids, a list or a tensor of shape `(n,)`.
        held_out: share that is kept for testing; rounded up to a whole symbol.

    Returns:
        The part for training, and the part held out. Put together they are the text.

    Raises:
        TypeError: if `held_out` is no number.
        ValueError: if it is negative, or 1 or more.

    Example:
        >>> split("abcdefghij", held_out=0.2)
        ('abcdefgh', 'ij')
    """
    checks.share(held_out=held_out)
    # Rounded first: 10 × (1 − 0.9) is a hair below 1 in floating point.
    cut = int(round(len(text) * (1 - held_out), 6))
    return text[:cut], text[cut:]


def text_corpus(
    text: str,
    tokenizer: Tokenizer | None = None,
    *,
    context_length: int,
    stride: int = 1,
    held_out: float = 0.1,
) -> Corpus:
    """Make training examples of a text: windows over its front, others over its end.

    No window reaches from one part into the other.

    Args:
        text: what to learn from.
        tokenizer: turns it into ids; if not given, one id for each distinct character.
        context_length: number of ids in a window.
        stride: number of ids from one window for training to the next. Those held out stand side
            by side, so that each target is tested once.
        held_out: share of the text that is kept for testing.

    Returns:
        Windows to train on, windows held out, and the tokenizer.

    Raises:
        TypeError: if `text` is no text, `tokenizer` no tokenizer, or a number none.
        ValueError: if a number is out of range, or a part is too short for one window.

    Example:
        >>> corpus = text_corpus("to be or not to be", context_length=4, held_out=0.3)
        >>> len(corpus.train), len(corpus.held_out), corpus.tokenizer.vocab_size
        (8, 1, 7)
        >>> inputs, targets = corpus.train[0]
        >>> corpus.tokenizer.decode(inputs), corpus.tokenizer.decode(targets)
        ('to b', 'o be')
    """
    check_text("text", text)
    tokenizer = CharacterTokenizer.from_text(text) if tokenizer is None else tokenizer
    if not isinstance(tokenizer, Tokenizer):
        is_class = isinstance(tokenizer, type)
        shown = f"the class {tokenizer.__name__}" if is_class else short(tokenizer)
        raise TypeError(
            f"tokenizer is {shown}; expected a tokenizer of this package, such as "
            "CharacterTokenizer.from_text(text)."
        )
    front, end = split(tokenizer.encode(text), held_out)
    train = Windows(front, context_length, stride)
    rest = Windows(end, context_length, context_length)
    _check_length("training", len(front), train)
    if held_out:
        _check_length("testing", len(end), rest)
    return Corpus(train, rest, tokenizer)


def _check_length(part: str, given: int, windows: Windows) -> None:
    """Refuse a part of a text that is too short for one window."""
    if len(windows) == 0:
        raise ValueError(
            f"the text leaves {given} ids for {part}, but context_length is "
            f"{windows.context_length}; expected at least {windows.context_length + 1}, a window "
            "and its last target. Give a longer text, or a smaller context_length, or change "
            "held_out."
        )
