"""The guard of outgoing connections: which addresses may be reached (I-14, `TRUSTYARD_FETCH_ALLOW`, `_DENY`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from trustyard.errors import SourceDenied

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What is refused unless allowed, and what it is called. Private networks are allowed: that is the job.
_DEFAULT: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), kind)
    for text, kind in (
        # The metadata services of clouds hand out credentials. Some have addresses outside the link-local network.
        ("169.254.169.254/32", "a cloud metadata address"),
        ("100.100.100.200/32", "a cloud metadata address"),
        ("168.63.129.16/32", "a cloud metadata address"),
        ("192.0.0.192/32", "a cloud metadata address"),
        ("fd00:ec2::/32", "a cloud metadata address"),
        ("fd20:ce::254/128", "a cloud metadata address"),
        ("0.0.0.0/8", "an unspecified address"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "a broadcast address"),
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("fe80::/10", "a link-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
# IPv6 addresses that carry an IPv4 address in their last 32 bits: compatible and mapped (RFC 4291), translated
# (RFC 2765), NAT64 (RFC 6052, RFC 8215), ISATAP is told by its interface identifier.
_CARRIERS = tuple(map(IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")))
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # RFC 8215; a prefix of 64 bits has them before the last (RFC 6052, 2.2)
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056: the 32 bits behind the prefix
_TEREDO = IPv6Network("2001::/32")  # RFC 4380: the server in the open, the client inverted


@dataclass(frozen=True)
class Guard:
    """Networks allowed although refused by default, and networks denied although allowed. Denial comes first."""

    allow: Sequence[Network] = ()
    deny: Sequence[Network] = ()

    def check(self, address: str) -> None:
        """Nothing when the address may be reached, else `SourceDenied` with the name of the setting.

        An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4, Teredo) is judged by both.
        """
        given = ip_address(address)
        for judged in (given, *_carried(given)):
            self._judge(given, judged)

    def _judge(self, given: Address, judged: Address) -> None:
        shown = str(given) if given == judged else f"{given} (which leads to {judged})"
        if _within(judged, self.deny):
            raise SourceDenied(f"The address {shown} is denied by TRUSTYARD_FETCH_DENY.")
        if _within(judged, self.allow) or _within(given, self.allow):
            return
        for network, kind in _DEFAULT:
            if judged in network:
                raise SourceDenied(
                    f"The address {shown} is {kind}, which is not reached unless TRUSTYARD_FETCH_ALLOW names it.",
                    advice="Whoever runs Trustyard can add its network to that setting.",
                )


def _within(address: Address, found: Iterable[Network]) -> bool:
    return any(address in network for network in found)


def _carried(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses inside an IPv6 address."""
    if isinstance(address, IPv4Address):
        return
    octets = address.packed
    isatap = octets[8:12] in (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")  # RFC 5214
    carrier = isatap or any(address in network for network in _CARRIERS)
    if carrier and int(address) > 1:  # :: and ::1 carry nothing, they are themselves
        yield IPv4Address(octets[12:])
    if address in _LOCAL_NAT64 and not any(octets[13:]):
        yield IPv4Address(octets[9:13])
    if address in _SIX_TO_FOUR:
        yield IPv4Address(octets[2:6])
    if address in _TEREDO:
        yield IPv4Address(octets[4:8])
        yield IPv4Address(bytes(octet ^ 0xFF for octet in octets[12:]))
