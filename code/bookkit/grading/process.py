"""One process that holds answers: it is started, asked, watched, and ended."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from multiprocessing import Pipe
from pathlib import Path

import psutil

from bookkit.grading import answering
from glassbox.exercises.engine import Wrong

PATIENCE = 6  # how many times the limit may pass by the clock, for answers that only wait
LARGEST = 64 << 20  # bytes of one reply


class Lost(Wrong):
    """The process that held the answers is gone: it worked too long, or ended itself."""


class Process:
    """A fresh process in an empty folder, with one line to the grader."""

    def __init__(self) -> None:
        """Start it.

        Raises:
            OSError: on Windows, which hands no open line to a new process.
        """
        if os.name != "posix":
            raise OSError("grading needs Linux or macOS. On Windows, run it in WSL.")
        self._home = Path(tempfile.mkdtemp(prefix="answers-"))
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG")}
        kept |= {"OMP_NUM_THREADS": "1", "HOME": str(self._home), "TMPDIR": str(self._home)}
        self._line, theirs = Pipe()
        with theirs:
            self._run = subprocess.Popen(
                answering.command(theirs.fileno(), self._home),
                cwd=self._home,
                env=kept,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # what an answer prints comes back with the replies
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )

    def ask(self, message: bytes, what: str, seconds: float) -> bytes:
        """Send a request over, and return the reply.

        Args:
            message: the request.
            what: what is asked, for the message of an error.
            seconds: how long the process may work on it. Its own time counts, so that nobody
                fails because the machine is busy.

        Raises:
            Lost: if it works longer, waits much longer, or ends. It is then stopped.
        """
        done, late = threading.Event(), threading.Event()
        watch = threading.Thread(target=self._watch, args=(seconds, done, late))
        watch.start()
        try:
            self._line.send_bytes(message)
            return self._line.recv_bytes(LARGEST)
        except (EOFError, OSError) as error:
            done.set()
            watch.join()
            self.stop()
            if late.is_set():
                raise Lost(
                    f"{what} gave no answer in {seconds:g} seconds. Does a loop never end?"
                ) from error
            raise Lost(f"{what} ended the process it ran in, or sent too much.") from error
        finally:
            done.set()
            watch.join()

    def stop(self) -> None:
        """End the process and remove its folder."""
        self._end()
        self._run.wait()
        self._line.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _watch(self, seconds: float, done: threading.Event, late: threading.Event) -> None:
        """End the process when it has worked for longer than it may, or waited for much longer."""
        began = time.monotonic()
        try:
            usage = psutil.Process(self._run.pid)
            before = sum(usage.cpu_times()[:2])
            while not done.wait(0.1):
                worked = sum(usage.cpu_times()[:2]) - before
                if worked > seconds or time.monotonic() - began > PATIENCE * seconds:
                    late.set()
                    return self._end()
        except psutil.NoSuchProcess:
            pass  # it has ended by itself

    def _end(self) -> None:
        """Kill the process and what it started."""
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self._run.pid, signal.SIGKILL)
