"""Drafts of the console's form: kept on the server for their author alone, used once (S-06, D-20).

A draft's content is JSON: `name`, `description`, `rows` (an entry each), `removed` (environments whose stored entry
goes), `others` (certificates of the same source that become certificates of their own), `window` (what stands in the
open window, see draft_window), `sent` (the last request about each part) and `changed`. It holds certificates by their
SHA-256 and never a file or a password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.errors import Conflict, FieldError, JwkConnection, NotAllowed, NotFound, Refused, holds_private_key

from . import audit, certificates, found
from .actors import Actor
from .certificates import Definition, EntryGiven, JwkAnswer, Saved
from .naming import Taken
from .permissions import require
from .restored import Confirmed
from .retries import retried
from .sources import Kept

KEPT_FOR = timedelta(days=1)


@retried
def begin(actor: Actor, certificate: models.Certificate | None = None) -> models.Draft:
    """A new draft: empty, or of what is stored of a certificate. Old drafts go."""
    require(actor, "certificates.write")
    forget_old()
    content: dict[str, Any] = {"name": "", "description": "", "window": None, "changed": False}
    content |= {"rows": [], "removed": [], "others": []}
    draft = models.Draft(author_id=_author(actor), certificate=certificate, content=content)
    if certificate is not None:
        draft.based_on = certificate.etag
        content |= {**_stored(certificate), "stored": _stored(certificate)}
        content["rows"] = [_row(entry) for entry in _entries(certificate)]
    draft.save()
    return draft


def _stored(certificate: models.Certificate) -> dict[str, str]:
    return {"name": certificate.name, "description": certificate.description}


def _author(actor: Actor) -> int:
    if actor.user_id is None:
        raise NotAllowed("Drafts are for people who sign in, not for tokens.")
    return actor.user_id


def get(actor: Actor, pk: UUID) -> models.Draft:
    """The author's own draft. Raises `NotFound`, also for everybody else's."""
    require(actor, "certificates.write")
    return _own(models.Draft.objects.select_related("certificate"), actor, pk)


def _own(rows: QuerySet[models.Draft], actor: Actor, pk: UUID) -> models.Draft:
    draft = rows.filter(pk=pk, author_id=actor.user_id).first()
    if draft is None:
        raise NotFound(
            "This draft does not exist any more, or is somebody else's.", advice="Begin again from the list."
        )
    return draft


@contextmanager
def changing(actor: Actor, pk: UUID) -> Iterator[models.Draft]:
    """The draft under its lock, stored again at the end. Raises as `get`, and `Conflict` (`draft-used`) once saved."""
    require(actor, "certificates.write")
    with audit.transaction():
        draft = _own(models.Draft.objects.select_for_update(no_key=True), actor, pk)
        if draft.used_at is not None:
            raise Conflict("This draft was saved already.", code="draft-used", advice="Open the certificate again.")
        yield draft
        draft.content = _public(draft.content)
        draft.save()


def _public(content: Any) -> Any:
    """The content without texts in which a private key stands: the draft is stored before any of it is judged."""
    match content:
        case str():
            return "" if holds_private_key(content) else content
        case dict():
            return {name: _public(value) for name, value in content.items()}
        case list():
            return [_public(value) for value in content]
    return content


def define(draft: models.Draft, name: str, description: str) -> bool:
    """Stores name and description as they are typed; says whether anything of it is new."""
    if (name, description) == (draft.content["name"], draft.content["description"]):
        return False
    draft.content |= {"name": name[:1000], "description": description[:100_000], "changed": True}
    return True


def is_late(draft: models.Draft, part: str, sent: str) -> bool:
    """Whether a request about this part of the form was overtaken by a later one of the same page.

    `sent` is the page's name, a full stop and the request's number; what has none is taken as it comes.
    """
    page, _, number = sent[:100].rpartition(".")
    if not (page and number.isascii() and number.isdigit()):
        return False
    latest = draft.content.setdefault("sent", {})
    if latest.get(part, ["", 0])[0] == page and int(number) < latest[part][1]:
        return True
    latest[part] = [page, int(number)]
    return False


def discard(actor: Actor, pk: UUID) -> None:
    """Throws the draft away; what is stored stays as it is (S-19)."""
    models.Draft.objects.filter(pk=pk, author_id=actor.user_id, used_at=None).delete()


def remove_row(draft: models.Draft, key: str) -> None:
    """Takes an entry out of the draft; the stored one goes when the draft is saved."""
    row = row_of(draft, key)
    draft.content["rows"].remove(row)
    if row["stored"]:
        draft.content["removed"].append(row["environment"])
    if _window_row(draft.content) == key:  # nobody heard that the window was closed
        draft.content["window"] = None
    draft.content["changed"] = True


def _window_row(content: dict[str, Any]) -> str:
    """The key of the row that the open window is about; empty where it is about none."""
    return str(content["window"]["row"]) if content["window"] else ""


def remove_other(draft: models.Draft, sha256: str) -> None:
    """Takes back one of *the others too*."""
    draft.content["others"] = [other for other in draft.content["others"] if other["sha256"] != sha256]


def row_of(draft: models.Draft, key: str) -> dict[str, Any]:
    """One row by its key. Raises `NotFound`."""
    for row in draft.content["rows"]:
        if row["key"] == key:
            found_row: dict[str, Any] = row
            return found_row
    raise NotFound("This row is not in the draft any more.")


def name_problem(draft: models.Draft, name: str) -> str:
    """Why the certificate cannot be named so; empty when it can."""
    try:
        found.free_name(models.Certificate.objects.all(), name, "certificate", but=draft.certificate_id)
    except (Refused, Conflict) as error:
        return error.sentence
    return ""


@retried
def save(
    actor: Actor,
    pk: UUID,
    *,
    deploy: bool,
    answer: JwkAnswer | None = None,
    confirm_restored: Confirmed = False,
) -> Saved:
    """Saves the draft once, all or nothing. Raises what `certificates.create` and `update` raise, and `draft-used`."""
    with changing(actor, pk) as draft:
        saved = _save(actor, draft, deploy, answer, confirm_restored)
        draft.used_at, draft.saved_as = timezone.now(), saved.certificate.pk
    return saved


def is_for_releases(draft: models.Draft) -> bool:
    """Whether what it changes is in force with the next release: no release tells a description."""
    content = draft.content
    renamed = content.get("stored", {}).get("name") != content["name"]
    touched = content["removed"] or content["others"] or any(row["changed"] for row in content["rows"])
    return not draft.based_on or renamed or bool(touched)


def rehearse(actor: Actor, pk: UUID) -> JwkConnection | None:
    """The question that saving this draft would raise now; the save is tried and rolled back."""
    return _question(lambda: _save(actor, get(actor, pk), False, None))


def _save(
    actor: Actor, draft: models.Draft, deploy: bool, answer: JwkAnswer | None, confirm_restored: Confirmed = False
) -> Saved:
    content = draft.content
    _check_complete(draft)
    others = _others(content)
    if not draft.based_on:
        given = [_given(row) for row in content["rows"]]
        definitions = [Definition(content["name"], content["description"], given), *others]
        return certificates.create(actor, definitions, deploy=deploy, confirm_restored=confirm_restored)
    stored = draft.certificate
    if stored is None:
        raise NotFound("Somebody deleted this certificate meanwhile.", advice="Create it again, if it shall be there.")
    # Rows that nobody touched are named only where the list has to be whole, because something was removed.
    rows = [row for row in content["rows"] if content["removed"] or row["changed"]]
    return certificates.update(
        actor,
        stored.name,
        if_match=draft.based_on,
        new_name=content["name"] if content["name"] != stored.name else None,
        description=content["description"] if content["description"] != stored.description else None,
        entries=[_given(row) for row in rows] or None,
        replace=bool(content["removed"]),
        answer=answer,
        deploy=deploy,
        also=others,
        confirm_restored=confirm_restored,
    )


def _check_complete(draft: models.Draft) -> None:
    # All that is missing is said at once, so that nobody presses Save for each.
    content = draft.content
    if content["name"].strip() and content["rows"]:
        return
    fields = [FieldError("name", problem) for problem in [name_problem(draft, content["name"])] if problem]
    if not content["rows"]:
        way = "; delete the certificate to be rid of all." if draft.based_on else ": press New Certificate Definition."
        fields.append(FieldError("entries", f"A certificate needs at least one entry{way}"))
    code = "bad-name" if content["rows"] else "no-entry"
    raise Refused(" ".join(field.message for field in fields), code=code, fields=fields)


def _given(row: dict[str, Any]) -> EntryGiven:
    places = (row["environment"],)
    if row["stored"] and not row["changed"]:
        return EntryGiven(places)
    source = Kept(row["sha256"], row["kind"], row["url"], tuple(row["chain"])) if row["new"] else None
    return EntryGiven(places, row["alias"], source)


def _others(content: dict[str, Any]) -> list[Definition]:
    """*Add the others too*: each a certificate of its own, named after itself, with names and aliases that are free."""
    # Asked at once, as an import does: thousands may have this name.
    names = Taken(models.Certificate.objects.order_by().values_list("name_key", "name"))
    names.take(content["name"])
    aliases = {places: _aliases(places, content) for places in {tuple(o["environments"]) for o in content["others"]}}
    for taken in (names, *aliases.values()):
        taken.expect(other["name"] for other in content["others"])
    made = []
    for other in content["others"]:
        places = tuple(other["environments"])
        name, alias = names.unique(other["name"]), aliases[places].unique(other["name"])
        for elsewhere, taken in aliases.items():
            if set(elsewhere) & set(places):
                taken.take(alias)
        kept = Kept(other["sha256"], other["kind"], other["url"], tuple(other["chain"]))
        made.append(Definition(name, "", [EntryGiven(places, alias, kept)]))
    return made


def _aliases(places: tuple[str, ...], content: dict[str, Any]) -> Taken:
    """The aliases that are taken in one of these environments, those of the draft's own rows and others too."""
    there = [found.environment(place) for place in places]
    rows = models.Entry.objects.order_by().filter(environment__in=there)
    taken = Taken(rows.values_list("alias_key", "alias").distinct())
    for row in content["rows"]:
        if row["environment"] in places:
            taken.take(row["alias"])
    return taken


def rehearse_deletion(actor: Actor, certificate: models.Certificate) -> JwkConnection | None:
    """The question that deleting the certificate would raise now; nothing is written."""
    return _question(lambda: certificates.delete(actor, certificate.name, if_match="*", deploy=False))


def _question(change: Callable[[], object]) -> JwkConnection | None:
    with audit.transaction():
        try:
            change()
        except JwkConnection as asked:
            return asked
        finally:
            transaction.set_rollback(True)
    return None


def rebase(actor: Actor, pk: UUID) -> models.Draft:
    """Puts the draft on what is stored now: what the author did not touch is read again, the rest stays.

    After somebody else saved, and after the author's own Revoke or Restore, which are in force at once. Where it was
    deleted, this is the draft of a new certificate, without what nobody took in again: it may have been revoked.
    """
    with changing(actor, pk) as draft:
        stored, content = draft.certificate, draft.content
        before = content.get("stored", {})  # drafts of an earlier version do not know it
        now = _stored(stored) if stored else {}
        content |= {name: text for name, text in now.items() if content[name] == before.get(name)}
        content["stored"] = now
        mine = {row["environment"]: row for row in content["rows"]}
        rows, entries = [], _entries(stored) if stored else []
        for entry in entries:
            place = entry.environment.name
            if place in content["removed"] and place not in mine:
                continue
            own, row = mine.pop(place, None), _row(entry)
            if own is not None and own["new"]:
                row = {**own, "stored": True}
            elif own is not None and own["changed"]:
                row |= {"alias": own["alias"], "changed": True}
            rows.append(row)
        there = {entry.environment.name for entry in entries}
        rows += [{**row, "stored": False} for row in mine.values() if row["new"]]
        content["rows"], content["removed"] = rows, [place for place in content["removed"] if place in there]
        if _window_row(content) not in ("", *(row["key"] for row in rows)):
            content["window"]["row"] = ""  # what stands in it is that of a new row
        draft.based_on = stored.etag if stored else ""
    return draft


def forget_old() -> int:
    """Removes drafts that nobody touched for a day; answers how many."""
    return models.Draft.objects.filter(changed_at__lt=timezone.now() - KEPT_FOR).delete()[0]


def _entries(certificate: models.Certificate) -> list[models.Entry]:
    return list(certificate.entries.select_related("environment").order_by("environment_id"))


def _row(entry: models.Entry) -> dict[str, Any]:
    return {
        "key": f"e{entry.environment_id}",
        "environment": entry.environment.name,
        "alias": entry.alias,
        "sha256": entry.x509_id,
        "kind": entry.source_kind,
        "url": entry.source_url,
        "chain": entry.chain,
        "stored": True,  # an entry of this environment is stored
        "changed": False,  # the author touched this row
        "new": False,  # its certificate was taken in by this draft
    }
