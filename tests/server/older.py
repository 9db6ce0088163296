"""Makes what an older Trustyard left behind: `python -m tests.server.older MIGRATION PEM [FILE]`.

A database at that migration with a little of everything in it, written by the models of then; with FILE a backup too.
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trustyard.pki.certificates import read_certificate
from trustyard.pki.content import Content, TrustedEntry
from trustyard.server.configuration import Configuration
from trustyard.server.datadir import prepare, secret_of
from trustyard.server.opening import set_up

THEN = datetime(2026, 11, 2, 3, 4, 5, 678901, tzinfo=UTC)
PASSWORD = "a password of then"
ALIAS = "the partner"  # which is no file name as it stands


def main(migration: str, pem: Path, file: str = "") -> None:
    """`pem` is the certificate that the database holds."""
    configuration = Configuration.from_environment()
    prepare(configuration)
    set_up()
    from django.db import connection, transaction
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] != "trustyard"]
    leaves = [*others, ("trustyard", migration)]
    executor.migrate(leaves)
    apps = executor.loader.project_state(leaves).apps
    with transaction.atomic():
        fill(apps, pem.read_text())
    if file:
        from trustyard.server.backup.making import write
        from trustyard.server.backup.tables import carried

        with Path(file).open("wb") as out:
            write(out, file, secret_of(configuration), carried(apps))


def fill(apps: Any, pem: str) -> None:
    """People, a certificate in force, a gateway, a JWK's worth of nothing, and three audit events."""
    from django.contrib.auth.hashers import make_password

    def make(name: str, /, **values: Any) -> Any:
        model = apps.get_model("trustyard", name)
        known = {field.name for field in model._meta.fields}
        return model._base_manager.create(**{key: value for key, value in values.items() if key in known})

    make("User", username="ada", password=make_password(PASSWORD), role="admin")
    place = make("Environment", name="old", name_key="old", last_number=1)
    make("Gateway", environment=place, name="files", name_key="files", kind="files")
    read = read_certificate(der_of(pem))
    facts = read.facts
    stored = make(
        "StoredCertificate", sha256=read.sha256, der=read.der, sha1=facts.sha1, spki_sha256=facts.spki_sha256,
        serial_hex=facts.serial_hex, subject=facts.subject, issuer=facts.issuer, key_type=facts.key.type,
        certificate_name=facts.certificate_name, not_before=facts.not_before, not_after=facts.not_after,
        expiring_from=facts.not_after, search_text=facts.subject.lower(), is_ca=True,
    )  # fmt: skip
    certificate = make("Certificate", name="partner", name_key="partner", search_text="partner\n")
    make(
        "Entry", certificate=certificate, environment=place, alias=ALIAS, alias_key=ALIAS, source_kind="file",
        chain=[read.sha256], x509=stored,
    )  # fmt: skip
    content = Content("old", (TrustedEntry(ALIAS, "partner", read.sha256),), (), ())
    make(
        "Release", environment=place, number=1, digest=content.digest(), content=content.canonical(), made_by="ada",
        created_at=THEN,
    )  # fmt: skip
    events = [event(make, "0" * 64, "environment.create")]
    events += [event(make, events[0].hash, "certificate.create")]
    make("AuditHead", pk=1, id=1, hash=events[-1].hash, events=len(events))


def event(make: Any, before: str, action: str) -> Any:
    """An audit event as the first version chained them."""
    value = [before, THEN.isoformat(), "ada", "console", "", action, "environment", "old", None, {"name": "old"}]
    digest = hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return make(
        "AuditEvent", at=THEN, actor="ada", via="console", action=action, object_kind="environment",
        object_name="old", before=None, after={"name": "old"}, prev_hash=before, hash=digest,
    )  # fmt: skip


def der_of(pem: str) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
