"""Chains and comparisons over the shared corpus: every shape is told, and every true chain has its anchor."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest

from tests import corpus
from trustyard.errors import InputRefused
from trustyard.pki.certificates import Certificate
from trustyard.pki.chains import Anchor, anchored, chain_of, words
from trustyard.pki.comparing import compare
from trustyard.pki.containers import read_file
from trustyard.web.chain_picture import draw

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def certificates() -> list[Certificate]:
    """Every certificate of the corpus once."""
    found: dict[str, Certificate] = {}
    for name, file in corpus.document("expected.json")["files"].items():
        try:
            reading = read_file(corpus.data(name), file.get("password"))
        except InputRefused:
            continue
        found |= {one.sha256: one for one in reading.certificates}
    return list(found.values())


def one(pem: str) -> Certificate:
    return read_file(pem.encode()).certificates[0]


def test_each_certificate_has_its_chain_and_picture_among_all_others() -> None:
    anchors = [Anchor("test", c.sha256[:8], "root", c) for c in certificates()[::2]]
    states = {}
    for chosen in certificates():
        chain = anchored(chain_of(chosen, certificates()), anchors)
        assert words.sentence(chain)
        picture = draw(chain, MOMENT, lambda key: key, lambda anchor: anchor.alias)
        assert len(picture.nodes) >= len(chain.links)
        states[chosen.facts.certificate_name] = chain.state
    assert states["int.lev3.ca.authority"] == "circle"
    assert states["NSS Test CA (RSA-PSS invalid trailerField)"] == "broken"


def test_each_certificate_is_the_same_as_itself_and_another_than_its_neighbour() -> None:
    every = certificates()
    for left, right in zip(every, [*every[1:], every[0]], strict=True):
        assert compare(left, left).same
        assert compare(left, right).differences


@pytest.mark.parametrize("index", range(11))
def test_a_chain_that_validators_know_ends_at_its_anchor(index: int) -> None:
    """Whether it is accepted is another question: names, dates and purposes are not judged here."""
    case = corpus.document("chains.json")["cases"][index]
    presented = [one(case["leaf"]), *map(one, case["intermediates"])]
    anchors = [Anchor("test", str(n), "root", one(pem)) for n, pem in enumerate(case["trust_anchors"])]
    chain = anchored(chain_of(presented[0], presented), anchors)
    assert chain.state != "broken"
    assert bool(chain.endings) == (case["id"] != "rfc5280::chain-untrusted-root")
