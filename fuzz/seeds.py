"""Makes the first inputs of each target, of keys that are thrown away; run once, its files are kept."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import ssl
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PublicFormat,
    pkcs12,
)
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DiscoveryRequest

from fuzz.mutator import armoured
from fuzz.targets.certificates import MOMENT
from fuzz.targets.requests import MARK
from tests.tls_servers import Ca, Issued, build, new_key
from trustyard.gateways.agent import wire
from trustyard.gateways.envoy.resources import SECRET
from trustyard.pki import keystores, pkcs7, truststores
from trustyard.pki.certificates import read_certificate
from trustyard.pki.content import Content, Material, PublishedJwk, TrustedEntry
from trustyard.pki.denyall import deny_all_der
from trustyard.pki.jwks import jwk_from_certificate
from trustyard.server.backup.archive import Manifest, Writer

CORPUS = Path(__file__).parent / "corpus"
PASSWORD = "changeit"  # what the targets try
KINDS = ("ec", "p384", "p521", "secp256k1", "brainpool", "ed25519", "ed448", "rsa1024", "ml-dsa-44")


def certificates() -> Iterator[bytes]:
    """One of each kind of key, and one of each extension."""
    yield deny_all_der()
    for kind in KINDS:
        yield Ca.new(f"Büro {kind} ğ", key=kind).cert_der
    yield _everything().cert_der
    agreeing = new_key("x25519").public_key()
    ca = _CA
    yield build(x509.Name([]), ca.certificate.subject, agreeing, ca.key).public_bytes(Encoding.DER)


_CA = Ca.new("Fuzz CA")


def _everything() -> Issued:
    names = [
        x509.DNSName("*.example.test"), x509.RFC822Name("a@example.test"), x509.UniformResourceIdentifier("urn:a:b"),
        x509.DirectoryName(_CA.certificate.subject), x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x03upn"),
    ]  # fmt: skip
    key = new_key("ec")
    subject = x509.Name.from_rfc4514_string("CN=a\\,b+OU=two,O=Şirket,C=TR,1.2.3.4=#0c0161")
    made = build(
        subject, _CA.certificate.subject, key.public_key(), _CA.key, names=names, issuer_key=_CA.key.public_key()
    )
    return Issued(made, key)


def files(ders: list[bytes]) -> Iterator[bytes]:
    """Each container that is read, and what is refused by name."""
    leaf = _CA.issue("leaf.test", dns=["leaf.test"])
    yield from ders[:3]
    yield armoured(ders[0]) + b"text\r\n" + armoured(ders[5])
    yield armoured(ders[1] + b"\x30\x04\x0c\x02Hi", b"TRUSTED CERTIFICATE")
    yield base64.encodebytes(ders[5])
    yield pkcs7.write(ders[:2])
    yield armoured(pkcs7.write(ders[:2]), b"PKCS7")
    yield from pkcs12_files(ders)
    yield keystores.write([("a", ders[0]), ("ğ", ders[5])], PASSWORD, MOMENT)
    yield leaf.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield armoured(b"\x30\x03\x02\x01\x00", b"PRIVATE KEY") + armoured(ders[0])
    yield armoured(ders[0]).decode().encode("utf-16")
    yield base64.b64encode(armoured(ders[0]))
    yield from copies(armoured(ders[5]))
    yield from (b"{}", b"<html>", b"%PDF-1.7", b"PK\x03\x04", b"ssh-rsa AAAA")


def copies(pem: bytes) -> Iterator[bytes]:
    """A PEM text as it is met in mail, listings, patches, JSON, HTML and addresses."""
    lines = pem.decode().splitlines()
    yield "\n".join(f"> {line}" for line in lines).encode()
    yield "\n".join(f"{number:6}\t{line}" for number, line in enumerate(lines, 1)).encode()
    yield "\n".join(f"+{line}" for line in lines).encode()
    yield json.dumps({"pem": "\n".join(lines)}).replace("/", "\\/").encode()
    yield "&#10;".join(lines).encode()
    yield quote(pem.decode()).encode()


def archives(der: bytes) -> Iterator[bytes]:
    """An export, an empty archive, and how the files of other programs begin."""
    for files in ({"acme-test.cer": der, "SHA256SUMS": b"x"}, {}, {"[Content_Types].xml": b""}):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        yield out.getvalue()
    yield from (b"\x1f\x8b\x08\0", b"\0\0\0\2\0\0\0\x14" + bytes(20), b"\0\0\0\0CERT", b"kych", bytes(257) + b"ustar")


def pkcs12_files(ders: list[bytes]) -> Iterator[bytes]:
    """With and without encryption, with and without a key."""
    leaf = _CA.issue("leaf.test")
    for kind in (NoEncryption(), BestAvailableEncryption(PASSWORD.encode())):
        yield pkcs12.serialize_key_and_certificates(b"me", leaf.key, leaf.certificate, [_CA.certificate], kind)
    yield truststores.pkcs12([("a", ders[0]), ("b", ders[5])], "")


def key_entry(der: bytes) -> bytes:
    """A JKS file with a private key (which is none) and its chain."""
    chain = b"\0\0\0\x01\0\x05X.509" + len(der).to_bytes(4, "big") + der
    body = b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\x01k" + bytes(8) + b"\0\0\0\x04none" + chain
    return body + bytes(20)


def jwks(ders: list[bytes]) -> Iterator[bytes]:
    """A JWK of each kind, and what is refused."""
    for der in ders:
        made = read_certificate(der)
        if made.facts.key.curve != "brainpoolP256r1":
            yield json.dumps(jwk_from_certificate(made)).encode()
    yield b'{"keys":[]}'
    yield b'{"kty":"oct","k":"AA"}'
    yield b'{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AA","use":"enc","key_ops":["verify"]}'


def webs() -> Iterator[bytes]:
    """A chain, a circle, a star, and a chain whose certificates carry an extension made of the tail."""
    line = bytes(octet for n in range(1, 6) for octet in (n, n + 1, n, n + 1, n > 1, n, n + 1, 0))
    yield bytes([5]) + line
    yield bytes([3]) + bytes(octet for n in range(3) for octet in (n + 1, (n + 1) % 3 + 1, n, (n + 1) % 3, 1, 0, 0, n))
    yield bytes([20]) + bytes(octet for n in range(20) for octet in (1, 1, n % 6, 0, 1, n, 0, n))
    constraints = b"\x30\x0c\xa0\x0a\x30\x08\x82\x06a.test"
    yield bytes([5]) + bytes(line[at] | (12 if at % 8 == 4 else 0) for at in range(40)) + constraints


def flight() -> bytes:
    """What a server of TLS 1.2 says first: ServerHello, Certificate, ServerHelloDone."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with tempfile.TemporaryDirectory() as folder:
        server.load_cert_chain(*_CA.issue("leaf.test").write(Path(folder), chain=[_CA.cert_pem]))
    server.maximum_version = client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    for context, come, go, is_server in ((client, back, there, False), (server, there, back, True)):
        try:
            context.wrap_bio(come, go, server_side=is_server).do_handshake()
        except ssl.SSLWantReadError:
            continue
    return back.read()


def plant() -> None:
    """Writes them all."""
    ders = list(certificates())
    keep("certificate", ders)
    keep("certificate_jwk", ders)
    keep("certificate_findings", ders)
    keep("comparison", ders)
    keep("whole_chain", webs())
    keep("trust_check", [b"\x01\x02" + one for one in webs()])
    keep("file", files(ders))
    keep("roots", [truststores.pem_bundle(ders), pkcs7.write(ders[:4]), b"-----BEGIN X509 CRL-----"])
    keep("paste", [base64.encodebytes(ders[0]), armoured(ders[0]), "\ufeff\u200bMI".encode()])
    keep("presented", [b"".join(len(d).to_bytes(2, "big") + d for d in ders[:3])])
    keep("pkcs12", pkcs12_files(ders))
    keep("keystore", [keystores.write([("a", ders[0])], PASSWORD, MOMENT), key_entry(ders[0])])
    keep("copied", [one.partition(b"-----BEGIN CERTIFICATE-----")[2] or one for one in copies(armoured(ders[5]))])
    keep("archive", archives(ders[0]))
    keep("jwk", jwks(ders))
    keep("chain_order", webs())
    urls = ("https://example.org", "ldaps://[2001:db8::1]:636/o=x", "https://büro.test:8443/a?b#c", "https://127.1")
    keep("address", [url.encode() for url in urls])
    keep(
        "json_body",
        [b'{"a":[1,2.5e3,null,true,"\\u00e7"]}', b"\xef\xbb\xbf[]", b'{"a":1,"a":2}', b'"\\ud800"', b"[" * 500],
    )
    plant_gateways(ders)
    plant_requests()
    keep("tls_peer", [flight(), b"\x15\x03\x03\0\x02\x02\x28", b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n"])


def plant_gateways(ders: list[bytes]) -> None:
    """What gateways and agents say in earnest."""
    info = b"Name: HAProxy\nVersion: 2.6.12\n"
    listed = b"Filename: x\nStatus: Used\n\nCertificate #1:\nSerial: 0A\nSHA1 FingerPrint: " + 40 * b"A" + b"\n"
    keep("haproxy_answer", [info, listed, b"New CA file created!\ntransaction created", b"Success!\n", b""])
    names, secret = ["used", "alias/a", "*"], SECRET
    asks = DeltaDiscoveryRequest(type_url=secret, resource_names_subscribe=names).SerializeToString()
    answers = DeltaDiscoveryRequest(type_url=secret, response_nonce="1", error_detail={"message": "No"})
    state = DiscoveryRequest(type_url=secret, resource_names=names, version_info="v").SerializeToString()
    taken = DiscoveryRequest(type_url=secret, resource_names=names[:1], response_nonce="1").SerializeToString()
    for said in ([asks, answers.SerializeToString()], [state, taken]):
        keep("envoy_request", [b"".join(len(part).to_bytes(2, "big") + part for part in said)])
    digest = 64 * "0"
    word = {"node": "n", "release": f"1.{digest}", "state": "accepted", "words": "in force", "milliseconds": 3}
    keep("agent_request", [f"node=n&wait=5&have=1.{digest}&process=p&edition=e".encode(), json.dumps(word).encode()])
    sha256 = hashlib.sha256(ders[0]).hexdigest()
    content = Content("test", (TrustedEntry("a", "acme", sha256),), jwks=(PublishedJwk("k", {"kid": "k"}),))
    material = Material(content, 1, datetime(2026, 1, 1, tzinfo=UTC), {sha256: ders[0]})
    keep("agent_release", [wire.packed(material, allow_older=True)])
    lines = ['address = "https://t.test"', 'environment = "test"', 'token = "t"', 'folder = "/f"', "wait = 5"]
    more = ['[reload]\ncommand = ["x"]', '[[copy]]\nfrom = "used.pem"\nto = "/t"']
    strange = ['ca = "/c\\u0000"', f"deep = {5000 * '['}"]
    keep("agent_file", ["\n".join([*lines, *rest]).encode() for rest in ([], more, strange[:1], strange[1:])])


def plant_requests() -> None:
    """Headers, queries, and files to restore."""
    headers = b"192.0.2.7, 10.0.0.2\nhttps\na.test\nid-1\nb.test\n1.1.1.1"
    keep("forwarded", [headers, b"[2001:db8::1]:443, fd00::1\nhttp"])
    places = (b'["a",1]', b'["a"]', b'["2026-01-01T00:00:00+00:00",1]')
    cursors = [base64.urlsafe_b64encode(b'["%b",%b]' % (MARK.encode(), place)) for place in places]
    keep("query", [*cursors, b"2027-01-31T12:00:00.5+01:00", b'"1-1", *', b"Bearer ty_x"])
    person = {"sub": "7", "preferred_username": "ada", "groups": ["ops", 5], "realm_access": {"roles": ["admins"]}}
    keep("claims", [json.dumps(one).encode() for one in (person, {"email": "ada@test", "groups": "admins"}, [])])
    row = [1, "name", "name", "0" * 64, "admin", "me", "2026-01-01T00:00:00+00:00", None, None, None]
    keep("backup_row", [json.dumps(row).encode(), b"[]", b'[{}, "AA==", -1e999]'])
    out = io.BytesIO()
    with Writer(out) as writer:
        writer.add("tables/trustyard.token.jsonl", iter([json.dumps(row).encode() + b"\n"]), table="trustyard.token")
        manifest = Manifest("0", "2026-01-01T00:00:00Z", "sqlite", {"trustyard": ["0001_initial"]}, writer.parts)
        writer.finish(manifest)
    keep("backup", [out.getvalue()])


def keep(target: str, inputs: Iterable[bytes]) -> None:
    """Each input in a file named after its digest."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    plant()
