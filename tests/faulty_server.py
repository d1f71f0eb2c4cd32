"""A real HTTP server on this machine whose answers are scripted, faults included.

    with FaultyServer({"a.gz": content}, [status(500), good]) as server:
        requests.get(server.url + "a.gz")  # HTTP status 500
        requests.get(server.url + "a.gz")  # the content; the last answer repeats

An answer is a function of the request (its handler) and the wanted file's content.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

LOGIN_PAGE = b"<!DOCTYPE html>\n<title>Wi-Fi login</title><p>Please sign in."


class Request(NamedTuple):
    """What the server remembers of a request."""

    path: str
    user_agent: str


class FaultyServer(ThreadingHTTPServer):
    """Serve `files` (content by name) as `script` says, one answer a request."""

    def __init__(self, files, script):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.files = files
        self.requests = []
        self.closing = threading.Event()  # ends what an answer waits for
        self._script = list(script)
        self._lock = threading.Lock()

    def next_answer(self, request):
        """Record the request; return the answer that the script has for it."""
        with self._lock:
            self.requests.append(Request(request.path, request.headers["User-Agent"]))
            if request.path == "/login":
                return login_page
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def __enter__(self):
        """Serve, from a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        """Stop, and release every answer that waits."""
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """Say nothing: a client that hangs up is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = self.server.next_answer(self)
        content = self.server.files.get(self.path.rpartition("/")[2])
        if content is None and answer is not login_page:
            answer = status(404)
        answer(self, content)

    def log_message(self, *_):
        pass


def _start(request, code=200, **headers):
    request.send_response(code)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), str(value))
    request.end_headers()


def good(request, content):
    _start(request, Content_Length=len(content))
    request.wfile.write(content)


def good_without_length(request, content):
    _start(request)
    request.wfile.write(content)


def good_but_called_encoded(request, content):
    """Say that the gzip file is a page compressed on its way, as some servers do."""
    _start(request, Content_Length=len(content), Content_Encoding="x-gzip")
    request.wfile.write(content)


def good_but_slow(request, content):
    """Send six pieces, a second apart."""
    _start(request, Content_Length=len(content))
    size = len(content) // 6 + 1
    for start in range(0, len(content), size):
        request.server.closing.wait(1)
        request.wfile.write(content[start : start + size])


def good_in_halves(pause):
    """Send half of the file, call `pause(request)`, send the rest."""

    def answer(request, content):
        middle = len(content) // 2
        _start(request, Content_Length=len(content))
        request.wfile.write(content[:middle])
        pause(request)
        request.wfile.write(content[middle:])

    return answer


def status(code):
    def answer(request, content):
        _start(request, code, Content_Length=0)

    return answer


def login_page(request, content):
    """Answer as a captive portal does: with a page of its own, and status 200."""
    _start(request, Content_Type="text/html", Content_Length=len(LOGIN_PAGE))
    request.wfile.write(LOGIN_PAGE)


def redirect_to_login_page(request, content):
    _start(request, 302, Location="/login", Content_Length=0)


def redirect_to_itself(request, content):
    _start(request, 302, Location=request.path, Content_Length=0)


def plain_text(request, content):
    _start(request, Content_Length=5)
    request.wfile.write(b"hello")


def empty(request, content):
    _start(request, Content_Length=0)


def cut_short(request, content):
    _start(request, Content_Length=len(content))
    request.wfile.write(content[: len(content) // 2])


def cut_short_without_length(request, content):
    good_without_length(request, content[: len(content) // 2])


def length_given_twice(request, content):
    """Repeat the header Content-Length, as some proxies do."""
    _start(request, Content_Length=len(content), content_length=len(content))
    request.wfile.write(content)


def byte_flipped(request, content):
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 0xFF])
    good(request, content[:middle] + flipped + content[middle + 1 :])


def stalled(request, content):
    """Send half of the file, then nothing for longer than a client should wait."""
    good_in_halves(lambda request: request.server.closing.wait(60))(request, content)


def silent(request, content):
    """Accept the connection, then send nothing for longer than a client should wait."""
    request.server.closing.wait(60)
    good(request, content)


def hang_up(request, content):
    """Close the connection without a word."""
