"""A private key in a text that is kept: refused by name before anything is stored, and repeated nowhere (D-07)."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.actions.conftest import ADMIN, pem
from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import certificates, environments, gateways, jwks, releases, tokens, users
from trustyard.actions.certificates import Definition, EntryGiven, Saved
from trustyard.actions.jwks import FromCertificate, HandGiven
from trustyard.actions.sources import Connection
from trustyard.errors import NotFound, TrustyardError
from trustyard.server import logs

KEY = ec.generate_private_key(ec.SECP256R1())
SECRET = base64.urlsafe_b64encode(KEY.private_numbers().private_value.to_bytes(32)).rstrip(b"=").decode()
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
IN_A_LINE = PEM.split("\n")[1][:40] + "-----END PRIVATE KEY-----"
ISSUERS = [{"issuer": IN_A_LINE, "audiences": [], "prefix": "/"}]
X, Y = (
    base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
    for number in (KEY.public_key().public_numbers().x, KEY.public_key().public_numbers().y)
)
PUBLIC = {"kty": "EC", "crv": "P-256", "x": X, "y": Y}
FORMS = {
    "PKCS#8": PEM,
    "SEC 1": KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode(),
    "encrypted": KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode(),
    "OpenSSH": KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
    "OpenSSH without armour": KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()[36:-35],
    "PuTTY": "PuTTY-User-Key-File-3: ecdsa-sha2-nistp256",
    "PGP": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "JWK": json.dumps({**PUBLIC, "d": SECRET}),
    "JWK in JSON": json.dumps(json.dumps({**PUBLIC, "d": SECRET})),
    "Secret of Kubernetes": f"apiVersion: v1\ndata:\n  tls.key: {base64.b64encode(PEM.encode()).decode()}",
    "base64 of PEM": base64.b64encode(b"\n" + PEM.encode()).decode(),
    "base64 of PEM in lines": base64.encodebytes(b"\r\n" + PEM.encode()).decode(),
    "octets": json.dumps({"kty": "oct", "k": SECRET}),
    "in an address": "https://partner.example/-----BEGIN%20PRIVATE%20KEY-----",
    "JWK in an address": f"https://partner.example/?jwk={quote(json.dumps({**PUBLIC, 'd': SECRET}))}",
    "without armour, in an address": f"https://partner.example/{quote(''.join(PEM.splitlines()[1:-1]), safe='')}",
}
# Made when a test asks for them: each process reads this module.
BARE: dict[str, Callable[[], PrivateKeyTypes]] = {
    "RSA 1024": lambda: rsa.generate_private_key(65537, 1024),
    "RSA 4096": lambda: rsa.generate_private_key(65537, 4096),
    "DSA": lambda: dsa.generate_private_key(2048),
    "P-256": lambda: KEY,
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
}
bare = functools.cache(lambda kind: BARE[kind]())


def everything() -> str:
    """All that is stored in the tables that hold people's words."""
    kinds = (models.Certificate, models.Entry, models.Environment, models.Jwk, models.Gateway, models.Release)
    kinds += (models.Token, models.User, models.AuditEvent, models.Draft)
    return str([list(kind.objects.values()) for kind in kinds])


WAYS: dict[str, Callable[[EntryGiven, str], object]] = {
    "description of a certificate": lambda entry, key: certificates.create(ADMIN, [Definition("new", key, [entry])]),
    "another description": lambda _, key: certificates.update(ADMIN, "acme", if_match="*", description=key),
    "description of an environment": lambda _, key: environments.create(ADMIN, name="new", description=key),
    "description of a JWK": lambda _, key: jwks.create(
        ADMIN, name="new", description=key, source=FromCertificate("acme", "test")
    ),
    "reason": lambda _, key: certificates.revoke(ADMIN, "acme", "test", reason=key),
    "note": lambda _, key: releases.deploy(ADMIN, "production", note=key),
}
SHORT: dict[str, Callable[[EntryGiven], object]] = {
    "name of a certificate": lambda entry: certificates.create(ADMIN, [Definition(IN_A_LINE, "", [entry])]),
    "another name": lambda _: certificates.update(ADMIN, "acme", if_match="*", new_name=IN_A_LINE),
    "alias": lambda entry: certificates.update(
        ADMIN, "acme", if_match="*", entries=[EntryGiven(("test",), IN_A_LINE, entry.source)]
    ),
    "name of a token": lambda _: tokens.create(ADMIN, IN_A_LINE),
    "name of a person": lambda _: users.create(ADMIN, IN_A_LINE, password="a long enough one"),
    "name of a gateway": lambda _: gateways.create(ADMIN, "test", name=IN_A_LINE, kind="files"),
    "option of a gateway": lambda _: gateways.create(
        ADMIN, "test", name="edge", kind="envoy", options={"issuers": ISSUERS}
    ),
    "key ID": lambda _: jwks.create(ADMIN, name="new", source=FromCertificate("acme", "test"), kid=IN_A_LINE),
    "key ID of a given JWK": lambda _: jwks.create(
        ADMIN, name="new", source=HandGiven({**PUBLIC, "kid": IN_A_LINE}, ["test"])
    ),
    "address": lambda _: certificates.create(
        ADMIN, [Definition("new", "", [EntryGiven(("test",), "new", Connection(f"https://a.example/{IN_A_LINE}"))])]
    ),
}


@pytest.fixture
def entry(add: Callable[..., Saved], ca: Ca) -> EntryGiven:
    """What a new certificate may be made of; `acme` is stored in test."""
    add("acme")
    return EntryGiven(("production",), "new", pem(ca.issue("new")))


def is_refused(act: Callable[[], object]) -> None:
    before = everything()
    with pytest.raises(TrustyardError) as refused:
        act()
    error = refused.value
    assert error.code == "private-key"
    assert error.fields
    assert SECRET[:20] not in f"{error.detail}{error.fields}"
    assert IN_A_LINE[:40] not in f"{error.detail}{error.fields}"
    assert everything() == before


@pytest.mark.parametrize("way", WAYS)
def test_a_key_in_a_long_text_is_refused_by_name(way: str, entry: EntryGiven) -> None:
    is_refused(lambda: WAYS[way](entry, f"the key is\n{PEM}"))


@pytest.mark.parametrize("way", SHORT)
def test_a_key_in_a_short_text_is_refused_by_name(way: str, entry: EntryGiven) -> None:
    is_refused(lambda: SHORT[way](entry))


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_known_in_each_form_that_people_paste(form: str) -> None:
    is_refused(lambda: environments.create(ADMIN, name="new", description=f"for later: {FORMS[form]}"))


@pytest.mark.parametrize("kind", BARE)
def test_a_key_is_known_by_its_base64_alone(kind: str) -> None:
    forms = [PrivateFormat.PKCS8] if kind.startswith("Ed") else [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]
    for form in forms:
        key = base64.b64encode(bare(kind).private_bytes(Encoding.DER, form, NoEncryption())).decode()
        is_refused(lambda key=key: environments.create(ADMIN, name="new", description=f"for later: {key}"))


@pytest.mark.parametrize("kind", BARE)
def test_a_public_key_is_taken_with_and_without_its_armour(kind: str) -> None:
    key = bare(kind).public_key()
    texts = [key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo) for encoding in (Encoding.PEM, Encoding.DER)]
    for number, text in enumerate((texts[0].decode(), base64.b64encode(texts[1]).decode())):
        assert environments.create(ADMIN, name=f"new {number}", description=text).description == text


@pytest.mark.parametrize(
    "text", ["The private key stays at the partner.", json.dumps(PUBLIC), '{"d": "later"}', "100% of %2"]
)
def test_what_speaks_of_keys_or_holds_a_public_one_is_taken(text: str) -> None:
    assert environments.create(ADMIN, name="new", description=text).description == text


def test_no_refusal_repeats_a_key_that_was_given_for_something_else() -> None:
    with pytest.raises(NotFound) as unknown:
        environments.get(ADMIN, PEM)
    assert PEM.split("\n")[1] not in unknown.value.detail


@pytest.mark.parametrize("given", [IN_A_LINE, quote(IN_A_LINE), quote(FORMS["JWK"]), "".join(PEM.splitlines()[1:-1])])
def test_no_log_line_repeats_a_key(given: str) -> None:
    line = logs.without_private_keys(None, "info", {"event": "request", "path": f"/certificates/{given}", "n": 1})
    assert (given[-30:] in str(line), line["event"], line["n"]) == (False, "request", 1)
