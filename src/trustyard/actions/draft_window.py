"""The window of the certificate form: what stands in it, what its source showed, and Apply (S-03, S-06 to S-16)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Any

from trustyard import models
from trustyard.errors import FieldError, InputRefused, NotFound, Refused
from trustyard.pki.certificates import Certificate
from trustyard.pki.names import fold
from trustyard.sources.addresses import parse_url

from . import drafts, found, sources
from .actors import Actor
from .entries import alias_taken, clean_alias
from .sources import Connection, FileGiven, Inspected, Paste, Seen

EMPTY: dict[str, Any] = {
    "row": "", "environments": [], "source": "connection", "url": "", "encoding": "", "content": "", "alias": "",
    "others": False, "token": "", "choose": "", "pasted": "", "problem": "", "look": "", "waits": "", "away": {},
}  # fmt: skip
_OF_A_SOURCE = ("token", "choose", "content", "pasted", "problem", "waits", "others")  # what it showed
_KINDS = {Connection: "connection", FileGiven: "file", Paste: "paste"}
_AGAIN = {"connection": "press Receive", "file": "select the file", "paste": "paste it"}


_HALF_TYPED = re.compile(r"//[^/]*:(?!\d*(?:/|$))")  # a colon with no port behind it: maybe a password


def open_new(draft: models.Draft) -> None:
    """Opens an empty window."""
    draft.content["window"] = {**EMPTY}


def open_row(draft: models.Draft, key: str) -> None:
    """The window on a row of the table; its environment is fixed (D-01)."""
    row = drafts.row_of(draft, key)
    filled = {"row": key, "environments": [row["environment"]], "alias": row["alias"], "url": row["url"]}
    if row["kind"] in ("connection", "file", "paste"):
        filled["source"] = row["kind"]
    draft.content["window"] = {**EMPTY, **filled, "choose": row["sha256"]}


def close(draft: models.Draft) -> None:
    """Forgets what stands in the window."""
    draft.content["window"] = None


def window_of(draft: models.Draft) -> dict[str, Any]:
    """What stands in the open window. Raises `NotFound` when there is none."""
    window: dict[str, Any] | None = draft.content["window"]
    if window is None:
        raise NotFound("The window is closed already.", advice="Open it again.")
    return window


def keep(draft: models.Draft, fields: dict[str, Any]) -> bool:
    """Stores what was typed, for a reload; says whether anything of it is new.

    Pasted text is stored only after it was read: it may be a private key.
    """
    window = window_of(draft)
    before = dict(window)
    if fields.get("source") not in _KINDS.values():
        fields.pop("source", None)  # what is no source shows nothing, and need not be kept
    source = fields.get("source", window["source"])
    moved = fields.get("url", window["url"]).strip() != window["url"].strip()
    if moved and window["source"] == "connection":
        _change_address(draft)
    if source != window["source"]:
        window["others"] = fields.pop("others", window["others"])  # ticked beside what the other source showed
        turn_to(draft, source)
        if moved and source == "connection":
            _change_address(draft)
    given: dict[str, Any] = {
        name: fields[name]
        for name in ("environments", "source", "url", "encoding", "alias", "others")
        if name in fields
    }
    if "url" in given:
        given["url"] = _kept_address(given["url"])
    if window["row"]:
        given.pop("environments", None)
    window |= given
    draft.content["changed"] = True
    return window != before


def turn_to(draft: models.Draft, source: str) -> None:
    """Another source: what the one before it showed is put away, and what this one showed is there again."""
    window = window_of(draft)
    if source == window["source"]:
        return
    shown = {name: window.get(name, "") for name in _OF_A_SOURCE}
    away = {**window.get("away", {}), window["source"]: shown}
    forget_seen(draft)
    window |= {**away.pop(source, {}), "source": source, "away": away}


def _change_address(draft: models.Draft) -> None:
    # What another address presented, now or when the row was made, is not taken for this one.
    known = window_of(draft)["token"] or window_of(draft)["row"]
    saw_nothing(draft, "The address was changed: press Receive." if known else "")


def begin_look(draft: models.Draft, source: Connection | FileGiven | Paste) -> str:
    """Forgets what was seen before; returns the name of this look, since only the last of several counts."""
    turn_to(draft, _KINDS[type(source)])
    forget_seen(draft)
    window = window_of(draft)
    window["look"] = secrets.token_hex(8)
    if isinstance(source, Connection):
        window["url"] = _kept_address(source.url)
    return str(window["look"])


def is_awaited(draft: models.Draft, look: str) -> bool:
    """Whether no other look began since, and the window is still open."""
    window = draft.content["window"]
    return window is not None and window.get("look") == look


def _kept_address(url: str) -> str:
    """The address, unless a user name and a password stand in it or are just being typed."""
    try:
        parse_url(url)
    except Refused:
        return "" if "@" in url or _HALF_TYPED.search(url) else url
    return url


def saw(draft: models.Draft, source: Connection | FileGiven | Paste, seen: Seen) -> None:
    """Keeps in the window what `sources.look_at` showed; that look comes before the draft's lock, it may take long."""
    window = window_of(draft)
    chosen = seen.preselected
    forget_seen(draft)
    window |= {"source": seen.kind, "token": seen.token, "choose": chosen.sha256 if chosen else ""}
    if isinstance(source, Paste):
        window |= {"encoding": source.encoding, "content": _public_text(source, seen)}
        if not seen.notices:
            window["pasted"] = digest_of(source)


def choose(draft: models.Draft, sha256: str) -> None:
    """Another certificate of the same source (D-08)."""
    window_of(draft)["choose"] = sha256


def saw_nothing(draft: models.Draft, problem: str) -> None:
    """Keeps that the source was refused: Apply is refused with the same words."""
    forget_seen(draft)
    window_of(draft)["problem"] = problem


def wait_for_encoding(draft: models.Draft) -> None:
    """Notes that text is there without its encoding: nothing is refused yet, and nothing can be applied."""
    turn_to(draft, "paste")
    forget_seen(draft)
    sentence = "Choose the encoding type of the text: BASE64 or BASE64PEM."
    window_of(draft).update({"encoding": "", "waits": sentence})


def forget_seen(draft: models.Draft) -> None:
    """Forgets what was seen or is being looked at, since the source has changed."""
    window_of(draft).update({**dict.fromkeys((*_OF_A_SOURCE, "look"), ""), "others": False})


def digest_of(paste: Paste) -> str:
    """Tells whether the pasted text is the one that was read."""
    return hashlib.sha256(f"{paste.encoding}\n{paste.content}".encode("utf-8", "replace")).hexdigest()


def _public_text(paste: Paste, seen: Seen) -> str:
    # What is kept is made of the certificates that were read, never the text itself: a private key may stand in it.
    certificates = seen.reading.certificates
    if paste.encoding == "BASE64PEM":
        return "".join(certificate.pem() for certificate in certificates)
    return base64.b64encode(certificates[0].der).decode() if len(certificates) == 1 else ""


def seen_in(actor: Actor, draft: models.Draft) -> Seen | None:
    """What the window's source showed, while that is remembered (an hour)."""
    window = window_of(draft)
    if not window["token"]:
        return None
    try:
        return sources.look_at(actor, Inspected(window["token"]))
    except InputRefused:
        return None


def chosen_in(draft: models.Draft, seen: Seen | None) -> Certificate | None:
    """The certificate that Apply would take: chosen from what was seen, else the row's own."""
    window = window_of(draft)
    if seen is not None:
        return next((c for c in seen.reading.certificates if c.sha256 == window["choose"]), None)
    if not window["row"] or window["token"] or window["problem"] or window.get("waits"):
        return None  # also where what was seen is forgotten by now: it took the place of the row's own
    stored = models.StoredCertificate.objects.filter(pk=drafts.row_of(draft, window["row"])["sha256"]).first()
    return stored.read() if stored else None


def is_touched(draft: models.Draft) -> bool:
    """Whether something stands in the window on a row that the row does not have."""
    window = window_of(draft)
    if not window["row"]:
        return True
    row = drafts.row_of(draft, window["row"])
    typed = window["alias"] != row["alias"] or window["url"] != row["url"]
    seen = any(shown["token"] for shown in window.get("away", {}).values())
    return bool(typed or seen or window["token"] or window["problem"] or window.get("waits"))


def alias_problem(draft: models.Draft, environments: list[str], alias: str) -> str:
    """Why the alias cannot be taken in these environments, of each of them; empty when it can."""
    try:
        cleaned = clean_alias(alias, "alias")
    except Refused as error:
        return error.sentence
    window, problems = draft.content["window"] or EMPTY, []
    going = set(draft.content["removed"])
    rows = models.Entry.objects.select_related("certificate", "environment").filter(alias_key=fold(cleaned))
    rows = rows.filter(environment__name_key__in=[fold(name) for name in environments])
    holders = {entry.environment.name_key: entry for entry in rows}
    for name in environments:
        own = next((row for row in draft.content["rows"] if row["environment"] == name), None)
        if own is not None and own["key"] != window["row"]:
            continue  # that a row is there already is said at Environments
        holder = holders.get(fold(name))
        ours = holder is not None and holder.certificate_id == draft.certificate_id
        if holder is not None and not (ours and (name in going or window["row"])):
            problems.append(alias_taken(holder, name, cleaned))
    return " ".join(problems)


def apply(actor: Actor, draft: models.Draft) -> None:
    """Takes the window into the draft, a row for each environment (S-07, D-01). Raises `Refused` with its fields."""
    window = window_of(draft)
    seen = seen_in(actor, draft)
    chosen = chosen_in(draft, seen)
    fields = _problems(draft, seen, chosen)
    if fields:
        raise Refused(fields[0].message, code="window-incomplete", fields=fields)
    assert chosen is not None
    if seen is not None:  # kept by their digests alone: no certificates of anybody's yet
        models.StoredCertificate.keep_all(seen.reading.certificates)
    alias = clean_alias(window["alias"], "alias")
    if window["row"]:
        row = drafts.row_of(draft, window["row"])
        row |= {"alias": alias, "changed": True}
        if seen is not None:
            row |= _taken(seen, chosen)
    else:
        for name in window["environments"]:
            draft.content["rows"].append(_new_row(draft, found.environment(name), alias, seen, chosen))
    if window["others"] and seen is not None:
        _take_others(draft, seen, chosen)
    draft.content |= {"window": None, "changed": True}


def _problems(draft: models.Draft, seen: Seen | None, chosen: Certificate | None) -> list[FieldError]:
    window = window_of(draft)
    problems = []
    if not window["environments"]:
        problems.append(FieldError("environments", "Tick at least one environment."))
    for name in window["environments"]:
        try:
            found.environment(name, "environments")
        except Refused as error:
            problems += error.fields
        if not window["row"] and any(row["environment"] == name for row in draft.content["rows"]):
            sentence = f"There is a definition for {name} already; a certificate has one in each environment."
            problems.append(FieldError("environments", sentence))
    if chosen is None:
        problems.append(FieldError("source", window["problem"] or _nothing(draft, seen)))
    if problem := alias_problem(draft, window["environments"], window["alias"]):
        problems.append(FieldError("alias", problem))
    return problems


def _nothing(draft: models.Draft, seen: Seen | None) -> str:
    window = window_of(draft)
    if seen is not None:
        return "Choose one of the certificates in this source."
    if window["token"]:
        return f"What this source showed was kept for an hour: {_AGAIN[window['source']]} again."
    return nothing_seen(draft)


def nothing_seen(draft: models.Draft) -> str:
    """What there is to do before there is something to apply."""
    window = window_of(draft)
    if window.get("waits"):
        return str(window["waits"])
    if window["source"] == "paste" and window["encoding"]:
        return "Paste a certificate first."
    return {
        "connection": "Receive the certificate first: give a URL and press Receive.",
        "file": "Select a file first.",
        "paste": "Paste a certificate and choose its encoding type first.",
    }.get(window["source"], "Choose a source first.")


def _taken(seen: Seen, chosen: Certificate) -> dict[str, Any]:
    chain = [certificate.sha256 for certificate in seen.reading.certificates]
    return {"sha256": chosen.sha256, "kind": seen.kind, "url": seen.url, "chain": chain, "new": True}


def _new_row(
    draft: models.Draft, environment: models.Environment, alias: str, seen: Seen | None, chosen: Certificate
) -> dict[str, Any]:
    assert seen is not None  # a new row has no certificate but the one that was seen
    content = draft.content
    stored = environment.name in content["removed"]
    if stored:
        content["removed"].remove(environment.name)
    row = {
        "key": f"e{environment.pk}",
        "environment": environment.name,
        "alias": alias,
        "stored": stored,
        "changed": True,
    }
    return {**row, **_taken(seen, chosen)}


def _take_others(draft: models.Draft, seen: Seen, chosen: Certificate) -> None:
    window, content = window_of(draft), draft.content
    known = {other["sha256"]: other for other in content["others"]}
    chain = [certificate.sha256 for certificate in seen.reading.certificates]
    for certificate in seen.reading.certificates:
        if certificate.sha256 == chosen.sha256:
            continue
        if other := known.get(certificate.sha256):  # it comes along to other environments
            other["environments"] = list(dict.fromkeys([*other["environments"], *window["environments"]]))
            continue
        content["others"].append(
            {
                "sha256": certificate.sha256,
                "name": certificate.facts.certificate_name,
                "environments": list(window["environments"]),
                "kind": seen.kind,
                "url": seen.url,
                "chain": chain,
            }
        )
