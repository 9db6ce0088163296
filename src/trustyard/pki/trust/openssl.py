"""The second validator: OpenSSL through pyOpenSSL's X509Store, with plain flags. It opens no socket."""

from __future__ import annotations

import ipaddress
from typing import Any

import OpenSSL
from OpenSSL import SSL, crypto

# pyOpenSSL has no public call for purpose and name; these are the bindings that its X509Store itself stands on.
from OpenSSL._util import ffi, lib

from trustyard.pki.certificates import Certificate

from .hosts import plain_name
from .question import Question
from .validators import Opinion

NAME = "OpenSSL X509Store"


def ask(question: Question) -> Opinion:
    """What it says; names are compared where they are hosts or addresses."""
    accepted, words = _ask(question)
    return Opinion(NAME, f"{_version()} (pyOpenSSL {OpenSSL.__version__})", accepted, words)


def _ask(question: Question) -> tuple[bool, str]:
    leaf = _load(question.certificate)
    if leaf is None:
        return False, "It cannot read this certificate."
    store = crypto.X509Store()
    others = [c for c in map(_load, question.others[: question.limits.others]) if c is not None]
    try:
        for anchor in filter(None, map(_load, question.anchors)):
            store.add_cert(anchor)
        _ask_for(store, question)
        crypto.X509StoreContext(store, leaf, others).verify_certificate()
    except crypto.X509StoreContextError as error:
        return False, f"{error} (error {error.errors[0]} at depth {error.errors[1]})"
    except crypto.Error:
        return False, "It could not take the certificates or the name."
    return True, "Accepted."


def _ask_for(store: crypto.X509Store, question: Question) -> None:
    parameters = ffi.gc(lib.X509_VERIFY_PARAM_new(), lib.X509_VERIFY_PARAM_free)
    lib.X509_VERIFY_PARAM_set_time(parameters, int(question.moment.timestamp() // 1))
    _compare(parameters, plain_name(question.name))
    purpose = lib.X509_PURPOSE_SSL_SERVER if question.purpose == "server" else lib.X509_PURPOSE_SSL_CLIENT
    if (
        lib.X509_STORE_set1_param(store._store, parameters) != 1
        or lib.X509_STORE_set_purpose(store._store, purpose) != 1
    ):
        raise crypto.Error


def _compare(parameters: Any, name: str) -> None:
    if not name or "@" in name or "://" in name:
        return
    try:
        packed = ipaddress.ip_address(name).packed
        done = lib.X509_VERIFY_PARAM_set1_ip(parameters, packed, len(packed))
    except ValueError:
        done = lib.X509_VERIFY_PARAM_set1_host(parameters, name.encode(), len(name.encode()))
    if done != 1:
        raise crypto.Error


def _load(certificate: Certificate) -> crypto.X509 | None:
    try:
        return crypto.load_certificate(crypto.FILETYPE_ASN1, certificate.der)
    except (crypto.Error, ValueError):
        return None


def _version() -> str:
    return " ".join(SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode().split()[:2])
