"""Addresses of the API: names with any character in one segment, and numbers that a database can hold."""

from __future__ import annotations

from urllib.parse import quote, unquote

from django.urls import register_converter

ROOT = "/api/v1/"


class Segment:
    """One percent-encoded segment, `%2F` included: the router hands the path over as it was sent."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """The name behind the segment. A ValueError means that nothing is there (404)."""
        name = unquote(value, errors="strict")
        if "\x00" in name:
            raise ValueError("no name holds NUL, and PostgreSQL takes none")
        return name

    def to_url(self, value: str) -> str:
        """The segment that names it."""
        return quote(value, safe="")


class Number:
    """A positive number below a thousand million: larger ones would overflow a column instead of finding nothing."""

    regex = "[1-9][0-9]{0,8}"

    def to_python(self, value: str) -> int:
        """The number."""
        return int(value)

    def to_url(self, value: int) -> str:
        """Its digits."""
        return str(value)


register_converter(Segment, "segment")
register_converter(Number, "number")


def address(*segments: str | int) -> str:
    """The path of an object, each name percent-encoded whole: the `Location` of what was made."""
    return ROOT + "/".join(quote(str(segment), safe="") for segment in segments)
