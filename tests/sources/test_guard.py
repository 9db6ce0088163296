"""Which addresses may be reached (I-14)."""

from __future__ import annotations

import re
from ipaddress import ip_network

import pytest

from trustyard.errors import SourceDenied
from trustyard.sources.guard import Guard, Network

OPEN = Guard()


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1", "8.8.8.8", "fd00::1", "2606:4700::1"]
)
def test_public_and_private_addresses_are_allowed(address: str) -> None:
    """Private networks are where gateways and partners are."""
    OPEN.check(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.1.1", "100.100.100.200",
        "224.0.0.1", "239.1.1.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "ff02::1", "fd00:ec2::254",
        "168.63.129.16", "192.0.0.192", "fd20:ce::254", "febf::1", "ff05::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::169.254.169.254",
        "64:ff9b:1::127.0.0.1", "64:ff9b:1:ffff::127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "::ffff:0:127.0.0.1",
        "2001:0:7f00:1::1", "2001:0:808:808::80ff:fffe", "fd00::5efe:7f00:1", "fd00::200:5efe:7f00:1",
        "64:ff9b:1:0:7f:0:100:0", "64:ff9b:1:abcd:a9:fea9:fe00:0",
    ],
)  # fmt: skip
def test_addresses_that_lead_inside_are_denied_and_the_setting_is_named(address: str) -> None:
    with pytest.raises(SourceDenied, match="TRUSTYARD_FETCH_ALLOW") as denial:
        OPEN.check(address)
    assert denial.value.code == "source-denied"


@pytest.mark.parametrize(
    "address", ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:808:808::1"]
)
def test_an_ipv6_form_of_an_allowed_address_is_allowed(address: str) -> None:
    OPEN.check(address)


def test_what_is_allowed_by_the_setting_is_reached() -> None:
    guard = Guard(allow=networks("127.0.0.0/8", "::1/128"))
    for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        guard.check(address)
    with pytest.raises(SourceDenied):
        guard.check("169.254.169.254")
    Guard(allow=networks("64:ff9b::/96")).check("64:ff9b::7f00:1")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1", "The address 127.0.0.1 is a loopback address, "),
        ("169.254.169.254", "The address 169.254.169.254 is a cloud metadata address, "),
        ("64:ff9b::7f00:1", "The address 64:ff9b::7f00:1 (which leads to 127.0.0.1) is a loopback address, "),
    ],
)
def test_a_denial_says_where_the_address_leads(address: str, said: str) -> None:
    with pytest.raises(SourceDenied, match=re.escape(said)):
        OPEN.check(address)


def test_denial_comes_before_allowance_and_names_its_setting() -> None:
    guard = Guard(allow=networks("10.0.0.0/8"), deny=networks("10.1.0.0/16"))
    guard.check("10.2.0.1")
    for address in ("10.1.0.1", "::ffff:10.1.0.1", "64:ff9b::10.1.0.1"):
        with pytest.raises(SourceDenied, match="TRUSTYARD_FETCH_DENY"):
            guard.check(address)
    Guard(allow=networks("::1/128"), deny=networks("0.0.0.0/0")).check("::1")


def test_everything_can_be_denied() -> None:
    guard = Guard(deny=networks("0.0.0.0/0", "::/0"))
    for address in ("8.8.8.8", "2606:4700::1", "127.0.0.1"):
        with pytest.raises(SourceDenied):
            guard.check(address)
