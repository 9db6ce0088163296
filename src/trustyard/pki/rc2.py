"""RC2 in CBC mode with any effective key length (RFC 2268): decryption alone, for PKCS#12 files of old programs."""

from __future__ import annotations

import struct

MAX_BYTES = 200_000  # of a file that uses it, about a second; old programs put a few certificates into a file

# RFC 2268, section 2: a permutation of the octets made of digits of pi
_PI = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)


def decrypt(key: bytes, effective_bits: int, iv: bytes, data: bytes) -> bytes:
    """The plain text with its padding. ValueError for no whole blocks, an impossible key, or more than `MAX_BYTES`."""
    if not key or len(key) > 128 or not 0 < effective_bits <= 1024:
        raise ValueError("not an RC2 key")
    if len(data) % 8 or len(iv) != 8 or len(data) > MAX_BYTES:
        raise ValueError("not whole blocks, or too many")
    words = _expanded(key, effective_bits)
    blocks = []
    before = int.from_bytes(iv, "big")
    for at in range(0, len(data), 8):
        block = data[at : at + 8]
        blocks.append((int.from_bytes(_block(words, block), "big") ^ before).to_bytes(8, "big"))
        before = int.from_bytes(block, "big")
    return b"".join(blocks)


def _expanded(key: bytes, effective_bits: int) -> tuple[int, ...]:
    """The 64 words of the key (section 2)."""
    octets = bytearray(key)
    while len(octets) < 128:
        octets.append(_PI[(octets[-1] + octets[-len(key)]) & 0xFF])
    count = (effective_bits + 7) // 8
    octets[128 - count] = _PI[octets[128 - count] & 0xFF >> (8 * count - effective_bits)]
    for at in range(127 - count, -1, -1):
        octets[at] = _PI[octets[at + 1] ^ octets[at + count]]
    return struct.unpack("<64H", octets)


def _block(k: tuple[int, ...], block: bytes) -> bytes:
    """One block, decrypted: rounds of mixing, and two of mashing between them (section 4)."""
    a, b, c, d = struct.unpack("<4H", block)
    for at in range(60, -1, -4):
        d = ((d >> 5 | d << 11) - k[at + 3] - (c & b) - (~c & a)) & 0xFFFF
        c = ((c >> 3 | c << 13) - k[at + 2] - (b & a) - (~b & d)) & 0xFFFF
        b = ((b >> 2 | b << 14) - k[at + 1] - (a & d) - (~a & c)) & 0xFFFF
        a = ((a >> 1 | a << 15) - k[at] - (d & c) - (~d & b)) & 0xFFFF
        if at in (44, 20):
            d = (d - k[c & 63]) & 0xFFFF
            c = (c - k[b & 63]) & 0xFFFF
            b = (b - k[a & 63]) & 0xFFFF
            a = (a - k[d & 63]) & 0xFFFF
    return struct.pack("<4H", a, b, c, d)
