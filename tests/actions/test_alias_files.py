"""Two aliases of one file name: found on purpose, never by chance; the second one is refused, however it comes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import certificates, promotion, releases
from trustyard.actions.certificates import EntryGiven, Saved
from trustyard.actions.imports import Given, Import
from trustyard.errors import Conflict
from trustyard.pki.filenames import safe_filename

from .conftest import ADMIN, OPERATOR

ONE, TWO = "partner, bank(live(key>x", "partner; bank)live=key{x"
SAID = f"The alias {TWO} would have the file name of {ONE} of the certificate one in test."
Add = Callable[..., Saved]


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


def test_an_alias_cannot_be_changed_to_one_of_the_same_file_name_except_of_its_own(add: Add) -> None:
    add("one", alias=ONE)
    add("two", alias="two")
    with pytest.raises(Conflict):
        certificates.update(ADMIN, "two", if_match="*", entries=[EntryGiven(("test",), TWO, None)])
    certificates.update(ADMIN, "one", if_match="*", entries=[EntryGiven(("test",), TWO, None)])
    assert set(models.Entry.objects.values_list("alias", flat=True)) == {TWO, "two"}


def test_a_promotion_refuses_it_by_name(add: Add) -> None:
    add("one", "production", alias=ONE)
    add("two", alias=TWO)
    with pytest.raises(Conflict, match="would have the file name") as caught:
        promotion.promote(OPERATOR, "production", source="test", deploy=False)
    assert [field.field for field in caught.value.fields] == ["certificates.two"]


def test_an_import_leaves_it_out_by_name(ca: Ca) -> None:
    both = b"".join(ca.issue(name).cert_pem for name in (ONE, TWO))
    running = Import(OPERATOR, ("test",), [Given("both.pem", both)], None)
    list(running.read())
    done = running.store(deploy=False)
    assert list(models.Entry.objects.values_list("alias", flat=True)) == [ONE]
    assert [(one.code, one.reason) for one in done.left_out] == [
        ("alias-taken", f"The alias {TWO} would have the file name of the alias {ONE}.")
    ]


def test_where_both_were_stored_all_the_same_the_older_one_is_released_and_the_other_is_named(add: Add) -> None:
    add("two", alias=TWO)
    add("one", alias="one")
    models.Entry.objects.filter(alias="one").update(alias=ONE, alias_key=ONE)  # as two saves at one moment could
    release = releases.deploy(ADMIN, "test").release
    assert [entry.alias for entry in release.read().entries] == [TWO]
    reasons = [(left.alias, left.reason) for left in release.read().left_out]
    assert reasons == [(ONE, f"Its file name would be that of the alias {TWO}: give one of the two another alias.")]
