"""Who issued whom among certificates: the order of a source, and the chain of one of them up to its anchors."""

from __future__ import annotations

from .anchoring import Sought, anchored, sought
from .building import chain_of
from .offering import Offered, in_chain_order, preselected
from .values import Anchor, Chain, CrossSign, Ending, Link, Missing, Other

__all__ = [
    "Anchor",
    "Chain",
    "CrossSign",
    "Ending",
    "Link",
    "Missing",
    "Offered",
    "Other",
    "Sought",
    "anchored",
    "chain_of",
    "in_chain_order",
    "preselected",
    "sought",
]
