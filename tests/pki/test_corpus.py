"""Every file of the shared corpus says what other tools say of it (corpus README)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests import corpus
from trustyard.errors import InputRefused
from trustyard.pki.certificates import Certificate, facts_json
from trustyard.pki.containers import read_file
from trustyard.pki.jwks import algorithms_for, jwk_from_certificate, read_public_jwk, thumbprint

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", corpus.names("expected.json", "files"))
def test_a_file_of_the_corpus_is_read_or_refused_as_expected(name: str) -> None:
    """S-11, S-15: format, fingerprints in file order, and every fact."""
    expected = corpus.document("expected.json")
    file = expected["files"][name]
    if file["expect"] == "reject":
        with pytest.raises(InputRefused):
            read_file(corpus.data(name), file.get("password"))
        return
    try:
        reading = read_file(corpus.data(name), file.get("password"))
    except InputRefused:
        if file["expect"] == "either":
            return
        raise
    assert (reading.format, [c.sha256.upper() for c in reading.certificates]) == (file["format"], file["certificates"])
    for certificate in reading.certificates:
        _compare(certificate, expected["certs"][certificate.sha256.upper()])


@pytest.mark.parametrize("name", corpus.names("jwk_expected.json", "certs"))
def test_a_key_of_the_corpus_gives_the_expected_jwk(name: str) -> None:
    """The same members, thumbprint and certificate digest as node and `jose`; no JWK where none is registered."""
    expected = next(e for e in corpus.document("jwk_expected.json")["certs"] if e["file"] == name)
    certificate = next(c for c in read_file(corpus.data(name)).certificates if c.sha256.upper() == expected["sha256"])
    if expected["level"] == "no-jwk":
        with pytest.raises(InputRefused):
            jwk_from_certificate(certificate)
        return
    jwk = jwk_from_certificate(certificate, alg=algorithms_for(certificate, "sig")[0])
    assert {member: jwk[member] for member in expected["jwk"]} == expected["jwk"]
    assert (jwk["kid"], jwk["x5t#S256"]) == (expected["thumbprint_sha256"], expected["x5t#S256"])
    assert read_public_jwk(jwk) == jwk


def test_the_keys_printed_in_rfcs_have_the_thumbprints_printed_there() -> None:
    for published in corpus.document("jwk_expected.json")["published"]:
        jwk = read_public_jwk(published["jwk"])
        assert thumbprint(jwk) == published["thumbprint_sha256"], published["source"]
        assert {m: v for m, v in jwk.items() if m in published["jwk"]} == published["jwk"]


def _compare(certificate: Certificate, expected: dict[str, Any]) -> None:
    said = facts_json(certificate, MOMENT) | {"spki_sha256": certificate.facts.spki_sha256}
    wanted = {
        "subject": expected["subject_rfc4514"],
        "issuer": expected["issuer_rfc4514"],
        "key": {member: expected["key"][member] for member in ("type", "size", "curve")},
        "signature_algorithm": expected["signature"]["name"],
        "signature_algorithm_oid": expected["signature"]["oid"],
        "sans": [{"type": san["type"], "value": _san(san["value"])} for san in expected["sans"]],
    }
    wanted |= {m: expected[m] for m in ("version", "not_before", "not_after", "is_ca", "path_len", "self_issued")}
    wanted |= {m: _lower(expected[m]) for m in ("sha1", "sha256", "serial_hex", "ski", "aki", "spki_sha256")}
    if expected["self_signed"] is not None:
        wanted["self_signed"] = expected["self_signed"]
    for loose in expected["loose_fields"]:
        wanted.pop(loose)
    assert {member: said[member] for member in wanted} == wanted
    assert [[e["oid"], e["critical"]] for e in said["extensions"]] == expected["extensions"]


def _lower(text: str | None) -> str | None:
    return text.lower() if text is not None else None


def _san(value: str | Sequence[Sequence[Sequence[str]]]) -> str:
    """The corpus gives a directory name as attributes; the one it has is an organisation alone."""
    return value if isinstance(value, str) else f"O={value[0][0][1]}"
