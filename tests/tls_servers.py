"""Throw-away certificate authorities and real TLS servers on loopback, for any test.

ca = Ca.new("Test CA")
issued = ca.issue("partner.test", dns=["partner.test"], ip=["127.0.0.1"])
with TlsServer(issued, chain=[ca.cert_pem]) as server:
    ... server.url, server.port ...
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_KEYS: dict[str, Any] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    "x25519": x25519.X25519PrivateKey.generate,
    "x448": x448.X448PrivateKey.generate,
    "ml-dsa-44": mldsa.MLDSA44PrivateKey.generate,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey.generate,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey.generate,
}


def new_key(kind: str = "ec") -> Any:
    """A fresh private key: rsa, rsa1024, ec, p384, p521, secp256k1, brainpool, ed25519, x25519, ml-dsa-44, …"""
    return _KEYS[kind]()


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @cached_property
    def cert_der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @cached_property
    def cert_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @cached_property
    def key_pem(self) -> bytes:
        return bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @cached_property
    def sha256(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def write(self, folder: Path, stem: str = "server", chain: Sequence[bytes] = ()) -> tuple[Path, Path]:
        """`<stem>.pem` (with the chain behind it) and `<stem>.key` in the folder; both paths."""
        folder.mkdir(parents=True, exist_ok=True)
        cert, key = folder / f"{stem}.pem", folder / f"{stem}.key"
        cert.write_bytes(b"".join([self.cert_pem, *chain]))
        key.write_bytes(self.key_pem)
        key.chmod(0o600)
        return cert, key


@dataclass(frozen=True)
class Ca(Issued):
    """A certificate authority that issues what a test needs."""

    @classmethod
    def new(cls, cn: str = "Test CA", *, key: str = "ec", days: float = 365) -> Ca:
        """A root that signed itself."""
        private = new_key(key)
        return cls(build(_name(cn), _name(cn), private.public_key(), private, is_ca=True, days=days), private)

    def subordinate(self, cn: str, *, days: float = 365) -> Ca:
        """An intermediate authority."""
        private = new_key("ec")
        made = build(_name(cn), self.certificate.subject, private.public_key(), self.key, is_ca=True, days=days,
                      issuer_key=self.key.public_key())  # fmt: skip
        return Ca(made, private)

    def issue(
        self,
        cn: str | x509.Name | None,
        *,
        dns: Sequence[str] = (),
        ip: Sequence[str] = (),
        days: float = 90,
        start: dt.datetime | None = None,
        key: str = "ec",
        private: Any = None,
    ) -> Issued:
        """An end-entity certificate for servers and clients; `cn` None leaves the subject empty.

        `start` is when it becomes valid (an hour ago by default), `days` how long it lives from then on.
        """
        private = private or new_key(key)
        subject = cn if isinstance(cn, x509.Name) else _name(cn)
        names = [x509.DNSName(d) for d in dns] + [x509.IPAddress(ipaddress.ip_address(i)) for i in ip]
        made = build(subject, self.certificate.subject, private.public_key(), self.key, names=names, days=days,
                      start=start, issuer_key=self.key.public_key())  # fmt: skip
        return Issued(made, private)


def self_signed(cn: str, *, key: str = "ec", dns: Sequence[str] = ()) -> Issued:
    """An end-entity certificate that signed itself."""
    private = new_key(key)
    names = [x509.DNSName(d) for d in dns]
    return Issued(build(_name(cn), _name(cn), private.public_key(), private, names=names, days=90), private)


def _name(cn: str | None) -> x509.Name:
    return x509.Name([] if cn is None else [x509.NameAttribute(NameOID.COMMON_NAME, cn)])


def build(
    subject: x509.Name,
    issuer: x509.Name,
    public: Any,
    signer: Any,
    *,
    is_ca: bool = False,
    names: Sequence[x509.GeneralName] = (),
    days: float = 90,
    start: dt.datetime | None = None,
    issuer_key: Any = None,
) -> x509.Certificate:
    """A certificate of any shape; the classes above are the usual ways in."""
    begin = start or dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if issuer_key is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
        builder = builder.add_extension(identifier, critical=False)
    if is_ca:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not len(subject))
    plain = isinstance(signer, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return builder.sign(signer, hashes.SHA256() if plain else None)


class Listener:
    """A thread that gives each TCP connection on a free loopback port to `serve`, until the block ends."""

    scheme = "https"

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self._open: list[socket.socket] = []

    def serve(self, connection: socket.socket) -> None:
        """What happens to a connection; by default nothing is ever said."""

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._socket = socket.create_server((self.host, 0), family=family, backlog=64)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.serve(connection)


class TlsServer(Listener):
    """A TLS server that presents a certificate and answers any request with a short HTTP page.

    `chain` is PEM sent behind the certificate. `client_ca` (PEM) with `demand_client` asks for a client certificate.
    `configure` is given the ssl.SSLContext for anything else. `seen_names` collects the server names asked for.
    """

    def __init__(
        self,
        issued: Issued,
        chain: Sequence[bytes] = (),
        *,
        demand_client: bool = False,
        client_ca: bytes | None = None,
        host: str = "127.0.0.1",
        scheme: str = "https",
        configure: Any = None,
    ) -> None:
        super().__init__(host)
        self.scheme = scheme
        self.seen_names: list[str | None] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.use(issued, chain)
        if demand_client:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(cadata=(client_ca or issued.cert_pem).decode())
        self.context.sni_callback = lambda _sock, name, _context: self.seen_names.append(name)
        if configure:
            configure(self.context)

    def use(self, issued: Issued, chain: Sequence[bytes] = ()) -> None:
        """Presents this certificate from now on."""
        with tempfile.TemporaryDirectory() as folder:
            self.context.load_cert_chain(*issued.write(Path(folder), chain=chain))

    def serve(self, connection: socket.socket) -> None:
        with self.context.wrap_socket(connection, server_side=True) as tls:
            if tls.recv(4096):
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
