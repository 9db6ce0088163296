"""Chain order: any web of issuers, with circles, doubles and many of one name."""

from __future__ import annotations

from fuzz.counting import budget
from fuzz.webs import web
from trustyard.pki.certificates import Certificate, read_certificate
from trustyard.pki.chains import in_chain_order, preselected
from trustyard.pki.reading import Reading


def chain_order(data: bytes) -> None:
    """`in_chain_order` and `preselected` of certificates that really sign each other."""
    certificates = [read_certificate(der) for der in web(data)]
    if certificates:
        with budget(sum(len(one.der) for one in certificates)):
            judge(certificates)


def judge(certificates: list[Certificate]) -> None:
    """What is promised of every order."""
    offered = in_chain_order(certificates)
    assert {one.certificate.sha256 for one in offered} == {one.sha256 for one in certificates}
    assert len(offered) == len({one.sha256 for one in certificates})
    assert all(one.verdict.endswith(".") for one in offered)
    meant = preselected(Reading("pem-bundle", tuple(certificates)))
    assert meant is None or meant in certificates
