"""Downloads: a file is there whole and right, or not at all. Every server stands on 127.0.0.1."""

import os
import socket
import subprocess
import sys
from hashlib import sha256

import pytest
from bad_server import BODY, serving
from messages import PACKAGE, case, faults, message_of

from glassbox.corpora import DownloadError, download, tiny_shakespeare

MODULE = sys.modules[download.__module__]
"""The module; under its name in the package lies the function."""
CHECKSUM = sha256(BODY).hexdigest()
FAILURES = {
    "cut": "broke off half way",
    "wrong": "another checksum",
    "silent": "stayed silent for 0.3 seconds",
    "stalled": "stayed silent for 0.3 seconds",
    "missing": "404",
    "broken": "500",
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """No waiting between attempts, and no proxy between this computer and itself."""
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("GLASSBOX_CACHE", raising=False)


@pytest.fixture
def server():
    with serving() as server:
        yield server


def fetch(server, folder, **change):
    return download(server.url, CHECKSUM, folder=folder, **{"timeout": 0.3} | change)


def refused_url():
    """An address on this computer where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/right.txt"


def test_a_file_arrives_whole_under_the_name_of_its_address(server, tmp_path):
    path = fetch(server, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "right.txt"
    assert path.read_bytes() == BODY
    assert [p.name for p in path.parent.iterdir()] == ["right.txt"]


def test_a_file_in_the_cache_is_used_without_any_request(server, tmp_path):
    first = fetch(server, tmp_path)
    assert download(refused_url(), CHECKSUM.upper(), folder=str(tmp_path)) == first
    assert server.requests == 1


@pytest.mark.parametrize("name", [None, "other.txt"])
def test_the_name_can_be_chosen(server, tmp_path, name):
    assert fetch(server, tmp_path, name=name).name == (name or "right.txt")


@pytest.mark.parametrize("answer", FAILURES)
def test_a_failure_leaves_nothing_and_the_next_attempt_works(server, tmp_path, answer):
    server.answers = [answer]
    with pytest.raises(DownloadError) as raised:
        fetch(server, tmp_path)
    message = str(raised.value)
    assert FAILURES[answer] in message and server.url in message
    assert str(tmp_path / "right.txt") in message and "language_reference()" in message
    assert "damaged" not in message
    assert list(tmp_path.iterdir()) == []
    server.answers = ["right"]
    assert fetch(server, tmp_path).read_bytes() == BODY


@pytest.mark.parametrize("answer", ["cut", "wrong", "stalled", "broken"])
def test_one_bad_answer_is_forgiven(server, tmp_path, answer):
    server.answers = [answer, "right"]
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert server.requests == 2 and len(list(tmp_path.iterdir())) == 1


def test_a_server_that_is_down_is_not_asked_forever(server, tmp_path):
    server.answers = ["broken"]
    with pytest.raises(DownloadError):
        fetch(server, tmp_path)
    assert server.requests == 2


def test_without_a_network_the_message_says_so_and_names_a_way_out(tmp_path):
    with pytest.raises(DownloadError, match="cannot be reached") as raised:
        download(refused_url(), CHECKSUM, folder=tmp_path)
    assert "offline" in str(raised.value) and list(tmp_path.iterdir()) == []
    assert isinstance(raised.value, OSError) and raised.value.__cause__ is not None


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path):
    (tmp_path / "right.txt").write_bytes(BODY[:-1])
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert [p.name for p in tmp_path.iterdir()] == ["right.txt"]


def test_a_damaged_file_is_never_returned_and_offline_the_message_names_it(tmp_path):
    (tmp_path / "right.txt").write_bytes(BODY + b"\n")
    with pytest.raises(DownloadError, match="lies there now is damaged"):
        download(refused_url(), CHECKSUM, folder=tmp_path)


def test_a_file_put_there_by_hand_is_taken(tmp_path):
    (tmp_path / "right.txt").write_bytes(BODY)
    assert download(refused_url(), CHECKSUM, folder=tmp_path).read_bytes() == BODY


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "taken").write_text("a file, no folder")
    with pytest.raises(DownloadError, match="cannot be written") as raised:
        fetch(server, tmp_path / "taken")
    assert str(tmp_path / "taken") in str(raised.value)


def test_a_download_that_is_killed_half_way_leaves_no_file_under_the_name(server, tmp_path):
    server.answers = ["stalled"]
    call = f"download({server.url!r}, {CHECKSUM!r}, folder={str(tmp_path)!r})"
    child = subprocess.Popen(
        [sys.executable, "-c", f"from glassbox.corpora import download; {call}"],
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        stderr=subprocess.DEVNULL,
    )
    try:
        assert server.half_way.wait(60)
    finally:
        child.kill()
        child.wait()
    (half,) = tmp_path.iterdir()
    assert half.name != "right.txt", "the kill came half way, and the name was not taken yet"
    server.answers = ["right"]
    assert fetch(server, tmp_path).read_bytes() == BODY


def test_a_reader_who_interrupts_finds_nothing_left_behind(server, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pooch.core.hash_matches", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_environment_names_the_cache_and_an_argument_goes_before_it(
    server, tmp_path, monkeypatch
):
    monkeypatch.setenv("GLASSBOX_CACHE", str(tmp_path / "cache"))
    assert fetch(server, None).parent == tmp_path / "cache"
    assert fetch(server, tmp_path / "mine").parent == tmp_path / "mine"


def test_without_a_wish_the_cache_of_the_system_is_used(server, tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / project)
    assert fetch(server, None).parent == tmp_path / "glassbox"


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("wish", [True, False, None])
def test_a_bar_is_drawn_on_request_or_in_a_terminal(
    server, tmp_path, monkeypatch, capsys, wish, terminal
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    fetch(server, tmp_path, progress=wish)
    assert ("100%" in capsys.readouterr().err) == (terminal if wish is None else wish)


def test_tiny_shakespeare_is_read_from_the_cache(tmp_path, monkeypatch):
    asked = []

    def cached(url, checksum, *, name):
        asked.append((url, checksum))
        path = tmp_path / name
        path.write_bytes(b"First Citizen:\n")
        return path

    monkeypatch.setattr(MODULE, "download", cached)
    assert tiny_shakespeare() == "First Citizen:\n"
    ((url, checksum),) = asked
    assert url.startswith("https://raw.githubusercontent.com/karpathy/char-rnn/")
    assert len(checksum) == 64


def test_a_wrong_tiny_shakespeare_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSBOX_CACHE", str(tmp_path))
    monkeypatch.setattr(MODULE, "_TINY_SHAKESPEARE", (refused_url(), CHECKSUM))
    (tmp_path / "tiny_shakespeare.txt").write_text("something else")
    with pytest.raises(DownloadError, match="damaged"):
        tiny_shakespeare()


URL = "https://example.org/a.txt"
WRONG = [
    case("path-as-url", lambda: download("a.txt", CHECKSUM), ValueError,
         "url is 'a.txt'", "expected the address"),
    case("other-protocol", lambda: download("ftp://example.org/a", CHECKSUM), ValueError,
         "url is 'ftp://example.org/a'", "https://"),
    case("no-host", lambda: download("https:///a.txt", CHECKSUM), ValueError,
         "url is 'https:///a.txt'"),
    case("no-url", lambda: download(None, CHECKSUM), TypeError, "url is None"),
    case("no-checksum", lambda: download(URL, None), TypeError,
         "sha256 is None", "64 hexadecimal digits"),
    case("short-checksum", lambda: download(URL, "86c4"), ValueError, "sha256 is '86c4'"),
    case("checksum-of-letters", lambda: download(URL, "z" * 64), ValueError, "sha256 is 'zzz"),
    case("no-name", lambda: download("https://example.org/", CHECKSUM), ValueError,
         "name is ''", "plain name"),
    case("name-with-a-folder", lambda: download(URL, CHECKSUM, name="../a"), ValueError,
         "name is '../a'", "folder"),
    case("name-of-a-drive", lambda: download(URL, CHECKSUM, name="c:a"), ValueError,
         "name is 'c:a'"),
    case("name-as-number", lambda: download(URL, CHECKSUM, name=3), TypeError, "name is 3"),
    case("folder-as-number", lambda: download(URL, CHECKSUM, folder=3), TypeError,
         "folder is 3", "expected the path"),
    case("no-time", lambda: download(URL, CHECKSUM, timeout=0), ValueError,
         "timeout is 0", "positive"),
    case("bar-by-name", lambda: download(URL, CHECKSUM, progress="yes"), TypeError,
         "progress is 'yes'", "True or False"),
]  # fmt: skip


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_call_is_refused_before_anything_is_fetched(wrong):
    message = message_of(wrong)
    assert all(part in message for part in wrong.parts), message
    assert faults(message) == []


def test_the_message_of_a_failure_has_the_form_of_the_others(server, tmp_path):
    server.answers = ["missing"]
    with pytest.raises(DownloadError) as raised:
        fetch(server, tmp_path)
    assert faults(str(raised.value).replace(str(tmp_path), "/home/reader")) == []
