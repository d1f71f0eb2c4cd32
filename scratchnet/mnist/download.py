"""Download a file with care, from one server, into a folder that keeps it.

Pooch downloads; this module decides when to try again, and says what went wrong. It
knows nothing of MNIST: `fetch` decides where from, and whether what comes is right, and
imports this only then, since Requests takes longer to import than MNIST to load.
"""

import ipaddress
import socket
import sys
import time
from urllib.parse import urlsplit

import pooch
import requests

from scratchnet.mnist.keeping import (
    SourceError,
    not_writable,
    without_password,
    workplace,
)
from scratchnet.tools.progress import progress, say

USER_AGENT = f"scratchnet/0.1.0 python-requests/{requests.__version__}"
TIMEOUT = (10, 30)  # seconds: to connect, and to wait for the next bytes
ATTEMPTS = 3  # per URL, where the fault may pass
BACK_OFF = 1  # seconds before the second attempt; doubled before each further one


def download(base_url, file, cache, accept, attempts=None):
    """Download a file into the cache, trying again where the fault may pass.

    Parameters
    ----------
    base_url : str
        Where the server has the file.
    file : object
        With attributes `name` and `size`.
    cache : pathlib.Path
        The folder that keeps the file, and in it the workplace.
    accept : callable
        Called with the path of what came. It raises `SourceError` if that's wrong;
        otherwise it keeps it, and returns where.
    attempts : int, optional
        By default `ATTEMPTS`.

    Returns
    -------
    object
        What `accept` returns.

    Raises
    ------
    SourceError
        If the server doesn't give the file.
    """
    say(f"{file.name}: asking {without_password(base_url)} …")
    url = base_url.rstrip("/") + "/" + file.name
    proxies = _proxies(url)
    attempts = attempts or ATTEMPTS
    for attempt in range(attempts):
        if attempt:
            time.sleep(BACK_OFF * 2 ** (attempt - 1))
        try:
            return _download_once(url, proxies, file, cache, accept)
        except SourceError as error:
            last = error
            if not error.passing:
                break
    times = f", {attempts} times" if last.passing and attempts > 1 else ""
    proxy = requests.utils.select_proxy(url, proxies)
    through = f" (through the proxy {_host(proxy)})" if proxy else ""
    # Some errors of Requests quote the address.
    raise SourceError(without_password(f"{last}{times}{through}"))


def _proxies(url):
    """Return the proxies for an address: none for a computer in the same network."""
    try:
        host = urlsplit(without_password(url)).hostname or ""
    except ValueError as error:
        raise SourceError(f"not an address ({error})") from None
    try:
        near = not ipaddress.ip_address(host).is_global
    except ValueError:  # a name
        near = "." not in host or host.endswith((".local", ".localhost"))
    return {"no_proxy": host} if near else requests.utils.get_environ_proxies(url)


def _host(url):
    """Return an address without the name and password that it may hold."""
    return urlsplit(url if "://" in url else f"//{url}").netloc.rpartition("@")[2]


def _time_outs(url):
    """Return `TIMEOUT` for a server: all its addresses together get the first number.

    urllib3 tries one address after the other, and allows each the whole time.
    """
    connect, read = TIMEOUT
    try:
        parts = urlsplit(url)
        n = len(socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM))
    except (OSError, ValueError):  # what asks for it will say so
        n = 1
    return connect / n, read


def _download_once(url, proxies, file, cache, accept):
    """Download to a workplace beside the target, from where it is accepted."""
    outside = sys.exception()
    try:
        with workplace(cache) as folder:
            part = folder / file.name
            # Pooch asks whether the bar is true: tqdm can tell only with a total.
            size = {"total": file.size, "unit": "B", "unit_scale": True}
            with progress(desc=file.name, **size) as bar:
                fetch = pooch.HTTPDownloader(
                    progressbar=bar,
                    timeout=_time_outs(
                        requests.utils.select_proxy(url, proxies) or url
                    ),
                    proxies=proxies,
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                    hooks={"response": _keep_compressed},
                )
                fetch(url, str(part), None)
            return accept(part)
    except requests.HTTPError as error:
        status = error.response.status_code
        passing = status >= 500 or status in (408, 429)
        raise SourceError(f"HTTP status {status}", passing) from None
    except requests.Timeout:
        raise SourceError("timed out", passing=True) from None
    except (
        requests.ConnectionError,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        raise SourceError(_root_cause(error, outside), passing=True) from None
    except (requests.RequestException, ValueError) as error:  # ValueError: a bad header
        raise SourceError(str(error)) from None
    except OSError as error:
        if error.errno is None:  # not the disk: Requests, of its certificates
            raise SourceError(str(error)) from None
        raise not_writable(cache, error) from None


def _keep_compressed(response, **_):
    """Have the bytes written as they come.

    Some servers send a .gz file with a header that makes Requests decompress it.
    """
    response.raw.headers.pop("Content-Encoding", None)


def _root_cause(error, outside):
    """Return the last exception of a chain, which says what really happened.

    The chain ends at `outside`, the exception that the caller was handling, if any.
    """
    while error.__context__ not in (None, outside):
        error = error.__context__
    return f"{type(error).__name__}: {error}"
