"""Shut a process in: it reads Python and the package, writes into one folder, and talks to nobody.

Two fences stand one behind the other. On Linux the kernel's own (Landlock) holds whatever the code
does. Everywhere, an audit hook of Python's refuses with a sentence that says what was tried. The
hook alone is a fence and not a prison: code that goes around Python goes around it.
"""

import contextlib
import ctypes
import os
import signal
import struct
import sys
import sysconfig
from pathlib import Path

CREATE, ADD_RULE, RESTRICT = 444, 445, 446  # Landlock's system calls, the same on every processor
EXECUTE, READ_FILE, READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
FILE_ONLY = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15)  # what a rule on a file may name
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights each version of Landlock knows
NO_NEW_PRIVILEGES = 38
DIE_WITH_PARENT = 1
REFUSED = {
    "os.fork": "start another process",
    "os.forkpty": "start another process",
    "os.exec": "start another program",
    "os.posix_spawn": "start another program",
    "os.spawn": "start another program",
    "os.startfile": "start another program",
    "os.system": "start another program",
    "subprocess.Popen": "start another program",
    "pty.spawn": "start another program",
    "os.kill": "stop another process",
    "os.killpg": "stop another process",
    "socket.connect": "use the network",
    "socket.bind": "use the network",
    "socket.sendto": "use the network",
    "socket.getaddrinfo": "use the network",
    "ctypes.dlopen": "load a library",
    "ctypes.dlsym": "look into a library",
    "gc.get_objects": "look through the grader's memory",
    "gc.get_referrers": "look through the grader's memory",
    "gc.get_referents": "look through the grader's memory",
}
MOVES = {"os.rename", "os.remove", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.rmdir"}


def readable() -> list[str]:
    """Return what a process may read: Python's libraries, the system's and the package."""
    import glassbox

    python = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    system = {"/lib", "/lib64", "/etc", "/dev", "/sys", "/proc/self", "/proc/cpuinfo"}
    system |= {f"/usr/{folder}" for folder in ("bin", "lib", "lib64", "share", "local/lib")}
    package = os.path.dirname(str(glassbox.__file__))
    found = {os.path.realpath(place) for place in {*python, *system, package}}
    return sorted(place for place in found if os.path.exists(place))


def shut_in(folder: Path) -> bool:
    """Have the kernel shut this process in for good, with one folder to write in.

    Call it before torch starts its threads: Landlock holds for the calling thread and what it
    starts. Then import torch, and call `listen`: torch could not be imported after that.

    Args:
        folder: where the process may write.

    Returns:
        Whether the kernel does so: Linux from 5.13 on.
    """
    _limit()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    return sys.platform == "linux" and _landlock(os.path.realpath(folder), readable())


def _landlock(home: str, open_to: list[str]) -> bool:
    """Have the kernel refuse everything but reading `open_to` and writing in `home`."""
    system = ctypes.CDLL(None, use_errno=True).syscall
    system.restype = ctypes.c_long
    version = system(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if version < 1:
        return False  # an older kernel, or one that was built without it
    rights = (1 << RIGHTS.get(min(version, 5), 16)) - 1
    network = 0b11 if version >= 4 else 0  # TCP: bind, connect
    scope = 0b11 if version >= 6 else 0  # abstract sockets and signals stay inside
    asked = struct.pack("=QQQ", rights, network, scope)[: 8 if version < 4 else 24 if scope else 16]
    rules = system(CREATE, asked, ctypes.c_size_t(len(asked)), ctypes.c_uint(0))
    if rules < 0:
        return False
    for place in (home, *open_to):
        allowed = rights if place in (home, "/dev") else EXECUTE | READ_FILE | READ_FOLDER
        if not os.path.isdir(place):
            allowed &= FILE_ONLY
        handle = os.open(place, os.O_PATH)
        rule = struct.pack("=Qi", allowed & rights, handle)
        added = system(ADD_RULE, ctypes.c_int(rules), ctypes.c_int(1), rule, ctypes.c_uint(0))
        os.close(handle)
        if added < 0:
            return False
    ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    done = system(RESTRICT, ctypes.c_int(rules), ctypes.c_uint(0)) == 0
    os.close(rules)
    return done


def _limit(gigabytes: int = 4, hours: int = 1) -> None:
    """Let greed fail here instead of stopping the machine, also when nobody watches any more."""
    try:
        import resource
    except ImportError:
        return
    limits = {"RLIMIT_CPU": hours * 3600}
    limits |= {"RLIMIT_DATA": gigabytes << 30, "RLIMIT_FSIZE": 16 << 20, "RLIMIT_CORE": 0}
    for name, most in limits.items():
        with contextlib.suppress(ValueError):  # a stricter limit is there already
            resource.setrlimit(getattr(resource, name), (most, most))


def listen(folder: Path) -> None:
    """Refuse in Python's words, on every system, what leaves the fence.

    The hook keeps its own copies of all that it uses: no later assignment reaches it.

    Args:
        folder: where the process may write.
    """
    home = os.path.realpath(folder)
    open_to = (home, *readable())
    refused, moves, fspath, realpath = dict(REFUSED), frozenset(MOVES), os.fspath, os.path.realpath
    sep, permission, text = os.sep, PermissionError, (str, bytes)

    def under(path, places):
        """Tell whether a path lies in one of the places."""
        real = realpath(fspath(path) if not isinstance(path, bytes) else path.decode())
        return any(real == place or real.startswith(place.rstrip(sep) + sep) for place in places)

    def hook(event, given):
        """Refuse what leaves the fence."""
        if event in refused:
            raise permission(f"an answer may not {refused[event]}.")
        if event in ("open", "os.listdir", "os.scandir") and isinstance(given[0], text):
            writes = event == "open" and given[2] is not None and given[2] & 0b11
            if not under(given[0], (home, "/dev") if writes else open_to):
                raise permission(
                    f"an answer may not open {given[0]!r}: it lies outside its folder."
                )
        elif event in moves and not under(given[0], (home,)):
            raise permission(f"an answer may not change {given[0]!r}.")

    sys.addaudithook(hook)
