"""Two aliases of one file name: found on purpose, never by chance; the second one is refused, however it comes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import alias_files, certificates, chains, entries, promotion, releases, truststores
from trustyard.actions.certificates import EntryGiven, Saved
from trustyard.actions.imports import Given, Import
from trustyard.errors import Conflict
from trustyard.jobs import cleaning
from trustyard.pki.filenames import safe_filename
from trustyard.pki.names import fold

from .conftest import ADMIN, OPERATOR, fresh

ONE, TWO = "partner, bank(live(key>x", "partner; bank)live=key{x"
SAID = f"The alias {TWO} would have the file name of {ONE} of the certificate one in test."
Add = Callable[..., Saved]


def rename_as_an_older_node(alias: str, new: str) -> None:
    models.Entry.objects.filter(alias=alias).update(alias=new, alias_key=fold(new))


def is_filed() -> bool:
    """Whether the stored file name of each alias is that of the alias."""
    return all(
        file == alias_files.stored(alias) for alias, file in models.Entry.objects.values_list("alias", "alias_file")
    )


def test_the_pair_has_one_file_name_and_is_two_aliases() -> None:
    assert safe_filename(ONE) == safe_filename(TWO)
    assert ONE.casefold() != TWO.casefold()


def test_the_second_alias_is_refused_where_the_first_one_is_and_nowhere_else(add: Add) -> None:
    """Else the file, and the secret that Envoy asks for by that name, would trust a certificate of somebody else's."""
    add("one", alias=ONE)
    with pytest.raises(Conflict) as caught:
        add("two", alias=TWO)
    assert (caught.value.code, caught.value.sentence) == ("alias-taken", SAID)
    assert [field.field for field in caught.value.fields] == ["entries.0.alias"]
    add("two", "production", alias=TWO)
    add("three", alias="partner-bank-live-key-x")
    assert is_filed()


def test_an_alias_cannot_be_changed_to_one_of_the_same_file_name_except_of_its_own(add: Add) -> None:
    add("one", alias=ONE)
    add("two", alias="two")
    with pytest.raises(Conflict):
        certificates.update(ADMIN, "two", if_match="*", entries=[EntryGiven(("test",), TWO, None)])
    certificates.update(ADMIN, "one", if_match="*", entries=[EntryGiven(("test",), TWO, None)])
    assert set(models.Entry.objects.values_list("alias", flat=True)) == {TWO, "two"}
    assert is_filed()
    for alias in ("plain", "plainer", "has blanks"):
        certificates.update(ADMIN, "one", if_match="*", entries=[EntryGiven(("test",), alias, None)])
        assert is_filed()
    certificates.update(ADMIN, "two", if_match="*", entries=[EntryGiven(("test",), TWO, None)])


def test_the_same_alias_is_called_taken_and_not_one_of_the_same_file_name(add: Add) -> None:
    add("one", alias="has blanks")
    with pytest.raises(Conflict) as caught:
        add("two", alias="has blanks")
    assert caught.value.sentence == "The alias has blanks is taken in test by the certificate one."


def test_a_promotion_refuses_it_by_name(add: Add) -> None:
    add("one", "production", alias=ONE)
    add("two", alias=TWO)
    with pytest.raises(Conflict, match="would have the file name") as caught:
        promotion.promote(OPERATOR, "production", source="test", deploy=False)
    assert [field.field for field in caught.value.fields] == ["certificates.two"]
    add("three", alias="has blanks")
    done = promotion.promote(OPERATOR, "production", source="test", names=["three"], deploy=False)
    assert [step.alias for step in done.steps] == ["has blanks"]
    assert is_filed()


def test_an_import_leaves_it_out_by_name(ca: Ca) -> None:
    both = b"".join(ca.issue(name).cert_pem for name in (ONE, TWO))
    running = Import(OPERATOR, ("test",), [Given("both.pem", both)], None)
    list(running.read())
    done = running.store(deploy=False)
    assert list(models.Entry.objects.values_list("alias", flat=True)) == [ONE]
    assert [(one.code, one.reason) for one in done.left_out] == [
        ("alias-taken", f"The alias {TWO} would have the file name of the alias {ONE}.")
    ]
    assert is_filed()


def test_an_import_leaves_out_what_meets_an_alias_that_is_stored(add: Add, ca: Ca) -> None:
    add("one", alias=ONE)
    both = b"".join(ca.issue(name).cert_pem for name in (TWO, "has blanks"))
    running = Import(OPERATOR, ("test", "production"), [Given("both.pem", both)], None)
    list(running.read())
    assert [one.code for one in running.store(deploy=False).left_out] == ["alias-taken"]
    assert set(models.Entry.objects.values_list("alias", flat=True)) == {ONE, "has blanks"}


def test_where_both_were_stored_all_the_same_the_older_one_is_released_and_the_other_is_named(add: Add) -> None:
    add("two", alias=TWO)
    add("one", alias="one")
    rename_as_an_older_node("one", ONE)  # or as two saves at one moment could
    release = releases.deploy(ADMIN, "test").release
    assert [entry.alias for entry in release.read().entries] == [TWO]
    reasons = [(left.alias, left.reason) for left in release.read().left_out]
    assert reasons == [(ONE, f"Its file name would be that of the alias {TWO}: give one of the two another alias.")]


def test_what_the_release_leaves_out_for_its_file_name_is_said_so_everywhere_and_waits_nowhere(add: Add) -> None:
    add("two", alias=TWO)
    two, one = (add(name, alias=name).certificate for name in ("another", "one"))
    rename_as_an_older_node("one", ONE)
    alias_files.file_all()
    row = next(row for row in truststores.rows(ADMIN, "test") if row["alias"] == ONE)
    (entry,) = certificates.certificate_json(fresh(one))["entries"]
    (anchor,) = (one for one in chains.of_entry(ADMIN, "one", "test")["anchors"] if one["alias"] == ONE)
    assert row["left_out"].startswith("Its file name would be that of the alias ")
    assert entry["left_out"] == anchor["left_out"] == row["left_out"]
    assert "left out of releases: file name taken" in anchor["sentence"]
    assert certificates.certificate_json(fresh(two))["entries"][0]["left_out"] is None
    left = promotion.preview(OPERATOR, "production", source="test").left_behind
    assert [(one.alias, one.reason) for one in left] == [(ONE, f"In test: {row['left_out']}")]


def test_an_alias_that_an_older_node_added_is_seen_after_the_next_clean_up(add: Add) -> None:
    """Until then releases guard: see above."""
    add("one", alias=ONE)
    models.Entry.objects.update(alias_file=None)  # it knows nothing of that column
    assert alias_files.file_all() == 1
    assert is_filed()
    with pytest.raises(Conflict):
        add("two", alias=TWO)
    assert alias_files.file_all() == 0


@pytest.mark.parametrize("before", ["plain", "has blanks"])
def test_an_alias_that_an_older_node_changed_is_seen_after_the_next_clean_up(
    add: Add, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then releases guard, as above."""
    add("one", alias=before)
    rename_as_an_older_node(before, ONE)
    monkeypatch.setattr(cleaning, "looked_after", nullcontext)  # the connection is this test's
    cleaning.clean()
    assert is_filed()
    with pytest.raises(Conflict):
        add("two", alias=TWO)


def test_a_file_name_that_an_older_node_left_with_another_alias_refuses_nobody(add: Add) -> None:
    add("one", alias=ONE)
    rename_as_an_older_node(ONE, "plain")
    add("two", alias=TWO)


def test_the_migration_fills_what_is_stored_and_goes_on_where_it_was_interrupted(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    filling = import_module("trustyard.migrations.0015_alias_file_filled")
    monkeypatch.setattr(filling, "BATCH", 2)
    for alias in ("plain", ONE, "has blanks", "plainer", "ärger"):
        add(alias, alias=alias)
    models.Entry.objects.update(alias_file=None)
    with connection.schema_editor(atomic=False) if connection.vendor != "sqlite" else nullcontext() as editor:
        filling.fill(apps, editor or SimpleNamespace(connection=connection))
    assert is_filed()
    names = dict(models.Entry.objects.values_list("alias", "alias_file"))
    assert (names["plain"], names["has blanks"]) == (None, safe_filename("has blanks"))


def test_a_save_looks_for_the_file_name_by_an_index(add: Add) -> None:
    """However many aliases the environment has, and however many of them are no file names."""
    first = add("one", alias=ONE).certificate.entries.get()
    fill(first, 3_000)
    with CaptureQueriesContext(connection) as asked:
        assert alias_files.holder(first.environment, TWO) == (ONE, "one")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE trustyard_entry")
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{explain} {asked.captured_queries[-1]['sql']}")
        plan = [str(line) for line in cursor.fetchall()]
    assert sum("entry_alias_file" in line for line in plan) == 1, plan


def fill(like: models.Entry, count: int) -> None:
    """Many certificates in the environment of this entry, with the same content and aliases of their own."""
    rows = [models.Certificate(name=f"no. {at}", name_key=f"no. {at}") for at in range(count)]
    models.Certificate.create_all(rows)
    made = [
        models.Entry(certificate=row, environment=like.environment, source_kind="file", x509_id=like.x509_id)
        for row in rows
    ]
    for entry, row in zip(made, rows, strict=True):
        entries.set_alias(entry, row.name)
    models.Entry.objects.bulk_create(made, batch_size=500)
