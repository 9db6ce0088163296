"""What templates may say: icons, dates, fingerprints, badges."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import lucide
from django import template
from django.http import QueryDict
from django.template import Context
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from trustyard import models
from trustyard.actions import found, token_expiry, users
from trustyard.actions.actors import Actor
from trustyard.actions.permissions import allowed
from trustyard.errors import PRIVATE
from trustyard.pki.sentences import plural
from trustyard.web import opened

register = template.Library()

_BADGES = {
    "valid": "good", "accepted": "good", "observed": "good", "active": "good", "in force": "good",
    "expiring": "warn", "not yet valid": "warn", "pending": "warn", "sent": "warn", "unreachable": "bad",
    "left out": "warn", "added": "warn", "changed": "warn", "removed": "warn", "not connected": "",
    "expired": "bad", "revoked": "bad", "ends soon": "warn", "refused": "bad", "open": "bad", "drifted": "bad",
    "disabled": "", "superseded": "", "production": "accent",
}  # fmt: skip


@register.filter
def rem(pixels: float) -> str:
    """A length that grows with the text: this many pixels where text has its usual size."""
    return f"{pixels / 16:g}rem"


@register.simple_tag
@functools.lru_cache(maxsize=256)
def icon(name: str, size: int = 18, *, in_picture: bool = False) -> SafeString:
    """An icon of the lucide set as inline SVG, hidden from screen readers: a label stands beside it."""
    svg = lucide._render_icon(name, size, aria_hidden="true", focusable="false", stroke_width="1.75")
    if not in_picture:  # which grows as a whole
        svg = svg.replace(f'width="{size}" height="{size}"', f'width="{rem(size)}" height="{rem(size)}"', 1)
    return mark_safe(svg)  # noqa: S308 - from the package's own file


@register.simple_tag
def about(kind: str, *names: str) -> SafeString:
    """What a dialog is about, so that who deletes that meanwhile can be named."""
    fields = '<input type="hidden" name="{}" value="{}">'
    return format_html_join("", fields, _about(kind, names).items())


@register.simple_tag
def asks_about(kind: str, *names: str) -> SafeString:
    """The same for the buttons that ask for such dialogs, on what holds them."""
    return format_html('hx-vals="{}"', json.dumps(_about(kind, names)))


def _about(kind: str, names: Sequence[str]) -> dict[str, str]:
    name = "/".join(names)
    return {"object": f"{kind}/{name}", "opened": opened.mark(name)}


@register.simple_tag
def private_key() -> str:
    """The expression that a private key in a text gives itself away by."""
    return PRIVATE.pattern


@register.filter
def badge(state: str) -> SafeString:
    """A state word in its colour."""
    return format_html('<span class="badge {}">{}</span>', _BADGES.get(str(state), ""), state)


@register.filter
def tally(counted: tuple[str, int]) -> SafeString:
    """So many of a state, in its colour."""
    state, number = counted
    return format_html('<span class="badge {}">{} {}</span>', _BADGES.get(state, ""), number, state)


@register.simple_tag(takes_context=True)
def may(
    context: Context, permission: str, environments: models.Environment | str | Iterable[models.Environment | str]
) -> bool:
    """Whether the person may do this in an environment, or in all of several: what would be refused is not offered."""
    places = [environments] if isinstance(environments, models.Environment | str) else environments
    names = [place if isinstance(place, str) else place.name for place in places]
    return allowed(context["actor"], permission, names)


_NAMED = 3  # more environments than these are not told one by one under a button


@register.simple_tag(takes_context=True)
def why_not(
    context: Context,
    permission: str,
    verb: str,
    environments: models.Environment | Iterable[models.Environment | str] = (),
) -> str:
    """The same question, answered with the reason that stands under the button; nothing where the person may."""
    actor: Actor = context["actor"]
    if not allowed(actor, permission):
        return f"The role {actor.role} may not {verb}."
    places = [environments] if isinstance(environments, models.Environment) else environments
    names = [place if isinstance(place, str) else place.name for place in places]
    foreign = [name for name in names if not allowed(actor, permission, [name])]
    if len(foreign) > _NAMED:
        return "It is in environments that you do not operate."
    return f"It is in {' and '.join(foreign)}, which you do not operate." if foreign else ""


@register.simple_block_tag
def cannot(
    content: str,
    label: str,
    symbol: str,
    key: str = "",
    row: object = "",
    *,
    item: bool = False,
    by: str = "",
    apart: bool = False,
) -> SafeString:
    """A button that is shown although it cannot be pressed, with the reason that stands in the block.

    Everybody finds the reason: it is there to be read, the keyboard reaches the button, a screen reader tells both. The
    button does nothing by itself, so no script has to hold it back. `key` and `row` make its ids; `item` is one of a
    row's menu; `by` is the id of a reason that stands on the page already.
    """
    shown = {"why": content, "label": label, "symbol": symbol, "item": item, "by": by, "apart": apart}
    return render_to_string("_cannot.html", shown | {"key": f"why-{key}-{row}" if row else f"why-{key}"})


@register.filter
def token_state(token: models.Token) -> str:
    """`active`, `ends soon`, `expired` or `revoked`."""
    return token_expiry.state(token.expires_at, token.revoked_at, timezone.now())


@register.filter
def limits(holder: models.User | models.Token) -> list[str]:
    """The environments that someone is for (none: all); no query for rows of a list."""
    return found.limits(holder)


@register.filter
def by_provider(user: models.User) -> bool:
    """Whether the company's provider vouches for this account; no query for rows of a list."""
    return users.ways_in(user).provider


@register.filter
def signs_in_by(user: models.User) -> str:
    """`password`, `password and second factor`, `provider`; no query for rows of a list."""
    ways = users.ways_in(user)
    return f"{'provider' if ways.provider else 'password'}{' and second factor' if ways.second_factor else ''}"


# In the order in which they are asked: most browsers claim to be others too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chromium or Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@register.filter
def browser(user_agent: str) -> str:
    """A browser as a person knows it: `Firefox on Linux`; a guess, from what it says of itself."""
    name = next((name for mark, name in _BROWSERS if mark in user_agent), "Another program")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{name} on {system}" if system else name


# A word and an icon beside the colour, which alone would tell nothing to some.
_SEVERITIES = {"error": ("bad", "circle-alert"), "warning": ("warn", "triangle-alert"), "notice": ("", "info")}


@register.filter
def severity(word: str) -> SafeString:
    """How bad a finding is; what is no severity of ours (a linter has more) stands without icon."""
    colour, symbol = _SEVERITIES.get(word, ("", ""))
    return format_html('<span class="badge {}">{}{}</span>', colour, icon(symbol, 14) if symbol else "", word)


_ACCEPTANCE = {"none": "accepted by no gateway", "some": "not accepted everywhere"}


@register.filter
def acceptance(taken: str) -> str:
    """How far the release in force is from being so everywhere, in words; nothing where nobody objects."""
    return _ACCEPTANCE.get(taken, "")


# Where names, addresses and distinguished names are best broken: behind what separates their parts.
_PARTS = re.compile(r"[^.,=@:/_-]*[.,=@:/_-]+|[^.,=@:/_-]+")


@register.filter
def breakable(text: str) -> SafeString:
    """The text with places where a narrow column may break it, so that no word is cut in two.

    Parts are in one element: where a cell is a grid, Firefox makes an item of each part between the places.
    """
    parts = _PARTS.findall(text)
    broken = format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))
    return format_html("<span>{}</span>", broken) if len(parts) > 1 else broken


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """The day and the distance; the exact time on hover."""
    if moment is None:
        return ""
    return format_html(
        '<span class="when"><time datetime="{}" title="{}">{}</time> <small>{}</small></span>',
        moment.isoformat(),
        exact(moment),
        day(moment),
        distance(moment, timezone.now()),
    )


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """The distance alone; day and exact time on hover."""
    if moment is None:
        return ""
    said = distance(moment, timezone.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact(moment), said)


_MOMENTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@register.filter
def moments(sentence: str) -> SafeString:
    """A sentence of REST or a receipt with its moments as people read them: the day, the exact time on hover."""
    said, start = [], 0
    for moment in _MOMENTS.finditer(sentence or ""):
        said += [(sentence[start : moment.start()],), (_day(moment[0]),)]
        start = moment.end()
    return format_html_join("", "{}", [*said, ((sentence or "")[start:],)])


def _day(text: str) -> SafeString | str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # the 99th of a month: what nobody made stays as it is
        return text
    return format_html('<time datetime="{}" title="{}">{}</time>', text, exact(moment), day(moment))


def day(moment: datetime) -> str:
    """`3 Mar 2026`."""
    return moment.strftime("%d %b %Y").lstrip("0")


def exact(moment: datetime) -> str:
    """The whole moment in UTC, as a person reads it."""
    return moment.strftime("%d %b %Y, %H:%M:%S UTC").lstrip("0")


def distance(moment: datetime, now: datetime) -> str:
    """How far away: `in 12 days`, `3 hours ago`."""
    gap = abs(moment - now)
    said = _span(gap)
    if said == "now":
        return "just now"
    return f"in {said}" if moment > now else f"{said} ago"


def _span(gap: timedelta) -> str:
    steps = ((365 * 86400 * 2, 365 * 86400, "year"), (120 * 86400, 30 * 86400, "month"), (2 * 86400, 86400, "day"))
    seconds = gap.total_seconds()
    for least, unit, word in (*steps, (5400, 3600, "hour"), (60, 60, "minute")):
        if seconds >= least:
            number = int(seconds // unit)
            return plural(number, word)
    return "now" if seconds < 10 else f"{int(seconds)} seconds"


@register.simple_tag
def fingerprint(value: str, name: str = "SHA-256") -> SafeString:
    """A fingerprint in one face of letters, with a button that copies it."""
    return format_html(
        '<span class="with-copy"><span class="hash">{}</span>'
        '<button type="button" data-copy="{}" aria-label="Copy {} {}" title="Copy">{}</button></span>',
        value,
        value,
        name,
        value[:8],
        icon("copy", 14),
    )


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The present query string with these changes; an empty value removes its name, and a change goes to page 1."""
    given: QueryDict = context["request"].GET.copy()
    if "page" not in changes:
        given.pop("page", None)
    for name, value in changes.items():
        if value in (None, ""):
            given.pop(name, None)
        else:
            given[name] = str(value)
    return f"?{given.urlencode()}" if given else "?"


@register.filter
def get(mapping: dict[Any, Any], key: Any) -> Any:
    """A value by its key."""
    return mapping.get(key) if mapping else None


register.filter("plural", plural)
