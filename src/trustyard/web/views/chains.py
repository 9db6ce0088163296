"""The chain of an entry on the certificate's page: the picture, and the same in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from trustyard import models
from trustyard.actions import chains
from trustyard.actions.actors import Actor
from trustyard.pki.certificates import Certificate
from trustyard.pki.chains import Anchor, Chain, Ending, words
from trustyard.pki.names import fold
from trustyard.web.chain_picture import draw
from trustyard.web.chain_shapes import Picture

_SPELLED_OUT = 50  # other certificates of the source in words; a bundle may hold a thousand


@dataclass(frozen=True)
class Trusted:
    """An anchor in a sentence, and the page where it is kept."""

    sentence: str
    href: str


@dataclass(frozen=True)
class Item:
    """A certificate in words: its place on the page, what it is, and the anchors that meet the chain there."""

    id: str
    certificate: Certificate | None
    name: str
    position: int | None
    sentences: tuple[str, ...]
    anchors: tuple[Trusted, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A chain as the page shows it."""

    sentence: str
    notes: list[str]
    tone: str  # `good`, `warn`, `bad`, or empty: neither
    picture: Picture
    links: list[Item]
    beside: list[Item]
    more: int  # that many others are only counted


def shown(actor: Actor, entries: Sequence[models.Entry], now: datetime) -> list[Shown]:
    """What the page shows of the chains of these entries, in their order."""
    found = chains.of_entries(actor, entries)
    pages = _pages({e.anchor.definition for chain in found for e in chain.endings})
    return [_Page(entry.pk, chain, pages).shown(now) for entry, chain in zip(entries, found, strict=True)]


_Pages = dict[tuple[str, str], str]  # by certificate and environment, the address of an entry on its page


def _pages(certificates: Collection[str]) -> _Pages:
    rows = models.Entry.objects.order_by().filter(certificate__name_key__in=set(map(fold, certificates)))
    columns = rows.values_list("certificate__name", "environment__name", "certificate", "pk")
    return {
        (name, place): f"{reverse('certificate', args=[certificate])}?entry={pk}#entry-{pk}"
        for name, place, certificate, pk in columns
    }


class _Page:
    """One chain on the page of its certificate."""

    def __init__(self, entry: int, chain: Chain, pages: _Pages) -> None:
        self.entry, self.chain, self.pages = entry, chain, pages

    def shown(self, now: datetime) -> Shown:
        chain = self.chain
        return Shown(
            words.sentence(chain),
            words.notes(chain),
            self._tone(),
            draw(chain, now, lambda key: f"#{self._id(key)}", self._page),
            [*self._links(), *self._missing()],
            self._beside()[:_SPELLED_OUT],
            max(0, len(chain.cross_signs) + len(chain.others) - _SPELLED_OUT),
        )

    def _tone(self) -> str:
        if any(other.kind == "foreign" for other in self.chain.others):
            return "warn" if self.chain.state == "whole" else "bad"
        return {"whole": "good", "open": "good" if self.chain.endings_above else ""}.get(self.chain.state, "bad")

    def _id(self, key: str) -> str:
        sha256, _, more = key.partition("-")
        return f"chain-{self.entry}-{sha256[:16]}{'-' if more else ''}{more}"

    def _page(self, anchor: Anchor) -> str:
        if at := self.pages.get((anchor.definition, anchor.environment)):
            return at
        return f"{reverse('truststore')}?{urlencode({'environment': anchor.environment, 'q': anchor.alias})}"

    def _trusted(self, endings: Sequence[Ending]) -> tuple[Trusted, ...]:
        return tuple(Trusted(words.ending_words(self.chain, e), self._page(e.anchor)) for e in endings)

    def _links(self) -> list[Item]:
        found = []
        for at, link in enumerate(self.chain.links):
            said = (words.link_words(self.chain, at),)
            trusted = self._trusted(self.chain.endings_at(link))
            found.append(self._item(link.certificate, link.position, said, trusted))
        return found

    def _missing(self) -> list[Item]:
        found = []
        for one in self.chain.missing:
            id, trusted = self._id(f"{one.of}-issuer"), self._trusted(self.chain.endings_over(one))
            found.append(Item(id, None, one.name or "(no name)", None, (words.missing_words(one),), trusted))
        return found

    def _beside(self) -> list[Item]:
        chain = self.chain
        found = [
            self._item(
                cross.certificate,
                cross.position,
                (f"Cross-signed. {words.cross_words(chain, cross)}",),
                self._trusted(chain.endings_of(cross.certificate.sha256)),
            )
            for cross in chain.cross_signs
        ]
        return found + [self._item(o.certificate, o.position, (o.sentence,)) for o in chain.others]

    def _item(
        self, own: Certificate, position: int | None, said: tuple[str, ...], trusted: tuple[Trusted, ...] = ()
    ) -> Item:
        return Item(self._id(own.sha256), own, own.facts.certificate_name, position, said, trusted)
