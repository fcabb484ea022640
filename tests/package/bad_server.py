"""A web server on this computer that misbehaves on demand, so that no test needs the internet."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

BODY = "".join(f"line {n} of the right file\n" for n in range(2_000)).encode()
"""The file that the server is asked for."""
LONG = 5.0
"""Seconds that a silent server holds a connection: far beyond the timeout of every test."""
ANSWERS = ("right", "wrong", "cut", "silent", "stalled", "missing", "broken")


class BadServer:
    """What is asked of the server next, and what was asked so far.

    `answers` is used up from the left; its last entry is given again and again.
    """

    def __init__(self) -> None:
        self.answers = ["right"]
        self.requests = 0
        self.half_way = Event()
        self.closing = Event()
        self.url = ""

    def next_answer(self) -> str:
        self.requests += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def handler(server: BadServer) -> type[BaseHTTPRequestHandler]:
    """The class that http.server makes one of for each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = server.next_answer()
            assert answer in ANSWERS
            if answer == "missing":
                return self.send_error(404)
            if answer == "broken":
                return self.send_error(500)
            if answer == "silent":
                return server.closing.wait(LONG)
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            if answer in ("right", "wrong"):
                self.wfile.write(BODY if answer == "right" else BODY[::-1])
                return
            self.wfile.write(BODY[: len(BODY) // 2])
            self.wfile.flush()
            server.half_way.set()
            if answer == "stalled":
                server.closing.wait(LONG)

        def log_message(self, *_) -> None:
            """Keep the output of the tests clean."""

    return Handler


@contextmanager
def serving() -> Iterator[BadServer]:
    """Run the server in a thread, on a port that is free."""
    server = BadServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(server)) as http:
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_port}/data/right.txt"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            http.shutdown()
            thread.join()
