"""The first validator: pyca's `cryptography.x509.verification`, the profile of the web."""

from __future__ import annotations

import ipaddress
import warnings

import cryptography
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from trustyard.pki.certificates import Certificate

from . import strict
from .hosts import plain_name
from .link import Link
from .question import Question
from .validators import Opinion

_UNREADABLE = (x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm)
NAME = "cryptography.x509.verification"


def ask(question: Question) -> Opinion:
    """What it says. It compares no names of clients, and for a server it needs one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accepted, words = _ask(question)
    return Opinion(NAME, cryptography.__version__, accepted, words)


def _ask(question: Question) -> tuple[bool, str]:
    leaf = _load(question.certificate)
    if leaf is None:
        return False, "It cannot read this certificate."
    anchors = [c for c in map(_load, question.anchors) if c is not None]
    if not anchors:
        return False, "It can read none of the anchors." if question.anchors else "There is no anchor."
    others = [c for c in map(_load, question.others[: question.limits.others]) if c is not None]
    try:
        # It takes times without a zone as UTC.
        builder = PolicyBuilder().store(Store(anchors)).time(question.moment.replace(tzinfo=None))
        if question.purpose == "client":
            builder.build_client_verifier().verify(leaf, others)
        else:
            builder.build_server_verifier(_subject(question)).verify(leaf, others)
    except (VerificationError, ValueError, TypeError, OverflowError, *_UNREADABLE) as error:
        return False, _brief(str(error))
    return True, "Accepted."


def _subject(question: Question) -> x509.IPAddress | x509.DNSName:
    """The name asked for; without one, a name of the certificate itself, so that the rest is judged."""
    name = plain_name(question.name) or _own_name(Link(question.certificate))
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _own_name(link: Link) -> str:
    for name in link.names:
        if name.kind == strict.IP and len(name.body) in (4, 16):
            return str(ipaddress.ip_address(name.body))
        if name.kind == strict.DNS:
            return name.text.replace("*.", "any.", 1).lower()
    raise ValueError("the certificate has neither a host name nor an address to compare")


def _load(certificate: Certificate) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(certificate.der)
    except (ValueError, TypeError, *_UNREADABLE):
        return None


def _brief(words: str) -> str:
    """Its words without the dump of the certificate that it puts at the end."""
    return words.split(" (encountered processing", 1)[0].strip()[:500] or "Refused without a word."
