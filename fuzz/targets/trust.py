"""The trust check: any web of certificates, anchors and names has a verdict, within the check's own limits."""

from __future__ import annotations

from contextlib import suppress

from fuzz.counting import budget
from fuzz.targets.certificates import MOMENT
from fuzz.webs import web
from trustyard.errors import TrustyardError
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.trust import PURPOSES, Question, judge, opinions

_HOSTS = ("", "a.test", "b.a.test", "127.0.0.1", "::1", "*.test", "ü.test", "a@a.test", "https://a.test/")


def trust_check(data: bytes) -> None:
    """`judge` and both validators; the first two octets choose name, purpose and anchors."""
    head, certificates = data[:2].ljust(2, b"\0"), [read_certificate(der) for der in web(data[2:])]
    if certificates:
        question = _question(head, certificates)
        with suppress(TrustyardError), budget(0, a_call=3_000_000):
            verdict = judge(question)
            assert verdict == judge(question)
            for one in opinions(question):
                assert one.words
            if verdict.accepted:
                assert verdict.path[-1] in question.anchors


def _question(head: bytes, certificates: list[Certificate]) -> Question:
    leaf, *others = certificates
    cut = head[1] % (len(others) + 1)
    name, purpose = _HOSTS[head[0] % len(_HOSTS)], PURPOSES[head[0] // 16 % 2]
    return Question(leaf, tuple(others[cut:]), tuple(others[:cut]), purpose, name, MOMENT)
