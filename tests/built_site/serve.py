"""Serve the built pages as a web host does, and measure how they load."""

import contextlib
import functools
import gzip
import http.server
import io
import threading
from pathlib import Path

COMPRESSED = ("text/", "application/json", "image/svg+xml")


@functools.cache
def compressed(path, modified):
    """Return a file as gzip sends it; modified at another time, it's another file."""
    return gzip.compress(path.read_bytes(), 6)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve files, text compressed, and write no line for each."""

    def send_head(self):
        """Send the headers; return what to send as the body."""
        path = Path(self.translate_path(self.path))
        kind = self.guess_type(path)
        if not path.is_file() or not kind.startswith(COMPRESSED):
            return super().send_head()
        body = compressed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def serve(folder):
    """Serve a folder over http; yield the address, without a slash at its end."""
    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


WATCH_SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""

SCROLL_THROUGH = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
    scrollTo({ top: y, behavior: "instant" });
    await new Promise((done) => setTimeout(done, 50));
  }
}"""


def read_through(page, address):
    """Load a page in an empty tab, and scroll to its end.

    Returns
    -------
    tuple of float
        All that came over the wire, headers too, in KB (1,000 bytes); the first
        contentful paint, in seconds; all layout shifts added up, in shares of the
        window.
    """
    received = []
    session = page.context.new_cdp_session(page)
    session.on(
        "Network.loadingFinished",
        lambda event: received.append(event["encodedDataLength"]),
    )
    session.send("Network.enable")
    page.add_init_script(WATCH_SHIFTS)
    page.goto(address, wait_until="networkidle")
    page.evaluate("window.MathJax?.startup?.promise")
    page.evaluate(SCROLL_THROUGH)
    page.wait_for_load_state("networkidle")
    paint = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    return sum(received) / 1000, paint / 1000, page.evaluate("window.shifts")
