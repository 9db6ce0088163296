"""ECDSA on curves whose parameters are written out (X9.62), as passports' authorities do: `cryptography` takes three.

For verification alone, of public values: nothing here is secret, so nothing here needs constant time.
"""

from __future__ import annotations

from dataclasses import dataclass

from trustyard.pki import der

_PRIME_FIELD = "1.2.840.10045.1.1"
MAX_BITS = 521  # larger ones would cost time and are used by nobody

Point = tuple[int, int, int]  # Jacobian coordinates: x / z^2, y / z^3; no division on the way
_INFINITY: Point = (1, 1, 0)


@dataclass(frozen=True)
class Curve:
    """y² = x³ + ax + b over the integers modulo p, with the order of its base point."""

    p: int
    a: int
    b: int
    order: int

    def holds(self, point: tuple[int, int]) -> bool:
        """Whether the point lies on the curve."""
        x, y = point
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - (x * x * x + self.a * x + self.b)) % self.p == 0

    def double(self, point: Point) -> Point:
        """The point added to itself."""
        x, y, z = point
        yy = y * y % self.p
        s = 4 * x * yy % self.p
        m = (3 * x * x + self.a * pow(z, 4, self.p)) % self.p
        x3 = (m * m - 2 * s) % self.p
        return x3, (m * (s - x3) - 8 * yy * yy) % self.p, 2 * y * z % self.p

    def add(self, one: Point, other: Point) -> Point:
        """The sum of two points."""
        (x1, y1, z1), (x2, y2, z2) = one, other
        if not z1 or not z2:
            return other if not z1 else one
        z1z1, z2z2 = z1 * z1 % self.p, z2 * z2 % self.p
        u1, s1 = x1 * z2z2 % self.p, y1 * z2 * z2z2 % self.p
        h, r = (x2 * z1z1 - u1) % self.p, (y2 * z1 * z1z1 - s1) % self.p
        if not h:
            return _INFINITY if r else self.double(one)
        hh = h * h % self.p
        hhh, v = h * hh % self.p, u1 * hh % self.p
        x3 = (r * r - hhh - 2 * v) % self.p
        return x3, (r * (v - x3) - s1 * hhh) % self.p, h * z1 * z2 % self.p

    def combined(self, one: tuple[int, tuple[int, int]], other: tuple[int, tuple[int, int]]) -> Point:
        """The sum of two multiples, factor and point each, worked out together bit by bit."""
        (k, p), (m, q) = (one[0], (*one[1], 1)), (other[0], (*other[1], 1))
        table = (_INFINITY, p, q, self.add(p, q))
        total = _INFINITY
        for bit in range(max(k.bit_length(), m.bit_length()) - 1, -1, -1):
            total = self.double(total)
            if which := (k >> bit & 1) + 2 * (m >> bit & 1):
                total = self.add(total, table[which])
        return total


@dataclass(frozen=True)
class Key:
    """A curve, its base point, and the public point."""

    curve: Curve
    base: tuple[int, int]
    point: tuple[int, int]


def read(spki: der.Element) -> Key | None:
    """A key with explicit parameters over a prime field; None for any other key."""
    algorithm, bits = spki.children()[:2]
    parameters = algorithm.children()[1]
    if parameters.tag != der.SEQUENCE:
        return None
    _version, field, coefficients, base, order, *_ = parameters.children()
    kind, prime = field.children()
    if kind.oid() != _PRIME_FIELD or not 0 < prime.integer().bit_length() <= MAX_BITS:
        return None
    a, b = (int.from_bytes(part.octets(), "big") for part in coefficients.children()[:2])
    p = prime.integer()
    curve = Curve(p, a % p, b % p, order.integer())
    key = Key(curve, _point(base.octets(), curve), _point(bits.bits(), curve))
    usable = curve.holds(key.base) and curve.holds(key.point) and 0 < curve.order.bit_length() <= MAX_BITS
    return key if usable else None


def verifies(key: Key, signature: bytes, digest: bytes) -> bool:
    """Whether an ECDSA signature (DER) of a digest verifies (SEC 1, section 4.1.4)."""
    curve = key.curve
    r, s = (part.integer() for part in der.read_all(signature).expect(der.SEQUENCE).children())
    if not (0 < r < curve.order and 0 < s < curve.order):
        return False
    number = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.order.bit_length())
    inverse = pow(s, -1, curve.order)
    x, _y, z = curve.combined((number * inverse % curve.order, key.base), (r * inverse % curve.order, key.point))
    return z != 0 and x * pow(z, -2, curve.p) % curve.p % curve.order == r


def _point(octets: bytes, curve: Curve) -> tuple[int, int]:
    """A point (SEC 1, section 2.3.4); ValueError for what is none, and for a compressed one that cannot be opened."""
    kind, width = octets[0], (curve.p.bit_length() + 7) // 8
    x = int.from_bytes(octets[1 : 1 + width], "big")
    if kind in (4, 6, 7) and len(octets) == 1 + 2 * width:
        return x, int.from_bytes(octets[1 + width :], "big")
    if kind not in (2, 3) or len(octets) != 1 + width or curve.p % 4 != 3:
        raise ValueError("not a point")
    y = pow(x * x * x + curve.a * x + curve.b, (curve.p + 1) // 4, curve.p)  # whether it is a root, `holds` tells
    return x, (y if y & 1 == kind & 1 else curve.p - y)
