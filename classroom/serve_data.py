"""Serve MNIST to the laptops of a room: `python -m classroom.serve_data`."""

import argparse
import socket
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import psutil

from scratchnet.mnist import FILES, fetch_file, practice
from scratchnet.mnist.__main__ import main as fetch_all


class MnistHandler(SimpleHTTPRequestHandler):
    """Serve the four files, whose paths are given by name, and nothing else."""

    def __init__(self, paths, *arguments):
        self.paths = paths
        super().__init__(*arguments)

    def send_head(self):
        """Refuse every other name, and a list of files."""
        if self.path.lstrip("/") not in self.paths:
            self.send_error(404, explain="Only the four files of MNIST are here")
            return None
        return super().send_head()

    def translate_path(self, path):
        """Return the file of this name."""
        return str(self.paths[path.lstrip("/")])


class RoomServer(ThreadingHTTPServer):
    """A server that a whole room may call at the same moment."""

    request_queue_size = 128  # the default, 5, turns callers away on some systems

    def handle_error(self, request, client_address):
        """Say nothing of a laptop that goes away; it asks again when it comes back."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def addresses():
    """List the addresses by which other computers may reach this one.

    Returns
    -------
    list of str
        IPv4 addresses of the network interfaces, the loopback left out. It may be
        empty: without a network, nobody can call.
    """
    return [
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]


def main(arguments=None):
    """Fetch and verify the files, say what to type on the laptops, serve until Ctrl+C.

    Parameters
    ----------
    arguments : list of str, optional
        The command line, by default that of the program.

    Returns
    -------
    int
        Exit status: 0 when it was told to stop, 1 if the files can't be had or the
        port can't be opened.
    """
    parser = argparse.ArgumentParser(prog="serve_data", description=__doc__)
    parser.add_argument("--bind", default="0.0.0.0", help="default: every network")
    parser.add_argument("--port", default=8000, type=int, help="0 takes any free one")
    options = parser.parse_args(arguments)

    if practice.is_chosen():
        print(
            "Practice digits need no server: each laptop draws its own, with"
            " make lab MNIST_SOURCE=practice",
            file=sys.stderr,
        )
        return 1
    if fetch_all():
        return 1
    paths = {file.name: fetch_file(key)[0] for key, file in FILES.items()}
    handler = partial(MnistHandler, paths)
    try:
        server = RoomServer((options.bind, options.port), handler)
    except (OSError, OverflowError) as error:  # the second: no such number
        reason = getattr(error, "strerror", error)
        print(
            f"Port {options.port} on {options.bind} can't be opened ({reason})."
            " Choose another, as in: make serve-data PORT=8001",
            file=sys.stderr,
        )
        return 1
    with server:
        named = [options.bind] if options.bind != "0.0.0.0" else addresses()
        print("On the laptops:" if named else "No network yet. On the laptops:")
        for address in named or ["ADDRESS"]:
            print(f"  make lab MNIST_SOURCE=http://{address}:{server.server_port}")
        print("Press Ctrl+C to stop.", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
