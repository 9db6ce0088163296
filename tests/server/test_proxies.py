"""Forwarding headers count only from proxies that the operator trusts."""

from __future__ import annotations

import ipaddress
from typing import Any

from trustyard.server.proxies import Proxies

PROXIES = Proxies((ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")))


def seen(peer: str, headers: dict[str, str]) -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return dict(PROXIES.seen_through({"client": (peer, 1), "scheme": "http", "headers": raw}))


FORWARDED = {
    "host": "internal",
    "x-forwarded-for": "6.6.6.6, 192.0.2.7, 10.0.0.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "trust.example.org",
    "x-real-ip": "6.6.6.6",
    "forwarded": "for=6.6.6.6",
}


def test_a_trusted_proxys_word_counts_from_the_right() -> None:
    scope = seen("10.0.0.1", FORWARDED)
    assert scope["client"][0] == "192.0.2.7"  # what stands before it, its client may have invented
    assert scope["scheme"] == "https"
    assert scope["headers"] == [(b"host", b"trust.example.org")]


def test_of_several_words_that_of_the_nearest_proxy_counts() -> None:
    words = {"host": "internal", "x-forwarded-proto": "http, https", "x-forwarded-host": "evil.test, trust.example.org"}
    scope = seen("10.0.0.1", words)
    assert (scope["scheme"], scope["headers"]) == ("https", [(b"host", b"trust.example.org")])
    lines = [(b"x-forwarded-for", address) for address in (b"6.6.6.6", b"192.0.2.7")]
    scope = dict(PROXIES.seen_through({"client": ("10.0.0.1", 1), "scheme": "http", "headers": lines}))
    assert scope["client"][0] == "192.0.2.7", "in a line of its own, too"


def test_of_proxies_alone_the_outermost_is_the_client() -> None:
    assert seen("10.0.0.1", {"x-forwarded-for": "10.0.0.2, 10.0.0.3"})["client"][0] == "10.0.0.2"


def test_a_peer_without_an_address_is_no_proxy() -> None:
    raw = [(name.encode(), value.encode()) for name, value in FORWARDED.items()]
    scope = dict(PROXIES.seen_through({"client": None, "scheme": "http", "headers": raw}))
    assert (scope["client"], scope["scheme"], scope["headers"]) == (None, "http", [(b"host", b"internal")])


def test_a_strangers_word_counts_for_nothing() -> None:
    scope = seen("192.0.2.1", FORWARDED)
    assert scope["client"][0] == "192.0.2.1"
    assert scope["scheme"] == "http"
    assert scope["headers"] == [(b"host", b"internal")]


def test_headers_with_underscores_do_not_pass_for_those_with_hyphens() -> None:
    assert seen("10.0.0.1", {"host": "a", "x_forwarded_for": "6.6.6.6", "x_trustyard": "1"})["headers"] == [
        (b"host", b"a")
    ]


def test_ports_brackets_and_mapped_addresses_are_understood() -> None:
    for word, client in (("192.0.2.7:4711", "192.0.2.7"), ("[2001:db8::1]:80", "2001:db8::1")):
        assert seen("::1", {"x-forwarded-for": word})["client"][0] == client
    assert seen("::1", {"x-forwarded-for": f"fe80::1%{'z' * 70}"})["client"][0] == "fe80::1"
    assert seen("::ffff:10.0.0.1", {"x-forwarded-for": "192.0.2.7"})["client"][0] == "192.0.2.7"


def test_nonsense_ends_the_walk() -> None:
    assert seen("10.0.0.1", {"x-forwarded-for": "unknown"})["client"][0] == "10.0.0.1"
    assert seen("10.0.0.1", {"x-forwarded-for": "192.0.2.7, nonsense, 10.0.0.2"})["client"][0] == "10.0.0.2"
    assert seen("10.0.0.1", {"x-forwarded-proto": "javascript"})["scheme"] == "http"
