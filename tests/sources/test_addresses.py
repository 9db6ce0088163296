"""Addresses that people type (S-10)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustyard.errors import Refused
from trustyard.sources.addresses import Target, parse_url


@pytest.mark.parametrize(
    ("url", "host", "port", "sni"),
    [
        ("https://example.org", "example.org", 443, "example.org"),
        ("ldaps://example.org", "example.org", 636, "example.org"),
        ("https://Example.ORG:8443/path?query#part", "example.org", 8443, "example.org"),
        ("HTTPS://example.org", "example.org", 443, "example.org"),
        (" https://example.org. ", "example.org", 443, "example.org"),
        ("https://127.0.0.1:9443", "127.0.0.1", 9443, None),
        ("https://[2001:DB8::1]:8443/", "2001:db8::1", 8443, None),
        ("https://[::1]", "::1", 443, None),
        ("https://ığdır.example", "xn--dr-nja5ic.example", 443, "xn--dr-nja5ic.example"),
        ("https://bücher.example", "xn--bcher-kva.example", 443, "xn--bcher-kva.example"),
        ("https://BÜCHER.example", "xn--bcher-kva.example", 443, "xn--bcher-kva.example"),
        ("https://my_host", "my_host", 443, "my_host"),
        ("https://0xcafe.example/!", "0xcafe.example", 443, "0xcafe.example"),
        ("https://ｅｘａｍｐｌｅ。org", "example.org", 443, "example.org"),
        ("https://EXA%4DPLE.org", "example.org", 443, "example.org"),
        ("https://" + 126 * "a." + "a", 126 * "a." + "a", 443, 126 * "a." + "a"),
        ("https://a.test/" + 1985 * "a", "a.test", 443, "a.test"),
    ],
)
def test_an_address_gives_host_port_and_server_name(url: str, host: str, port: int, sni: str | None) -> None:
    """S-10: default ports 443 and 636; no server name for IP addresses."""
    target = parse_url(url)
    if "xn--dr" in host:  # the exact letters of IDNA are idna's affair; that they are ASCII is ours
        assert target.host.isascii()
        assert target.host == target.sni
        return
    assert (target.host, target.port, target.sni) == (host, port, sni)


def test_a_target_is_written_as_host_and_port() -> None:
    assert str(Target("https", "a.test", 443, "a.test")) == "a.test:443"
    assert str(Target("https", "::1", 443, None)) == "[::1]:443"


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "http://example.org", "ldap://example.org", "ftp://example.org", "file:///etc/passwd",
        "https://", "https:///path", "https://:443", "https://user@example.org", "https://user:pw@example.org",
        "https://example.org:0", "https://example.org:70000", "https://example.org:x", "https://[::1", "https://a b",
        "https://exa\nmple.org", "https://example.org\\@evil.test", "https://-a.test", "https://" + "a" * 64 + ".test",
        "https://a-.test", "https://@example.org", "https://example.org..", "https://a.test/" + 1986 * "a",
        "https://127.1", "https://2130706433", "https://0x7f000001", "https://0177.0.0.1", "https://127.0.0.0x1", "https://0%587f000001",
        "https://a..b",
        "https://" + "a." * 200, "javascript:alert(1)", "https://[fe80::1%25eth0]@x",
    ],
)  # fmt: skip
def test_what_is_no_such_address_is_refused_at_its_field(url: str) -> None:
    """S-10, I-14."""
    with pytest.raises(Refused) as refusal:
        parse_url(url)
    assert refusal.value.fields[0].field == "url"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://:443", "The address names no host."),
        ("https://example.org:0", "Port 0 is none to connect to."),
        ("https://example.org/a b", "The address holds a space, a control character or a backslash."),
        ("https://example.org/\x7f", "The address holds a space, a control character or a backslash."),
        ("https://example.org\\a", "The address holds a space, a control character or a backslash."),
        ("https://example.org/" + "a" * 2000, "The address is too long."),
        ("https://127.1", "An IPv4 address is written as four numbers with dots."),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_address(url: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_url(url)
    assert refusal.value.detail == sentence


@given(st.one_of(st.text(max_size=60), st.text(max_size=60).map("https://".__add__)))
def test_any_text_gives_a_target_or_a_refusal(text: str) -> None:
    with contextlib.suppress(Refused):
        target = parse_url(text)
        assert target.host.isascii()
        assert 0 < target.port < 65536
