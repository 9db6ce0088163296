"""What the picture of a chain is made of: boxes, lines and words, each at its place in pixels of the SVG."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """A line of text at its place; `kind` is its class."""

    x: float
    y: float
    text: str
    kind: str


@dataclass(frozen=True)
class Chip:
    """An anchor on a node."""

    x: float
    y: float
    width: float
    words: Words
    href: str
    label: str
    kind: str


@dataclass(frozen=True)
class Node:
    """A certificate: a link to its words. `kind` are its classes."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    href: str
    label: str
    lines: tuple[Words, ...]
    chips: tuple[Chip, ...]


@dataclass(frozen=True)
class Edge:
    """Who issued whom, with what is known of the signature."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str
    words: Words | None = None


@dataclass
class Picture:
    """Nodes from the top down, edges, and the words between them."""

    width: float = 0
    height: float = 0
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    captions: list[Words] = field(default_factory=list)

    def add(self, node: Node) -> Node:
        """Puts a node in; the picture is as wide as its nodes."""
        self.nodes.append(node)
        self.width = max(self.width, node.x + node.width)
        return node
