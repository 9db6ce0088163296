"""ECDSA on curves whose parameters are written out (X9.62), which `cryptography` does not know: passports' authorities.

For verification alone, of public values: nothing here is secret, so nothing here needs constant time.
"""

from __future__ import annotations

from dataclasses import dataclass

from trustyard.pki import der

_PRIME_FIELD = "1.2.840.10045.1.1"
_MAX_BITS = 521  # larger ones would cost time and are used by nobody

Point = tuple[int, int] | None  # None is the point at infinity


@dataclass(frozen=True)
class Curve:
    """y² = x³ + ax + b over the integers modulo p, with a base point and its order."""

    p: int
    a: int
    b: int
    base: tuple[int, int]
    order: int

    def holds(self, point: tuple[int, int]) -> bool:
        """Whether the point lies on the curve."""
        x, y = point
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - (x * x * x + self.a * x + self.b)) % self.p == 0

    def add(self, one: Point, other: Point) -> Point:
        """The sum of two points (SEC 1, section 2.2.1)."""
        if one is None or other is None:
            return one or other
        (x1, y1), (x2, y2) = one, other
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        if one == other:
            slope = (3 * x1 * x1 + self.a) * pow(2 * y1, -1, self.p)
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, self.p)
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def multiply(self, factor: int, point: Point) -> Point:
        """The point added to itself `factor` times."""
        total: Point = None
        while factor:
            if factor & 1:
                total = self.add(total, point)
            point = self.add(point, point)
            factor >>= 1
        return total


def read(spki: der.Element) -> tuple[Curve, tuple[int, int]] | None:
    """Curve and public point of a key with explicit parameters over a prime field; None for any other key."""
    algorithm, bits = spki.children()[:2]
    parameters = algorithm.children()[1]
    if parameters.tag != der.SEQUENCE:
        return None
    _version, field, coefficients, base, order, *_ = parameters.children()
    kind, prime = field.children()
    if kind.oid() != _PRIME_FIELD or not 0 < prime.integer().bit_length() <= _MAX_BITS:
        return None
    a, b = (int.from_bytes(part.octets(), "big") for part in coefficients.children()[:2])
    p = prime.integer()
    curve = Curve(p, a % p, b % p, _point(base.octets()), order.integer())
    point = _point(bits.bits())
    usable = curve.holds(curve.base) and curve.holds(point) and 0 < curve.order.bit_length() <= _MAX_BITS
    return (curve, point) if usable else None


def verifies(curve: Curve, point: tuple[int, int], signature: bytes, digest: bytes) -> bool:
    """Whether an ECDSA signature (DER) of a digest verifies (SEC 1, section 4.1.4)."""
    r, s = (part.integer() for part in der.read_all(signature).expect(der.SEQUENCE).children())
    if not (0 < r < curve.order and 0 < s < curve.order):
        return False
    number = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.order.bit_length())
    inverse = pow(s, -1, curve.order)
    found = curve.add(
        curve.multiply(number * inverse % curve.order, curve.base), curve.multiply(r * inverse % curve.order, point)
    )
    return found is not None and found[0] % curve.order == r


def _point(octets: bytes) -> tuple[int, int]:
    """An uncompressed point (SEC 1, section 2.3.4); ValueError for other forms."""
    half, odd = divmod(len(octets) - 1, 2)
    if octets[:1] != b"\x04" or odd:
        raise ValueError("not an uncompressed point")
    return int.from_bytes(octets[1 : 1 + half], "big"), int.from_bytes(octets[1 + half :], "big")
