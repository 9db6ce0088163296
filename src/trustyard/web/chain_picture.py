"""The picture of a chain: where each certificate, each edge and each word of it stands. The root is on top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from trustyard.pki.certificates import Certificate, status
from trustyard.pki.chains import Anchor, Chain, Ending, words

from .chain_shapes import Chip, Edge, Node, Picture, Words
from .fitting import fitted

WIDTH, PAD, MARGIN = 258, 12, 6  # of a node, within it, around all; fits a telephone of 360 px
GAP, ASIDE = 44, 64  # between two nodes: downwards, sideways
TITLE, TEXT, LINE, CHIP = 13.5, 12, 18, 24
COLUMNS, ANCHORS, OTHERS = 3, 3, 3  # cross-signs of a link, anchors of a node, other certificates: more are counted


@dataclass(frozen=True)
class _Box:
    """What a node says: its name, lines with their class, the address of its words, and its anchors."""

    name: str
    lines: list[tuple[str, str]]
    kind: str
    key: str
    label: str
    ends: list[Ending] = field(default_factory=list)


class Drawing:
    """Draws one chain. `words_at` is the address of a certificate's words, `anchor_at` that of an anchor's page."""

    def __init__(
        self, chain: Chain, now: datetime, words_at: Callable[[str], str], anchor_at: Callable[[Anchor], str]
    ) -> None:
        self.chain, self.now = chain, now
        self.words_at, self.anchor_at = words_at, anchor_at
        self.picture = Picture(height=MARGIN)

    def drawn(self) -> Picture:
        """The whole picture."""
        self._missing()
        for at in range(len(self.chain.links) - 1, -1, -1):
            self._link(at)
        self._others()
        return self.picture

    def _missing(self) -> None:
        for missing in self.chain.missing:
            above = self.chain.endings_over(missing)
            trusted = any(end.anchor.trusted for end in above)
            said = "not in the source, but trusted" if trusted else "not in the source"
            name = above[0].anchor.certificate.facts.certificate_name if above else missing.name or "(no name)"
            label = words.missing_words(missing)
            box = _Box(name, [(said, "soft")], "missing", f"{missing.of}-issuer", label, above)
            node = self._node(MARGIN, box)
            self._down(node, self.chain.links[-1].signature if not above else above[0].signature, bool(above))

    def _link(self, at: int) -> None:
        link = self.chain.links[at]
        own = link.certificate
        ends = self.chain.endings_at(link)
        kind = "link chosen" if at == 0 else "link"
        label = f"{own.facts.certificate_name}. {words.link_words(self.chain, at)}"
        chosen = "this certificate, " if at == 0 else ""
        lines = [(f"{chosen}{_place(link.position)}", "soft"), *self._dates(own)]
        if link.issuer == "itself":
            bad = link.signature is False
            said = "own signature does not verify" if bad else "issued by itself"
            lines.append((said, "bad" if bad else "soft"))
        elif link.issuer == "next" and at + 1 == len(self.chain.links):
            where = "further up" if self.chain.state == "long" else "below"
            lines.append((f"issued by a certificate {where}", "bad"))
        top = self.picture.height
        node = self._node(MARGIN, _Box(own.facts.certificate_name, lines, kind, own.sha256, label, ends))
        tallest = max([node.height, *self._crossed(own.sha256, node, top)])
        self.picture.height = top + tallest
        if at:
            self._down(node, self.chain.links[at - 1].signature, True)

    def _dates(self, certificate: Certificate) -> list[tuple[str, str]]:
        facts = certificate.facts
        state = status(facts.not_before, facts.not_after, self.now)
        days = (f"{facts.not_before:%Y-%m-%d} to {facts.not_after:%Y-%m-%d}", "soft")
        return [days, (state, "bad")] if state in ("expired", "not yet valid") else [days]

    def _crossed(self, sha256: str, beside: Node, top: float) -> list[float]:
        heights = []
        crossed = [cross for cross in self.chain.cross_signs if cross.of == sha256]
        for column, cross in enumerate(crossed[: COLUMNS - 1], 1):
            x = MARGIN + column * (WIDTH + ASIDE)
            self.picture.height = top
            own = cross.certificate.facts
            lines = [(_place(cross.position), "soft"), (f"issued by {_common(own.issuer)}", "soft")]
            label = f"{own.certificate_name}, cross-signed. {words.cross_words(self.chain, cross)}"
            ends = self.chain.endings_of(own.sha256)
            node = self._node(x, _Box(own.certificate_name, lines, "cross", own.sha256, label, ends))
            heights.append(node.height)
            y = top + 24
            self.picture.edges.append(Edge(x - ASIDE, y, x, y, "twin"))
        if crossed:
            self.picture.captions.append(Words(beside.x + WIDTH + ASIDE / 2, top + 18, "same key", "between"))
        return heights

    def _others(self) -> None:
        others = self.chain.others
        if not others:
            return
        self.picture.height += 30
        self.picture.captions.append(Words(MARGIN, self.picture.height, "Also in the source", "caption"))
        self.picture.height += 10
        for other in others[:OTHERS]:
            facts = other.certificate.facts
            said = {"below": "issued below", "beside": "issued beside", "foreign": "foreign to this chain"}[other.kind]
            lines = [(f"{_place(other.position)}: {said}", "soft")]
            label = f"{facts.certificate_name}. {other.sentence}"
            node = self._node(MARGIN, _Box(facts.certificate_name, lines, f"other {other.kind}", facts.sha256, label))
            self.picture.height = node.y + node.height + 8
        if len(others) > OTHERS:
            self.picture.height += 14
            more = Words(MARGIN, self.picture.height, f"and {len(others) - OTHERS} more", "caption")
            self.picture.captions.append(more)
            self.picture.height += MARGIN

    def _node(self, x: float, box: _Box) -> Node:
        y, room = self.picture.height, WIDTH - 2 * PAD
        texts = [Words(x + PAD, y + 22, fitted(box.name, room, TITLE, bold=True), "name")]
        for at, (text, tone) in enumerate(box.lines, 1):
            texts.append(Words(x + PAD, y + 22 + LINE * at, fitted(text, room, TEXT), tone))
        below = y + 22 + LINE * len(box.lines) + 10
        chips = tuple(self._chip(x, below + CHIP * at, end) for at, end in enumerate(box.ends[:ANCHORS]))
        below += CHIP * len(chips)
        if len(box.ends) > ANCHORS:
            texts.append(Words(x + PAD, below + 12, f"and {len(box.ends) - ANCHORS} more", "soft"))
            below += 18
        height = below - y + (4 if box.ends else 2)
        kind = f"{box.kind} anchored" if any(end.anchor.trusted for end in box.ends) else box.kind
        self.picture.height = max(self.picture.height, y + height)
        return self.picture.add(Node(x, y, WIDTH, height, kind, self.words_at(box.key), box.label, tuple(texts), chips))

    def _chip(self, x: float, y: float, ending: Ending) -> Chip:
        anchor = ending.anchor
        # On the node of a missing issuer the anchor is that issuer; elsewhere it has to be said.
        who = "by " if ending.how == "issuer" and not any(m.of == ending.of for m in self.chain.missing) else ""
        stands, kind = "", "chip"
        if not anchor.in_force:
            stands, kind = (" (left out)", "chip out") if anchor.left_out else (" (waits)", "chip waits")
        room = WIDTH - 2 * PAD - 26
        text = fitted(f"{who}{anchor.environment}: {anchor.alias}{stands}", room, TEXT)
        line = Words(x + PAD + 22, y + 14, text, "")
        label = f"Anchor. {words.ending_words(self.chain, ending)}"
        return Chip(x + PAD - 2, y, WIDTH - 2 * PAD + 4, line, self.anchor_at(anchor), label, kind)

    def _down(self, node: Node, signature: bool | None, judged: bool) -> None:
        """The edge from this node to the one that will stand below it."""
        kind = {True: "proved", False: "broken", None: "unknown"}[signature]
        said = {True: "signature verifies", False: "signature does not verify", None: "found by name only"}[signature]
        y, x = node.y + node.height, node.x + 26
        top = max(self.picture.height, y)
        said = said if judged else "issuer is missing"
        self.picture.edges.append(
            Edge(x, y, x, top + GAP, kind if judged else "unknown", Words(x + 12, top + GAP / 2 + 4, said, kind))
        )
        self.picture.height = top + GAP


def draw(chain: Chain, now: datetime, words_at: Callable[[str], str], anchor_at: Callable[[Anchor], str]) -> Picture:
    """The picture of a chain at this moment; heights and places in pixels of the SVG."""
    picture = Drawing(chain, now, words_at, anchor_at).drawn()
    picture.height += MARGIN
    picture.width += MARGIN
    return picture


def _place(position: int | None) -> str:
    return f"place {position}" if position is not None else "not in the source"


def _common(name: str) -> str:
    """The common name of a name as RFC 4514 writes it, else all of it."""
    return next((part[3:] for part in name.split(",") if part.startswith("CN=")), name) or "(no name)"
