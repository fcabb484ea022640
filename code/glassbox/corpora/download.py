"""Texts from the network: downloaded once, checked, and kept."""

import os
import re
import sys
from pathlib import Path
from reprlib import repr as short
from urllib.parse import urlsplit

from glassbox import checks
from glassbox.corpora.text import read_text

_TINY_SHAKESPEARE = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)


class DownloadError(OSError):
    """A file is not in the cache, and could not be fetched.

    Its message says from where, what happened, and where to put the file by hand.

    Example:
        >>> try:
        ...     raise DownloadError("nobody answered")
        ... except OSError as error:
        ...     print(error)
        nobody answered
    """


def download(
    url: str,
    sha256: str,
    *,
    name: str | None = None,
    folder: str | Path | None = None,
    progress: bool | None = None,
    timeout: float = 30.0,
) -> Path:
    """Return the path of a file from the network, which is fetched only where it is missing.

    The file takes its name when it has arrived whole and its checksum is right. What is in the
    cache already is checked as well, and fetched again if it is damaged.

    Args:
        url: where the file is, `https://...`.
        sha256: the checksum that it must have, 64 hexadecimal digits.
        name: its name in the folder; the last part of `url` if not given.
        folder: where it is kept; if not given, the folder that the environment variable
            `GLASSBOX_CACHE` names, or else the cache of your operating system.
        progress: whether a bar shows how much has arrived; if not given, in a terminal only.
        timeout: how long a server may stay silent, in seconds.

    Returns:
        Where the file lies.

    Raises:
        TypeError: if an argument is of another type.
        ValueError: if `url` is no web address, `sha256` no checksum, `name` no plain name, or
            `timeout` not positive.
        DownloadError: if the file is not in the cache and cannot be fetched: no network, no such
            page, a connection that breaks or falls silent, or another file than expected.

    Example:
        >>> from hashlib import sha256
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     poem = Path(folder, "poem.txt")
        ...     size = poem.write_bytes(b"so much depends")
        ...     checksum = sha256(poem.read_bytes()).hexdigest()
        ...     path = download("https://example.org/poem.txt", checksum, folder=folder)
        ...     path.name  # was there, so nothing was fetched
        'poem.txt'
    """
    name = _check(url, sha256, name, folder)
    checks.above_zero("timeout", timeout, example=30.0)
    progress = sys.stderr.isatty() if progress is None else progress
    checks.flags(progress=progress)
    path = _home(folder) / name
    _fetch(url, sha256.lower(), path, progress, timeout)
    return path


def _check(url: str, sha256: str, name: str | None, folder: str | Path | None) -> str:
    """Refuse arguments that no file can be fetched with, and return the name that it gets."""
    if not isinstance(url, str) or not re.match(r"https?://[\w.:-]+(/|$)", url):
        raise (ValueError if isinstance(url, str) else TypeError)(
            f"url is {short(url)}; expected the address of a file, such as "
            "'https://example.org/a.txt'."
        )
    if not isinstance(sha256, str) or not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise (ValueError if isinstance(sha256, str) else TypeError)(
            f"sha256 is {short(sha256)}; expected a checksum of 64 hexadecimal digits. Take it "
            "from the page that offers the file."
        )
    if folder is not None and not isinstance(folder, str | Path):
        raise TypeError(f"folder is {short(folder)}; expected the path of a folder, or None.")
    given = urlsplit(url).path.rpartition("/")[2] if name is None else name
    if not isinstance(given, str) or given in ("", ".", "..") or set(given) & set("/\\:"):
        raise (ValueError if isinstance(given, str) else TypeError)(
            f"name is {short(given)}; expected the plain name of a file, such as 'a.txt'. The "
            "folder is an argument of its own."
        )
    return given


def _home(folder: str | Path | None) -> Path:
    """Return the folder that files are kept in."""
    import pooch

    kept = folder or os.environ.get("GLASSBOX_CACHE") or pooch.os_cache("glassbox")
    return Path(kept).expanduser().resolve()


def _fetch(url: str, sha256: str, path: Path, progress: bool, timeout: float) -> None:
    """Fetch a file that is missing or damaged; pooch renames it when it is whole and right."""
    import pooch

    shelf = pooch.create(
        path.parent, url, registry={path.name: sha256}, urls={path.name: url}, retry_if_failed=1
    )
    fetcher = pooch.HTTPDownloader(progress, timeout=timeout, hooks={"response": _close_refusal})
    try:
        shelf.fetch(path.name, downloader=fetcher)
    except (OSError, ValueError) as error:
        damaged = " The file that lies there now is damaged." if path.is_file() else ""
        raise DownloadError(
            f"{url} was not downloaded: {_reason(error, timeout)}. Try again later, or take it "
            f"from elsewhere and put it at '{path}'.{damaged} language_reference() is a text that "
            "needs no network."
        ) from error


def _close_refusal(response: "requests.Response", **_: object) -> None:
    """Close the connection of an answer such as 404, whose page pooch never reads."""
    if not response.ok:
        response.close()


def _reason(error: OSError | ValueError, timeout: float) -> str:
    """Return what happened, in words."""
    from requests import exceptions as web

    # A server that falls silent half way counts as a broken connection in requests.
    if isinstance(error, web.Timeout) or "timed out" in str(error):
        return f"the server stayed silent for {timeout:g} seconds"
    if isinstance(error, web.HTTPError):
        return f"the server answered {error.response.status_code} ({error.response.reason})"
    if isinstance(error, web.ChunkedEncodingError | web.ContentDecodingError):
        return "the connection broke off half way"
    if isinstance(error, web.ConnectionError):
        return "the server cannot be reached (is this computer offline?)"
    if isinstance(error, web.RequestException):
        return f"the request failed ({type(error).__name__})"
    if isinstance(error, OSError):
        return f"the file cannot be written ({error.strerror})"
    return "what came has another checksum than sha256, so it was deleted"


def tiny_shakespeare() -> str:
    """Return parts of Shakespeare's plays, 1,115,394 characters, downloaded at the first call.

    Returns:
        The text, of 65 distinct characters.

    Raises:
        DownloadError: if it is not in the cache and cannot be fetched.

    Source:
        Karpathy (2015), "The Unreasonable Effectiveness of Recurrent Neural Networks",
        https://karpathy.github.io/2015/05/21/rnn-effectiveness/

    Example:
        >>> len(tiny_shakespeare())  # doctest: +SKIP
        1115394
    """
    return read_text(download(*_TINY_SHAKESPEARE, name="tiny_shakespeare.txt"))
