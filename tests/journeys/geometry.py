"""What a person would call cut off: text beyond the edge of the card, dialog or window that it stands in."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page

# Text counts where it is painted: what a scroll box hides can be scrolled to, what screen readers get is not seen.
_CUT = """
() => {
  const edges = ".card, dialog, .boxed, .notice, .source, .page-head, .side, .row-menu, .entrance, main";
  const scrolls = (box) =>
    ["auto", "scroll"].includes(getComputedStyle(box).overflowX) && box.scrollWidth > box.clientWidth;
  const hidden = (box) => box && (getComputedStyle(box).clipPath !== "none" || hidden(box.parentElement));
  const modal = [...document.querySelectorAll("dialog[open]")].at(-1);
  const cut = [];
  const texts = document.createTreeWalker(modal ?? document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode, parent = text.parentElement;
    if (!text.data.trim() || parent.closest(".sr, .clip, script, style, select, textarea, [hidden], .skip")) continue;
    if (!parent.checkVisibility({ visibilityProperty: true })) continue;
    if (hidden(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    for (let box = parent; box; box = box.parentElement) {
      if (scrolls(box) && !box.matches("dialog, .dialog-body, body, html")) break;
      if (!box.matches(edges)) continue;
      const edge = box.getBoundingClientRect(), right = Math.min(edge.right, innerWidth);
      const beyond = (one) => one.width > 1 && (one.right > right + 1 || one.left < edge.left - 1);
      if ([...range.getClientRects()].some(beyond)) {
        cut.push(`${text.data.trim().slice(0, 40)} in ${box.tagName}.${box.className}`);
        break;
      }
      if (box.matches("dialog")) break;
    }
  }
  for (const table of (modal ?? document).querySelectorAll("table")) {
    const card = table.closest(".table-scroll, .card, .boxed"), room = card.getBoundingClientRect().right + 1;
    const beyond = table.getBoundingClientRect().right > room;
    if (beyond && !card.matches(".table-scroll")) cut.push("a table beyond its card");
  }
  return [...new Set(cut)];
}
"""


def cut_off(page: Page) -> list[str]:
    """The texts of this page, or of its open dialog, that are cut off; and the page, if it scrolls sideways."""
    found: list[str] = page.evaluate(_CUT)
    width: Any = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*found, *([f"the page by {width} px"] if width > 0 else [])]


# A word is what stands between the places where text is best broken; it is broken where it is on two lines.
_BROKEN = """
(cells) => cells.flatMap((cell) => {
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), broken = [];
  while (texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/[^\\s.,=@:/_-]+/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((one) => one.top)).size > 1) broken.push(word[0]);
    }
  }
  return broken;
})
"""


def broken_words(cells: Locator) -> list[str]:
    """Words that a line ends in the middle of."""
    found: list[str] = cells.evaluate_all(_BROKEN)
    return found


def out_of_sight(page: Page, table: str) -> list[str]:
    """The headers of a table that are beyond what is to be seen of it without scrolling."""
    headers = page.get_by_role("table", name=table).get_by_role("columnheader")
    found: list[str] = headers.evaluate_all(
        """(headers) => headers.filter((one) => {
          const shown = one.closest(".table-scroll").getBoundingClientRect();
          return one.getBoundingClientRect().right > shown.right + 1;
        }).map((one) => one.textContent)"""
    )
    return found
