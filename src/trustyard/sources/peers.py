"""What kind of peer answers a TLS ClientHello with something else, by its first bytes."""

from __future__ import annotations

_TLS_RECORDS = (b"\x14", b"\x15", b"\x16", b"\x17")

_GREETINGS = (
    (b"HTTP/", "like a plain web server"),
    (b"<", "like a plain web server"),
    (b"SSH-", "like an SSH server"),
    (b"220", "like a mail or FTP server in clear text"),
    (b"421", "like a mail or FTP server in clear text"),
    (b"500", "like a mail or FTP server in clear text"),
    (b"* ", "like an IMAP server in clear text"),
    (b"+OK", "like a POP3 server in clear text"),
    (b"-ERR", "like a POP3 or Redis server in clear text"),
    (b"RFB ", "like a VNC server"),
    (b"AMQP", "like an AMQP server in clear text"),
    (b"E\x00", "like a PostgreSQL server in clear text"),
    (b"\x30", "like an LDAP server in clear text"),
)


def speaks_tls(first: bytes) -> bool:
    """Whether the first byte is that of a TLS record (RFC 8446, section 5.1)."""
    return first.startswith(_TLS_RECORDS)


def description(first: bytes) -> str:
    """How the peer answered, to follow *it answered*; the bytes themselves are not shown."""
    for beginning, words in _GREETINGS:
        if first.startswith(beginning):
            return words
    if b"mysql" in first.lower() or b"mariadb" in first.lower():
        return "like a MySQL server in clear text"
    return "with something else"
