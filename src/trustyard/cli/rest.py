"""The REST client: one request, one answer, and one clear sentence for everything that can go wrong between."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from trustyard import __version__
from trustyard.pki.hosts import is_loopback

from .addresses import DEFAULT_URL
from .failures import Failure, Strange, Usage
from .restored import problem_of
from .screen import clean

Said = TypeVar("Said")
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0  # beyond what the server was asked to wait: it may read a slow source first
IMPORT_SECONDS = 600.0  # without a word: storing many takes a while
_PIECE = 1 << 16
PAGE = 500  # the most that the server gives at once

NO_JSON = "What was given is nothing that JSON can say: no number (NaN, Infinity), half a character, or too deep."
_IS_IT_ONE = "Is this a Trustyard server, or a proxy in front of one? --url and TRUSTYARD_URL say where it is."
_UNKNOWN = "Whether a change was made is not known: look before you repeat it."
_UNKNOWN_ISSUER = "Name the authority that issued it, as a PEM file, in SSL_CERT_FILE."
_DATES = "Look at its dates, and at the clock of this machine."
_MISTRUST = (  # in OpenSSL's words
    ("mismatch", "It is for another name: give one that it holds with --url or TRUSTYARD_URL."),
    ("has expired", _DATES),
    ("not yet valid", _DATES),
)
_FLAGS = {"password-needed": "Name a file that holds it with --password-file, or give it with --password."}
_SIGN_IN = (
    "Make a token with `trustyard token create NAME` where the server runs; give it with TRUSTYARD_TOKEN or --token."
)


@dataclass(frozen=True)
class Answer:
    """What the server said: its JSON (None for none), its bytes, the ETag, and the file name that it proposes."""

    status: int
    json: Any
    data: bytes
    etag: str
    filename: str

    def same_as(self, before: Answer) -> bool:
        """Whether a change left the version as it was."""
        return bool(self.etag) and self.etag == before.etag


class Rest:
    """A Trustyard server and the token to speak to it with. Never follows a redirect: the token goes nowhere else."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self.answered = False  # whether the server said anything that is no refusal
        parts = _parts(self.url)
        token = (token or "").strip()
        if not (token.isascii() and token.isprintable()):
            raise Usage("The token holds characters that no token has.", advice=_SIGN_IN)
        if token[:7].lower() == "bearer ":
            raise Usage(
                "The token begins with the word Bearer.", advice="Give it without that word, which is no part of it."
            )
        headers = {"Accept": "application/json", "User-Agent": f"trustyard/{__version__}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # A proxy of the environment is meant for other machines than this one.
        local = _is_here(parts.hostname or "")
        try:
            # Whom to trust takes longer to read than most answers do, and is of no use without TLS.
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if local and parts.scheme == "http" else _trusted()
            self._client = httpx.Client(headers=headers, trust_env=not local, follow_redirects=False, verify=verify)
        except OSError as error:  # ssl.SSLError too: a file named by SSL_CERT_FILE
            raise Failure(f"TLS cannot be set up: {error}.", advice="Look at SSL_CERT_FILE and SSL_CERT_DIR.") from None
        except ValueError as error:  # an address of a proxy that is none
            raise Failure(f"The proxy cannot be used: {error}.", advice="Look at HTTPS_PROXY and HTTP_PROXY.") from None

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def get(self, address: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Reads. Raises `Problem` for an answer from 400 on, `Failure` for no answer."""
        return self._json(self._ask("GET", address, params=params))

    def all(self, address: str, params: Mapping[str, Any], *, limit: int | None, cursor: str | None) -> dict[str, Any]:
        """A list: all of it, page after page, or with `limit` or `cursor` the one page asked for."""
        asked = {**params, "limit": limit or PAGE, "cursor": cursor}
        page = self._page(address, asked)
        if limit is None and cursor is None:
            while page["next"]:
                more = self._page(address, {**asked, "cursor": page["next"]})
                page = {**more, "items": page["items"] + more["items"]}
        return page

    def _page(self, address: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return _listing(self._read(self._ask("GET", address, params=params)).json)

    def send(
        self,
        method: str,
        address: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        etag: str | None = None,
    ) -> Answer:
        """Changes something. Raises `Problem` for an answer from 400 on, `Failure` for no answer."""
        return self._json(self._ask(method, address, body=body, params=params, etag=etag))

    def lines(
        self,
        address: str,
        body: Any,
        *,
        params: Mapping[str, Any] | None = None,
        sent: Callable[[int, int], None] = lambda done, of: None,
    ) -> Iterator[dict[str, Any]]:
        """Sends JSON and yields the JSON lines of the answer as they come; `sent` hears how many bytes went.

        Raises `Problem` for a refusal, also when it comes as a line, and `Failure` for an answer that breaks off.
        """
        data = json.dumps(body).encode()

        def pieces() -> Iterator[bytes]:
            for start in range(0, len(data), _PIECE):
                yield data[start : start + _PIECE]
                sent(min(start + _PIECE, len(data)), len(data))

        request = self._client.build_request(
            "POST",
            self.url + address,
            content=pieces(),
            params=_wanted(params),
            headers={
                "Accept": "application/x-ndjson, application/json",
                "Content-Type": "application/json",
                "Content-Length": str(len(data)),
            },
            timeout=httpx.Timeout(IMPORT_SECONDS, connect=CONNECT_SECONDS),
        )
        answer = _translated(self.url, lambda: self._client.send(request, stream=True))
        try:
            if answer.is_redirect or answer.is_error:
                _translated(self.url, answer.read)
            self._judge(answer)
            lines = answer.iter_lines()
            while (line := _translated(self.url, lambda: next(lines, None))) is not None:
                yield self._line(answer, line)
        finally:
            answer.close()

    def _line(self, answer: httpx.Response, line: str) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError:
            raise self._stranger(answer) from None
        if not isinstance(value, dict):
            raise self._stranger(answer)
        if isinstance(value.get("status"), int) and "type" in value:
            raise problem_of(value["status"], value)
        return value

    def download(self, address: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Reads an answer that need not be JSON."""
        answer = self._ask("GET", address, params=params, accept="*/*")
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind.startswith("text/") or kind.endswith(("/json", "+json")):  # no download of Trustyard's is any of these
            raise self._stranger(answer, "a file")
        return Answer(answer.status_code, None, answer.content, "", _filename(answer))

    def _json(self, answer: httpx.Response) -> Answer:
        read = self._read(answer)
        if answer.status_code != 204 and answer.content and not isinstance(read.json, dict):
            raise Strange  # every answer of Trustyard is an object
        return read

    def _read(self, answer: httpx.Response) -> Answer:
        if answer.status_code == 204 or not answer.content:
            return Answer(answer.status_code, None, b"", answer.headers.get("ETag", ""), "")
        try:
            value = answer.json()
        except ValueError:
            raise self._stranger(answer) from None
        return Answer(answer.status_code, value, answer.content, answer.headers.get("ETag", ""), "")

    def _ask(
        self,
        method: str,
        address: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        etag: str | None = None,
        accept: str | None = None,
    ) -> httpx.Response:
        wanted, data = _wanted(params), _encoded(body)
        kind = "application/json" if data else None
        given = (("If-Match", etag), ("Accept", accept), ("Content-Type", kind))
        headers = {name: value for name, value in given if value}
        timeout = httpx.Timeout(ANSWER_SECONDS + float(wanted.get("wait", 0)), connect=CONNECT_SECONDS)
        answer = _translated(
            self.url,
            lambda: self._client.request(
                method, self.url + address, content=data, params=wanted, headers=headers, timeout=timeout
            ),
            reads=method == "GET",
        )
        self._judge(answer)
        return answer

    def _judge(self, answer: httpx.Response) -> None:
        if answer.is_redirect:
            raise Failure(
                f"{self.url} sends us on to {answer.headers.get('Location', 'another address')}.",
                advice="Give the address that it names with --url or TRUSTYARD_URL.",
            )
        if answer.status_code >= 400:
            raise self._problem(answer)
        self.answered = True

    def _problem(self, answer: httpx.Response) -> Failure:
        try:
            body = answer.json()
        except ValueError:
            return self._stranger(answer)
        if not isinstance(body, dict):
            return self._stranger(answer)
        advice = {
            401: _SIGN_IN,
            412: "Nothing was changed. Look at it again, then repeat the command.",
        }.get(answer.status_code, "")
        problem = problem_of(answer.status_code, body, advice=advice)
        problem.advice = problem.advice or _FLAGS.get(problem.kind, "")
        return problem

    def _stranger(self, answer: httpx.Response, wanted: str = "JSON") -> Failure:
        kind = clean(answer.headers.get("Content-Type", "nothing named"))
        return Failure(
            f"{self.url} answered {answer.status_code} with {kind} instead of {wanted}.",
            advice=_IS_IT_ONE,
        )


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or parts.username:
        raise Usage(
            f"{url!r} is no address of a Trustyard server.", advice=f"It looks like {DEFAULT_URL} or https://host."
        )
    server = url.removesuffix("/v1").removesuffix("/api")
    if server != url and parts.path.endswith(("/api", "/api/v1")):
        raise Usage(f"{url!r} is an address of the server's API.", advice=f"Give the server's own: {server}")
    return parts


def _is_here(host: str) -> bool:
    return is_loopback(host) or host.endswith(".localhost")


def _proxy(url: str) -> str:
    """The proxy of the environment on the way to an address, without its password; empty for none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_here(host) or proxy_bypass(host):
        return ""
    given = getproxies()
    proxy = given.get(parts.scheme) or given.get("all") or ""
    return proxy.rpartition("@")[2].rpartition("://")[2].rstrip("/")


def _trusted() -> ssl.SSLContext:
    """Whom to trust: SSL_CERT_FILE and SSL_CERT_DIR, for loopback too, else Mozilla's roots. `OSError` for neither.

    httpx reads these two only together with the proxies, and then only one of them.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    return httpx.create_ssl_context()


def _translated(url: str, ask: Callable[[], Said], *, reads: bool = False) -> Said:
    """The one seam where httpx's exceptions become our own. What only `reads` leaves nothing in doubt."""
    try:
        return ask()
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise _no_connection(url, error) from None
    except httpx.TimeoutException:
        raise Failure(f"{url} took the request and did not answer in time.", advice="" if reads else _UNKNOWN) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise Failure(
            f"The conversation with {url} broke off: {(str(error) or type(error).__name__).rstrip('.')}.",
            advice=_IS_IT_ONE if reads else _UNKNOWN,
        ) from None


def _no_connection(url: str, error: Exception) -> Failure:
    words = str(error) or "no answer in time"
    if "CERTIFICATE_VERIFY_FAILED" in words:
        why = words.rpartition("failed: ")[2]
        advice = next((advice for word, advice in _MISTRUST if word in why), _UNKNOWN_ISSUER)
        return Failure(f"The TLS certificate of {url} is not trusted: {why}.", advice=advice)
    if "SSL" in words:
        return Failure(
            f"{url} does not speak TLS as expected: {words}.", advice="Is the address meant to begin with http://?"
        )
    if proxy := _proxy(url):
        return Failure(
            f"No Trustyard server answers at {url} through the proxy {proxy}: {words}.",
            advice="Look at HTTPS_PROXY and HTTP_PROXY; a host named in NO_PROXY is asked without one.",
        )
    return Failure(
        f"No Trustyard server answers at {url}: {words}.",
        advice="Start one with `trustyard serve`, or say where it is with --url or TRUSTYARD_URL.",
    )


def _listing(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("items"), list):
        raise Failure("The server's answer is no list.", advice="Is the server of another version than this program?")
    return {**value, "next": value.get("next")}


def _encoded(body: Any) -> bytes | None:
    try:
        return None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise Failure(NO_JSON) from None


def _wanted(params: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: _written(value) for name, value in (params or {}).items() if value is not None}


def _written(value: object) -> str:
    """A parameter as it stands in an address: whole numbers without a fraction."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _filename(answer: httpx.Response) -> str:
    """The name that the answer proposes, without any folder, and never a hidden file."""
    message = Message()
    message["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    proposed = (message.get_filename() or "").replace("\\", "/")
    return clean(PurePosixPath(proposed).name).lstrip(".").strip()
