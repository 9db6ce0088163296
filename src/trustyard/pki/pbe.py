"""Password-based decryption as PKCS#12 and PKCS#8 name it (RFC 7292, appendix C; RFC 8018, section 6.2)."""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, Camellia, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from trustyard.pki import der, passwords, rc2
from trustyard.pki.passwords import MAX_ITERATIONS, Unsupported, Work

_PBES2 = "1.2.840.113549.1.5.13"
_OLD = "1.2.840.113549.1.12.1."
_RC2_CBC = "1.2.840.113549.3.2"

# RFC 8018, appendix B.2, and the registrations of NIST and NTT: the octets of the key
_BLOCK_CIPHERS: dict[str, tuple[int, type[AES | Camellia | TripleDES]]] = {
    "2.16.840.1.101.3.4.1.2": (16, AES),
    "2.16.840.1.101.3.4.1.22": (24, AES),
    "2.16.840.1.101.3.4.1.42": (32, AES),
    "1.2.840.113549.3.7": (24, TripleDES),
    "1.2.392.200011.61.1.1.1.2": (16, Camellia),
    "1.2.392.200011.61.1.1.1.3": (24, Camellia),
    "1.2.392.200011.61.1.1.1.4": (32, Camellia),
}


def decrypt(algorithm: der.Element, data: bytes, password: str | None, work: Work) -> bytes:
    """The plain text. ValueError where the password is wrong (or by luck nonsense).

    `Unsupported` for other ciphers, and for more than is left of `work`.
    """
    oid, parameters = algorithm.expect(der.SEQUENCE).children()[:2]
    kind = oid.oid()
    if kind == _PBES2:
        return _decrypt_pbes2(parameters, data, password, work)
    if kind.startswith(_OLD):
        return _decrypt_old(kind.removeprefix(_OLD), parameters, data, password, work)
    raise Unsupported


def _decrypt_old(number: str, parameters: der.Element, data: bytes, password: str | None, work: Work) -> bytes:
    salt, iterations = parameters.expect(der.SEQUENCE).children()

    def derived(purpose: int, size: int) -> bytes:
        return passwords.pkcs12_key(purpose, "sha1", password, salt.octets(), iterations.integer(), size, work)

    match number:
        case "1" | "2":  # RC4 with 128 and 40 bits
            stream = Cipher(ARC4(derived(passwords.KEY, 16 if number == "1" else 5)), None).decryptor()
            return stream.update(data) + stream.finalize()
        case "3" | "4":  # 3DES with three and two keys
            key = derived(passwords.KEY, 24 if number == "3" else 16)
            return _unpadded(_cbc(TripleDES, (key + key)[:24], derived(passwords.IV, 8), data))
        case "5" | "6":  # RC2 with 128 and 40 bits
            key = derived(passwords.KEY, 16 if number == "5" else 5)
            return _unpadded(_rc2(key, 8 * len(key), derived(passwords.IV, 8), data, work))
    raise Unsupported


def _decrypt_pbes2(parameters: der.Element, data: bytes, password: str | None, work: Work) -> bytes:
    function, scheme = parameters.expect(der.SEQUENCE).children()
    oid, details = scheme.expect(der.SEQUENCE).children()
    if oid.oid() == _RC2_CBC:
        version, iv = details.expect(der.SEQUENCE).children()
        bits = {160: 40, 120: 64, 58: 128}.get(version.integer(), version.integer())  # RFC 8018, appendix B.2.3
        key = passwords.derived(function, password, (bits + 7) // 8, work)
        return _unpadded(_rc2(key, bits, iv.octets(), data, work))
    size, cipher = _BLOCK_CIPHERS.get(oid.oid(), (0, None))
    if cipher is None:
        raise Unsupported
    return _unpadded(_cbc(cipher, passwords.derived(function, password, size, work), details.octets(), data))


def _cbc(cipher: type[AES | Camellia | TripleDES], key: bytes, iv: bytes, data: bytes) -> bytes:
    decryptor = Cipher(cipher(key), modes.CBC(iv)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _rc2(key: bytes, bits: int, iv: bytes, data: bytes, work: Work) -> bytes:
    work.take(len(data) * MAX_ITERATIONS // rc2.MAX_BYTES)  # decrypted in Python
    return rc2.decrypt(key, bits, iv, data)


def _unpadded(data: bytes) -> bytes:
    """Without the padding, each octet of which is its length (RFC 8018, section 6.1.1)."""
    count = data[-1] if data else 0
    if not 0 < count <= 16 or data[-count:] != bytes([count]) * count:
        raise ValueError("not the padding of a right password")
    return data[:-count]
