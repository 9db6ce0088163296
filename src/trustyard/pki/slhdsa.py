"""SLH-DSA, verification alone (FIPS 205; in certificates: RFC 9909, the pure form without a context)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

_W = 16  # steps of a chain of the one-time signature
_WOTS_HASH, _WOTS_KEY, _TREE, _FORS_TREE, _FORS_ROOTS = range(5)


class Parameters(NamedTuple):
    """A parameter set (FIPS 205, table 2), by the standard's letters; `shake` or SHA-2."""

    n: int
    h: int
    d: int
    a: int
    k: int
    m: int
    shake: bool


_SIZES = {
    "128s": (16, 63, 7, 12, 14, 30),
    "128f": (16, 66, 22, 6, 33, 34),
    "192s": (24, 63, 7, 14, 17, 39),
    "192f": (24, 66, 22, 8, 33, 42),
    "256s": (32, 64, 8, 14, 22, 47),
    "256f": (32, 68, 17, 9, 35, 49),
}


def parameters(name: str) -> Parameters:
    """The set of a name such as `SLH-DSA-SHA2-128s`."""
    _slh, _dsa, family, size = name.split("-")
    return Parameters(*_SIZES[size], family == "SHAKE")


def verifies(name: str, key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature of a message verifies (section 9.3, algorithm 20): a few thousand hashes."""
    p = parameters(name)
    fors_size, layer_size = p.k * (1 + p.a) * p.n, (2 * p.n + 3 + p.h // p.d) * p.n
    if len(key) != 2 * p.n or len(signature) != p.n + fors_size + p.d * layer_size:
        return False
    return _Verifier(p, key[: p.n]).root(key, signature, b"\x00\x00" + message) == key[p.n :]


class _Verifier:
    """The hash functions of a set under one public seed (section 11), and what is built of them."""

    def __init__(self, p: Parameters, seed: bytes) -> None:
        self.p, self.seed = p, seed
        self.strong = hashlib.sha256 if p.n == 16 else hashlib.sha512

    def root(self, key: bytes, signature: bytes, message: bytes) -> bytes:
        """The root that the signature leads to."""
        p, height = self.p, self.p.h // self.p.d
        digest = self.digest(signature[: p.n], key, message)
        cut = (p.k * p.a + 7) // 8
        after = cut + (p.h - height + 7) // 8
        tree = int.from_bytes(digest[cut:after], "big") % (1 << p.h - height)
        leaf = int.from_bytes(digest[after:], "big") % (1 << height)
        at = p.n + p.k * (1 + p.a) * p.n
        node = self.fors(signature[p.n : at], digest[:cut], tree, leaf)
        for layer in range(p.d):
            chains = 2 * p.n + 3
            end = at + (chains + height) * p.n
            node = self.one_time(signature[at : at + chains * p.n], node, layer, tree, leaf)
            path = signature[at + chains * p.n : end]
            node = self.climb(node, path, leaf, leaf, _Place(layer, tree, _TREE, 0))
            at, leaf, tree = end, tree % (1 << height), tree >> height
        return node

    def fors(self, signature: bytes, digest: bytes, tree: int, leaf: int) -> bytes:
        """The public key of the few-time signature (section 8.4)."""
        p, place = self.p, _Place(0, tree, _FORS_TREE, leaf)
        roots = []
        step = (1 + p.a) * p.n
        for number, index in enumerate(_digits(digest, p.a, p.k)):
            part = signature[number * step : (number + 1) * step]
            node = self.short(place.address(0, (number << p.a) + index), part[: p.n])
            roots.append(self.climb(node, part[p.n :], index, (number << p.a) + index, place))
        return self.long(_Place(0, tree, _FORS_ROOTS, leaf).address(0, 0), b"".join(roots))

    def one_time(self, signature: bytes, message: bytes, layer: int, tree: int, leaf: int) -> bytes:
        """The public key of the one-time signature (section 5.3)."""
        n, place = self.p.n, _Place(layer, tree, _WOTS_HASH, leaf)
        digits = list(_digits(message, 4, 2 * n))
        check = sum(_W - 1 - digit for digit in digits) << 4
        digits += _digits(check.to_bytes(2, "big"), 4, 3)
        ends = []
        for chain, digit in enumerate(digits):
            value = signature[chain * n : (chain + 1) * n]
            for step in range(digit, _W - 1):
                value = self.short(place.address(chain, step), value)
            ends.append(value)
        return self.long(_Place(layer, tree, _WOTS_KEY, leaf).address(0, 0), b"".join(ends))

    def climb(self, node: bytes, path: bytes, turns: int, index: int, place: _Place) -> bytes:
        """From a leaf to the root of its tree by the neighbours on the way."""
        n = self.p.n
        for height in range(len(path) // n):
            neighbour = path[height * n : (height + 1) * n]
            pair = neighbour + node if turns >> height & 1 else node + neighbour
            index >>= 1
            node = self.long(place.address(height + 1, index), pair)
        return node

    def digest(self, randomizer: bytes, key: bytes, message: bytes) -> bytes:
        if self.p.shake:
            return hashlib.shake_256(randomizer + key + message).digest(self.p.m)
        seed = randomizer + self.seed + self.strong(randomizer + key + message).digest()
        return b"".join(self.strong(seed + bytes([0, 0, 0, i])).digest() for i in range(2))[: self.p.m]

    def short(self, address: bytes, value: bytes) -> bytes:
        """F: of one value."""
        if self.p.shake:
            return hashlib.shake_256(self.seed + address + value).digest(self.p.n)
        return hashlib.sha256(self.seed + bytes(64 - self.p.n) + _compressed(address) + value).digest()[: self.p.n]

    def long(self, address: bytes, value: bytes) -> bytes:
        """H and T: of two values and more."""
        if self.p.shake:
            return hashlib.shake_256(self.seed + address + value).digest(self.p.n)
        fill = bytes(self.strong().block_size - self.p.n)
        return self.strong(self.seed + fill + _compressed(address) + value).digest()[: self.p.n]


class _Place(NamedTuple):
    """Where a hash is made: layer, tree, kind, key pair (section 4.2)."""

    layer: int
    tree: int
    kind: int
    pair: int

    def address(self, third: int, last: int) -> bytes:
        """The 32 octets: `third` is the chain or the height, `last` the step or the index."""
        words = (self.kind, self.pair, third, last)
        return b"".join(
            [self.layer.to_bytes(4, "big"), self.tree.to_bytes(12, "big"), *[w.to_bytes(4, "big") for w in words]]
        )


def _compressed(address: bytes) -> bytes:
    """As SHA-2 takes it (section 11.2)."""
    return address[3:4] + address[8:16] + address[19:20] + address[20:]


def _digits(data: bytes, bits: int, count: int) -> Iterator[int]:
    """The first `count` digits of so many bits each (algorithm 4)."""
    number, size = int.from_bytes(data, "big"), 8 * len(data)
    return (number >> size - bits * (at + 1) & (1 << bits) - 1 for at in range(count))
