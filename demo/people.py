"""The demo's partner: a throw-away CA, a real TLS server, certificates that get renewed, and signed tokens."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in files that only this demo reads."""

    certificate: x509.Certificate
    key: Any
    files: tuple[str, str]

    def token(self, kid: str) -> str:
        """A JWT of RS256 that says who Acme is (RFC 7519); Acme alone can make it."""
        header = {"alg": "RS256", "typ": "JWT", "kid": kid}
        claims = {"iss": "https://acme.example", "sub": "order-service", "exp": int(time.time()) + 300}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_base64url(signature)}"


class Authority:
    """A certificate authority that nobody has heard of."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.certificate = _signed(self._name, self._name, self._key.public_key(), self._key, ca=True)
        self.pem = self.certificate.public_bytes(Encoding.PEM).decode()
        self.file = folder / f"{name.replace(' ', '-').lower()}.pem"
        self.file.write_text(self.pem)

    def issue(self, name: str, file: str) -> Pair:
        """A certificate with an RSA key, for both ends of a connection; the file holds the authority's own too."""
        key = rsa.generate_private_key(65537, 2048)
        certificate = _signed(_name(name), self._name, key.public_key(), self._key, ca=False)
        chain, secret = self._folder / f"{file}.pem", self._folder / f"{file}.key"
        chain.write_text(certificate.public_bytes(Encoding.PEM).decode() + self.pem)
        secret.touch(0o600)
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Pair(certificate, key, (str(chain), str(secret)))


class Server:
    """A TLS server on loopback: what it presents can be changed while it runs, as after a renewal."""

    def __init__(self, pair: Pair) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.present(pair)
        threading.Thread(target=self._serve, daemon=True).start()

    def present(self, pair: Pair) -> None:
        """From now on it shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair.files)
        self._context = context

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        try:
            with self._context.wrap_socket(connection, server_side=True) as tls:
                if tls.recv(4096):
                    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nAcme\n")
        except OSError:
            pass  # who only wants to see the certificate does not stay

    def close(self) -> None:
        """Listens no more."""
        self._socket.close()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(subject: x509.Name, issuer: x509.Name, public: Any, key: Any, *, ca: bool) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        here = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(here), critical=False)
    return builder.sign(key, hashes.SHA256())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
