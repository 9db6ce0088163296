"""An OpenID Connect provider that says whatever a test wants it to, and a stranger who signs in by it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "trustyard", "of the client"
DESCRIPTION, TOKEN, KEYS, PERSON = "/.well-known/openid-configuration", "/token", "/keys", "/userinfo"
KEY, ANOTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
GONE = object()  # a claim that an ID token lacks
_numbers = itertools.count(1)


class Asked(BaseHTTPRequestHandler):
    """One request to the provider."""

    liar: Liar

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.liar.asked.append((path, self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()))
        answer = self.liar.answers.get(path, b"")
        if callable(answer):
            answer(self)
        else:
            self.say(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    do_POST = do_GET

    def say(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Liar:
    """`answers` by path: JSON, bytes, or a function of who asked; `claims` and `header` change the next ID token."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Asked", (Asked,), {"liar": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.honest()

    def honest(self) -> None:
        """From now on it says nothing but the truth, of somebody who was never here."""
        self.nonce = ""
        self.asked: list[tuple[str, str]] = []
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {"kid": "one"}
        self.key = KEY
        name = f"person-{next(_numbers)}"
        self.person: dict[str, Any] = {"sub": name, "preferred_username": name, "groups": ["viewers"]}
        places = {"authorization": "/authorize", "token": TOKEN, "userinfo": PERSON}
        self.described: dict[str, Any] = {
            "issuer": self.url,
            **{f"{name}_endpoint": self.url + path for name, path in places.items()},
            "jwks_uri": self.url + KEYS,
        }
        self.tokens: dict[str, Any] = {}
        self.answers: dict[str, Any] = {
            DESCRIPTION: self.described,
            TOKEN: lambda asked: asked.say(json.dumps(self._tokens()).encode()),
            KEYS: {"keys": [public(KEY, kid="one")]},
            PERSON: self.person,
        }

    def _tokens(self) -> dict[str, Any]:
        signed = jwt.encode(self.said(), self.key, "RS256", headers=self.header)
        return {"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": signed, **self.tokens}

    def said(self) -> dict[str, Any]:
        """The claims of the ID token."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": self.person["sub"], "iat": now, "exp": now + 60}
        claims |= {"nonce": self.nonce, **self.claims}
        return {name: value for name, value in claims.items() if value is not GONE}

    def sign(self, algorithm: str, secret: bytes | None) -> None:
        """From now on ID tokens name this algorithm, and have a MAC made with this secret, or no signature."""

        def answer(asked: Asked) -> None:
            parts = [_part({"alg": algorithm, "kid": "one"}), _part(self.said())]
            mac = hmac.new(secret, ".".join(parts).encode(), hashlib.sha256).digest() if secret else b""
            asked.say(json.dumps({"access_token": "a", "id_token": ".".join([*parts, _text(mac)])}).encode())

        self.answers[TOKEN] = answer

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Stranger(httpx.Client):
    """A browser at an address of its own, for attempts are counted by address."""

    def __init__(self, url: str, liar: Liar) -> None:
        number = next(_numbers)
        came = {"X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}"}
        super().__init__(base_url=url, headers=came, trust_env=False, timeout=60)
        self.liar = liar

    def begin(self) -> httpx.Response:
        """As far as the provider's page."""
        answer = self.get("/sign-in/provider/")
        self.sent = httpx.URL(answer.headers.get("Location", "")).params
        self.liar.nonce = self.sent.get("nonce", "")
        return answer

    def come_back(self, state: str | None = None) -> httpx.Response:
        """From the provider, with a code."""
        query = {"code": "c", "state": state or self.sent["state"]}
        return self.get("/sign-in/provider/callback/", params=query)

    def sign_in(self) -> httpx.Response:
        begun = self.begin()
        return self.come_back() if begun.status_code == 302 else begun


def public(key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    """The JWK of an RSA key."""
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), **more}


def _part(value: Any) -> str:
    return _text(json.dumps(value).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
