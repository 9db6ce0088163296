"""Fills a PostgreSQL with many certificates in 200 environments, and with what belongs to them, by COPY."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import seeds

ENVIRONMENTS = 200
BATCH = 5_000
NODES = 3  # of each gateway
OLD_RELEASES = 100  # of each environment, with little in them
PROCESSES = 2
_STORED = [
    "sha256",
    "der",
    "sha1",
    "spki_sha256",
    "serial_hex",
    "subject",
    "issuer",
    "certificate_name",
    "not_before",
    "not_after",
    "expiring_from",
    "key_type",
    "key_size",
    "curve",
    "is_ca",
    "self_signed",
    "search_text",
]
_CERTIFICATE = ["id", "version", "name", "name_key", "description", "search_text", "created_at", "changed_at"]
_ENTRY = [
    "certificate_id",
    "environment_id",
    "alias",
    "alias_key",
    "alias_file",
    "source_kind",
    "source_url",
    "chain",
    "x509_id",
    "revoked_at",
    "revoked_by",
    "revoked_reason",
]
_EVENT = [
    "at",
    "actor",
    "via",
    "address",
    "action",
    "object_kind",
    "object_name",
    "before",
    "after",
    "prev_hash",
    "hash",
]


def main() -> None:
    """Fills the database that TRUSTYARD_DATABASE_URL names; the large indexes are made when all is there."""
    from trustyard.server.configuration import Configuration
    from trustyard.server.opening import open_database

    count = int(sys.argv[sys.argv.index("--fill") + 1])
    open_database(Configuration.from_environment())
    from django.db import connection

    names = ("0010_scale", "0011_lists", "0012_ends", "0015_alias_file_filled")
    done = [one for name in names for one in import_module(f"trustyard.migrations.{name}").Migration.operations]
    made = [one for one in done if one.reduces_to_sql]  # of what fills rows there is nothing to undo
    with connection.schema_editor(atomic=False) as editor:
        for one in made:
            one.database_backwards("trustyard", editor, None, None)
    fill(count, min(10_000, count // 10))
    with connection.schema_editor(atomic=False) as editor:
        for one in made:
            one.database_forwards("trustyard", editor, None, None)
    _run("VACUUM ANALYZE")


def fill(count: int, jwks: int) -> None:
    """Certificates of these numbers into a migrated, empty database; call it with Django set up."""
    from django.db import connection

    places = _environments()
    ders, issuers = seeds.authorities()
    now = datetime.now(UTC).replace(microsecond=0)
    known = seeds.patterns(issuers)
    _write(list(enumerate(ders)), places, now)
    connection.close()
    step = max(1, (count - len(ders)) // PROCESSES + 1)
    parts = [range(start, min(start + step, count)) for start in range(len(ders), count, step)]
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=(part, known, places, now)) for part in parts]
    for worker in workers:
        worker.start()
    _events(count, now)
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit("A part was not filled.")
    for table in ("certificate", "entry", "auditevent"):
        name = f"trustyard_{table}"
        _run(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))")
    _gateways()
    _jwks(jwks)
    _releases(now)


def _environments() -> list[int]:
    from trustyard import models

    rows = [
        models.Environment(name=f"site-{n:03d}", name_key=f"site-{n:03d}", type="production", root_set="mozilla")
        for n in range(ENVIRONMENTS)
    ]
    return [row.pk for row in models.Environment.objects.bulk_create(rows)]


def _work(numbers: range, known: list[seeds.Pattern], places: list[int], now: datetime) -> None:
    from trustyard.server.opening import set_up

    set_up()
    for start in range(numbers.start, numbers.stop, BATCH):
        part = range(start, min(start + BATCH, numbers.stop))
        _write(list(zip(part, seeds.certificates(part, known, now), strict=True)), places, now)


def _write(made: list[tuple[int, bytes]], places: list[int], now: datetime) -> None:
    from trustyard.models.certificates import _columns
    from trustyard.pki.certificates import read_certificate

    read = [(number, read_certificate(der)) for number, der in made]
    columns = ({"sha256": one.sha256, **_columns(one)} for _, one in read)
    _copy("storedcertificate", _STORED, ([row[name] for name in _STORED] for row in columns))
    _copy("certificate", _CERTIFICATE, (_definition(number, one.facts, now) for number, one in read))
    _copy("entry", _ENTRY, (row for number, one in read for row in _entries(number, one, places, now)))


def _definition(number: int, facts: Any, now: datetime) -> list[Any]:
    from trustyard.pki.names import fold, search_fold

    name, described = facts.certificate_name, f"Mutual TLS, contract {number * 7919 % 10_000_019:08d}"
    changed = now - timedelta(seconds=(number * 104_729) % 31_536_000, microseconds=number % 1_000_000)
    return [number + 1, 1, name, fold(name), described, search_fold(f"{name}\n{described}"), changed, changed]


def _entries(number: int, certificate: Any, places: list[int], now: datetime) -> Iterator[list[Any]]:
    """One environment each, a tenth of them in a second one too; two in a thousand are revoked."""
    from trustyard.actions import alias_files
    from trustyard.pki.names import fold

    revoked = [now, "admin", "Left us."] if number % 500 == 7 else [None, "", ""]
    alias = certificate.facts.certificate_name
    for place in [number % ENVIRONMENTS, *([(number + 77) % ENVIRONMENTS] if number % 10 == 3 else [])]:
        chain = json.dumps([certificate.sha256])
        names = [alias, fold(alias), alias_files.stored(alias)]
        yield [number + 1, places[place], *names, "file", "", chain, certificate.sha256, *revoked]


def _events(count: int, now: datetime) -> None:
    """A chain of events, one for each certificate, of twenty people."""
    from trustyard import models
    from trustyard.actions import audit

    begun = now - timedelta(days=365)

    head = audit.GENESIS

    def rows() -> Iterator[list[Any]]:
        nonlocal head
        for number in range(count):
            event = models.AuditEvent(
                at=begun + timedelta(seconds=number * 31), actor=f"person-{number % 20}", via="console", address="",
                action="certificate.create" if number % 50 else "certificate.update", object_kind="certificate",
                object_name=f"partner-{number:07d}", before=None, after={"description": ""}, prev_hash=head,
            )  # fmt: skip
            event.hash = head = audit._hash(event)
            values = [getattr(event, name) for name in _EVENT]
            values[_EVENT.index("after")] = '{"description": ""}'
            yield values

    _copy("auditevent", _EVENT, rows())
    models.AuditHead.objects.update_or_create(pk=1, defaults={"hash": head, "events": count})


def _gateways() -> None:
    """In each environment one of Envoy and one of files, all of whose nodes are there."""
    from django.utils import timezone

    from trustyard import models

    now = timezone.now()
    for place in models.Environment.objects.all():
        for kind in ("envoy", "files"):
            row = models.Gateway.objects.create(environment=place, name=kind, name_key=kind, kind=kind)
            models.Node.objects.bulk_create(
                models.Node(gateway=row, name=f"node-{n}", connected=True, last_seen=now) for n in range(NODES)
            )


def _jwks(count: int) -> None:
    from trustyard import models
    from trustyard.pki.jwks import jwk_from_certificate

    rows = models.Entry.objects.filter(x509__is_ca=False).select_related("x509").order_by("certificate_id")[:count]
    kept = []
    for number, entry in enumerate(rows):
        public = dict(jwk_from_certificate(entry.x509.read(), use="sig", alg=None))
        name = f"signing-{number:05d}"
        kept.append(models.Jwk(name=name, name_key=name, kid=public["kid"], use="sig", public=public, entry=entry))
    made = models.Jwk.objects.bulk_create(kept, batch_size=500)
    through = models.Jwk.environments.through
    through.objects.bulk_create(
        [through(jwk_id=row.pk, environment_id=row.entry.environment_id) for row in made if row.entry], batch_size=1000
    )


def _releases(now: datetime) -> None:
    """Each environment's history, and a newest release that holds what is saved; all nodes have taken it."""
    from trustyard import models
    from trustyard.actions import releases, roots
    from trustyard.actions.actors import LOCAL

    roots.keep(list(roots.mozilla()))
    empty = {"environment": "", "entries": [], "roots": [], "jwks": []}
    for place in models.Environment.objects.all():
        models.Release.objects.bulk_create(
            models.Release(environment=place, number=number, digest=f"{number:064x}", content=empty, made_by="person-1",
                           created_at=now - timedelta(days=OLD_RELEASES + 1 - number))
            for number in range(1, OLD_RELEASES + 1)
        )  # fmt: skip
        models.Environment.objects.filter(pk=place.pk).update(last_number=OLD_RELEASES)
        release = releases.deploy(LOCAL, place.name).release
        models.Receipt.objects.bulk_create(
            models.Receipt(release=release, gateway=gateway, node=f"node-{n}", state="accepted", at=now)
            for gateway in place.gateways.all() for n in range(NODES)
        )  # fmt: skip


def _copy(table: str, names: list[str], rows: Iterable[list[Any]]) -> None:
    from django.db import connection

    _run("SET statement_timeout = 0")  # a million rows take longer than a request may
    statement = f"COPY trustyard_{table} ({', '.join(names)}) FROM STDIN"
    with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _run(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


if __name__ == "__main__":
    main()
