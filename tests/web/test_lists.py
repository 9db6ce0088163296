"""List pages: their number of queries is a checked-in figure, whatever they show."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.authority import Authority
from tests.live.anchors import root
from tests.tls_servers import Ca
from trustyard import models
from trustyard.actions import certificates, environments, gateways, jwks, receipts, releases, twins
from trustyard.actions.actors import LOCAL
from trustyard.actions.certificates import Definition, EntryGiven
from trustyard.actions.sources import Paste
from trustyard.actions.twins import Heard
from trustyard.gateways.receipts import Receipt
from trustyard.pki.filenames import safe_filename

from .people import signed_in

pytestmark = pytest.mark.django_db

# Session, user, certificates (count, rows), entries with X.509, environments; releases; file names; the filter.
QUERIES = {"/certificates/": 9}
SORTS = "name -name valid_until -valid_until -changed changed"


@pytest.fixture
def person(client: Client) -> Client:
    return signed_in(client, "looks", "viewer")


def fill(count: int, start: int = 0) -> None:
    authority = Authority("List CA")
    for number in range(start, start + count):
        pem = authority.issue(f"partner {number}").pem
        entries = [EntryGiven(("test", "production"), f"alias {number}", Paste("BASE64PEM", pem))]
        certificates.create(LOCAL, [Definition(f"partner {number}", "", entries)])


def test_a_longer_list_needs_no_more_queries(person: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for name in ("test", "production"):
        environments.create(LOCAL, name=name)
    fill(3)
    with django_assert_num_queries(QUERIES["/certificates/"]):
        assert b"partner 2" in person.get("/certificates/").content
    fill(20, start=3)
    with django_assert_num_queries(QUERIES["/certificates/"]):
        assert b"partner 22" in person.get("/certificates/").content


def test_a_certificate_in_many_environments_folds_them(person: Client) -> None:
    names = [f"place {number:02}" for number in range(15)]
    for name in names:
        environments.create(LOCAL, name=name)
    pem = Authority("Wide CA").issue("wide").pem
    entry = EntryGiven(tuple(names), "wide", Paste("BASE64PEM", pem))
    [wide] = certificates.create(LOCAL, [Definition("wide", "", [entry])]).certificates
    releases.deploy(LOCAL, "place 00")
    releases.deploy(LOCAL, "place 14")
    shown, _, folded = person.get("/certificates/").content.decode().partition('<details class="more">')
    assert ("place 09" in shown, "place 10<small" in shown) == (True, False)
    assert "<summary>5 more, 4 waiting</summary>" in folded
    assert "place 14" in folded
    said = person.get(f"/certificates/{wide.pk}/").content.decode()
    entries = re.findall(r'<details id="about-\d+" class="folded"( open)?>', said)
    assert entries == [" open", *[""] * 14], "the first of them speaks for many"
    assert said.count("<summary>9 more</summary>") == 1, "and its anchors are folded too"
    later = re.findall(r'hx-get="(/certificates/\d+/in/\d+/)" hx-trigger="toggle from:closest details"', said)
    assert len(later) == 14, "the others come when they are opened"
    opened = person.get(later[-1], headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in opened
    assert 'aria-label="Content of wide in place 14"' in opened
    assert "<summary>9 more</summary>" in opened
    assert person.get(f"/certificates/{wide.pk}/in/0/").status_code == 404
    # An anchor leads to its entry, which is open there.
    at = re.search(r'href="(/certificates/\d+/\?entry=(\d+)#entry-\2)">place 11', opened)
    assert at
    led = person.get(at[1].partition("#")[0]).content.decode()
    assert re.findall(r'<details id="about-(\d+)" class="folded" open>', led) == [at[2]]
    assert f'<h2 id="entry-{at[2]}" tabindex="-1">wide <span class="soft">in <a href=' in led
    assert 'aria-label="Content of wide in place 11"' in led


def test_a_certificates_page_shows_its_environments_by_name(person: Client) -> None:
    for name in ("west", "East", "north"):
        environments.create(LOCAL, name=name)
    pem = Authority("Wide CA").issue("wide").pem
    entry = EntryGiven(("west", "East", "north"), "wide", Paste("BASE64PEM", pem))
    [wide] = certificates.create(LOCAL, [Definition("wide", "", [entry])]).certificates
    said = person.get(f"/certificates/{wide.pk}/").content.decode()
    assert re.findall(r'in <a href="/environments/\d+/">(\w+)</a>', said) == ["East", "north", "west"]
    assert said.count("All that it says") == 3, "a few are not folded"


def test_a_longer_list_of_jwks_needs_no_more_queries(person: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert b"key 1" in person.get("/jwks/").content
        return len(captured)

    def more(*numbers: int) -> None:
        for number in numbers:
            source = jwks.FromCertificate(f"partner {number}", "test")
            jwks.create(LOCAL, name=f"key {number}", source=source, deploy=bool(number % 2))

    for name in ("test", "production"):
        environments.create(LOCAL, name=name)
    fill(8)
    more(0, 1)
    queries()  # reads the newest release once
    few = queries()
    more(2, 3, 4, 5, 6, 7)
    queries()
    assert queries() == few


def test_the_list_of_jwks_marks_those_whose_page_has_a_finding(person: Client) -> None:
    for name in ("test", "production"):
        environments.create(LOCAL, name=name)
    fill(2)
    for number in range(2):
        jwks.create(LOCAL, name=f"key {number}", source=jwks.FromCertificate(f"partner {number}", "test"))
    old = models.Jwk.objects.get(name="key 1")
    old.public = {"kty": "OKP", "crv": "Ed25519", "x": 43 * "A"}  # stored before it was refused
    old.save()
    listed = person.get("/jwks/").content.decode()
    assert re.findall(r'<a class="mark" href="([^"]+)"', listed) == [f"/jwks/{old.pk}/"]
    assert "small order: anybody can sign with it" in person.get(f"/jwks/{old.pk}/").content.decode()


@pytest.mark.parametrize("path", ["/certificates/", "/jwks/", "/environments/", "/certificates/truststore/"])
def test_a_search_for_a_text_that_is_too_long_says_so(person: Client, path: str) -> None:
    for name in ("test", "production"):
        environments.create(LOCAL, name=name)
    fill(1)
    answer = person.get(path, {"environment": "test", "q": "i" * 60_000})
    assert answer.status_code == 422
    assert b"A search is for at most 1000 characters" in answer.content


@pytest.mark.parametrize("query", ["?status=x", "?sort=x", "truststore/?origin=x", "truststore/?status=x"])
def test_a_filter_of_certificates_that_does_not_exist_is_refused(person: Client, query: str) -> None:
    environments.create(LOCAL, name="test")
    assert person.get(f"/certificates/{query}").status_code == 422


def test_a_state_of_jwks_that_does_not_exist_is_refused(person: Client) -> None:
    answer = person.get("/jwks/?state=revoked")
    assert answer.status_code == 422
    assert b"The state of a JWK is active or disabled." in answer.content


def test_certificates_are_sorted_as_the_form_says_and_filters_keep_that(person: Client) -> None:
    environments.create(LOCAL, name="test")
    environments.create(LOCAL, name="production")
    fill(3)
    shown = person.get("/certificates/").content.decode()
    _, _, choices = shown.partition('name="sort">')
    sorts = re.findall('<option value="(.+?)"( selected)?>', choices)
    assert [value for value, _ in sorts] == [*SORTS.split()]
    first = {}
    for value, _ in sorts:
        page = person.get(f"/certificates/?sort={value}&status=valid").content.decode()
        assert f'<option value="{value}" selected>' in page
        first[value] = re.findall(r">(partner \d)</a>", page)[0]
    assert (first["name"], first["-name"], first["changed"], first["-changed"]) == ("partner 0", "partner 2") * 2


def test_what_a_policy_leaves_out_is_not_said_to_wait(person: Client) -> None:
    strict = {"weak": "leave out"}
    for name, policy in (("test", {}), ("production", strict)):
        environments.create(LOCAL, name=name, policy=policy)
    weak = root("A short CA", rsa.generate_private_key(65537, 1024)).pem
    entry = EntryGiven(("test", "production"), "short", Paste("BASE64PEM", weak))
    [short] = certificates.create(LOCAL, [Definition("short", "", [entry])]).certificates

    def said() -> tuple[list[str], list[str], list[str]]:
        pages = [person.get(path).content.decode() for path in ("/certificates/", f"/certificates/{short.pk}/")]
        on_list = re.findall(r'<small title="[^"]+">([^<]+)</small>', pages[0])
        drawn = re.findall(r'<a class="chip[^>]+><title>[^(]+\(([^)]+)\)', pages[1])
        return on_list, re.findall(r"waits for a release|not in force: [^<]+", pages[1]), drawn[:2]

    policy, left_out = "not in force: too weak for the policy", "saved, left out of releases: too weak"
    # Each entry's picture has the anchors of both environments; those that are trusted come first.
    waits = ["saved, not in force", left_out]
    assert said() == (["waits", "too weak"], [policy, "waits for a release"], waits)
    page = person.get(f"/certificates/{short.pk}/").content.decode()
    assert page.count("test: short (waits)</text>") == page.count("production: short (left out)</text>") == 2
    assert "it is an anchor itself in test." in page
    rows = person.get("/certificates/truststore/?environment=production").content.decode()
    assert re.findall(r'<td data-label="In force"><span class="badge warn">([^<]+)</span>', rows) == ["left out"]
    assert "The policy of production leaves it out: " in rows
    assert [state(person, name) for name in ("test", "production")] == ["changes wait", "what is left out changed"]
    assert "would change nothing but what is left out." in environment(person, "production")
    releases.deploy(LOCAL, "test")
    releases.deploy(LOCAL, "production")
    assert said() == (["too weak"], [policy], ["in force", left_out])
    newest = models.Release.objects.filter(environment__name="production")[0]
    _, _, table = person.get(f"/releases/{newest.pk}/").content.decode().partition('aria-label="Left out"')
    assert "The policy of production leaves it out: " in table.partition("</table>")[0]
    assert [state(person, name) for name in ("test", "production")] == ["", ""]
    waits = "What is saved for test differs from what is in force."
    assert waits not in environment(person, "test")
    environments.update(LOCAL, "test", if_match="*", policy=strict)
    assert said()[:2] == (["waits", "too weak"], [policy, "waits for a release"])
    assert said()[2] == ["in force, goes with the next release", left_out]
    assert waits in environment(person, "test")
    releases.deploy(LOCAL, "test")
    odd = Ca.new("Odd CA").issue("no-alternative-name.example").cert_pem.decode()
    entry = EntryGiven(("production",), "odd", Paste("BASE64PEM", odd))
    certificates.create(LOCAL, [Definition("odd", "", [entry])], deploy=True)
    assert said()[0] == ["too weak", "too weak"], "a warning leaves nothing out"
    assert "It ends only at what the releases of test and production leave out." in (
        person.get(f"/certificates/{short.pk}/").content.decode()
    )


def test_an_alias_whose_file_name_an_older_one_has_is_not_said_to_wait(person: Client) -> None:
    environments.create(LOCAL, name="test")
    authority, older, later = Authority("List CA"), "partner, bank(live(key>x", "partner; bank)live=key{x"
    for alias in (older, "later"):
        entry = EntryGiven(("test",), alias, Paste("BASE64PEM", authority.issue(alias).pem))
        [row] = certificates.create(LOCAL, [Definition(alias, "", [entry])]).certificates
    held = {"alias": later, "alias_key": later, "alias_file": safe_filename(later)}
    models.Entry.objects.filter(alias="later").update(**held)  # as two saves at one moment could
    pages = [person.get(path).content.decode() for path in ("/certificates/", f"/certificates/{row.pk}/")]
    assert re.findall(r'<small title="[^"]+">([^<]+)</small>', pages[0]) == ["file name taken", "waits"]
    assert re.findall(r"waits for a release|not in force: [^<]+", pages[1]) == ["not in force: file name taken"]


def state(person: Client, name: str) -> str:
    """What the list says of what an environment's next release would change."""
    row = person.get("/environments/", {"q": name}).content.decode()
    found = re.search(r'<span class="badge (?:long|warn)">([^<]+)</span>', row.partition('data-label="Release"')[2])
    return found[1] if found else ""


def test_where_there_are_very_many_certificates_each_environment_says_later_what_waits(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments.create(LOCAL, name="test")
    environments.create(LOCAL, name="production")
    fill(2)
    releases.deploy(LOCAL, "test")
    monkeypatch.setattr("trustyard.web.views.environments.AT_ONCE", 1)
    rows = person.get("/environments/").content.decode()
    said = [person.get(path).content.decode() for path in re.findall('hx-get="([^"]+/waits/)"', rows)]
    waiting = dict(zip(re.findall(r'href="/environments/\d+/">([^<]+)<', rows), said, strict=True))
    assert {name: re.findall(">([^<]+)<", badge) for name, badge in waiting.items()} == {
        "production": ["changes wait"],
        "test": [],
    }
    assert "changes wait" not in rows


def test_an_environment_says_how_much_belongs_to_it(person: Client) -> None:
    for name in ("test", "production"):
        environments.create(LOCAL, name=name)
    fill(2)
    jwks.create(LOCAL, name="key", source=jwks.FromCertificate("partner 0", "test"), deploy=True)
    for number in range(3):
        gateways.create(LOCAL, "test", name=f"edge-{number}", kind="envoy", options={})
    row = person.get("/environments/", {"q": "test"}).content.decode()
    assert re.findall(r'aria-label="(\d \w+) of test"', row) == ["2 certificates", "3 gateways"]
    said = environment(person, "test")
    assert re.findall(r"</svg> (\d \w+)</a>", said) == ["2 certificates", "1 JWK", "3 gateways", "1 release"]


def environment(person: Client, name: str) -> str:
    return person.get(f"/environments/{models.Environment.objects.get(name=name).pk}/").content.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/environments/",
        "/releases/",
        "/releases/?at=2099-12-31T23:59",
        "/gateways/",
        "/api/v1/environments",
        "/api/v1/certificates/partner 0/entries/test/chain",
    ],
)
def test_more_environments_need_no_more_queries(person: Client, path: str) -> None:
    def queries() -> int:
        person.get(path)  # reads the newest releases once
        with CaptureQueriesContext(connection) as captured:
            assert person.get(path).status_code == 200
        return len(captured)

    def more(*names: str) -> None:
        for name in names:
            roots = Authority(name).pem.encode()
            environments.create(LOCAL, name=name, root_set=roots, policy={"weak": "leave out"})
            gateways.create(LOCAL, name, name="edge", kind="envoy", options={})
            releases.deploy(LOCAL, name)

    more("test", "production")
    fill(1)
    few = queries()
    more("three", "four", "five")
    assert queries() == few


def test_environments_come_by_name_and_are_searched(person: Client) -> None:
    for name in ("west 2", "East", "west 1", "İstanbul", "north"):
        environments.create(LOCAL, name=name, description="on the Bosphorus" if name == "north" else "")

    def shown(path: str, **headers: str) -> list[str]:
        page = person.get(path, headers=headers).content.decode()
        assert ("<html" in page) == (not headers)
        return re.findall(r'<a href="/environments/\d+/">(.+?)</a>', page)

    assert shown("/environments/") == ["East", "İstanbul", "north", "west 1", "west 2"]
    assert shown("/environments/?q=WEST", **{"HX-Request": "true"}) == ["west 1", "west 2"]
    assert shown("/environments/?q=istanbul") == ["İstanbul"]
    assert shown("/environments/?q=bosphorus") == ["north"]
    none = person.get("/environments/?q=south").content.decode()
    assert "No environments match" in none
    assert "No environment yet" not in none
    for number in range(21):
        environments.create(LOCAL, name=f"{number}")
    assert "1–25 of 26" in person.get("/environments/").content.decode()
    assert shown("/environments/?page=2") == ["west 2"]


@pytest.mark.parametrize("path", ["/certificates/truststore/", "/releases/compare/", "/certificates/compare/"])
def test_environments_are_offered_by_name_and_the_first_that_was_made_is_chosen(person: Client, path: str) -> None:
    for name in ("test", "production", "acceptance"):
        environments.create(LOCAL, name=name)
    fill(1)
    entry = models.Entry.objects.get(environment__name="test")
    page = person.get(path, {"left": entry.pk}).content.decode()
    select, _, _ = page.partition('name="environment"')[2].partition("</select>")
    assert re.findall(r"<option( selected)?>(.+?)</option>", select) == [
        ("", "acceptance"),
        ("", "production"),
        (" selected", "test"),
    ]


def test_gateways_come_in_pages_and_by_environment(person: Client) -> None:
    for name in ("test", "production", "empty"):
        environments.create(LOCAL, name=name)
    for number in range(50):
        gateways.create(LOCAL, "test", name=f"edge-{number}", kind="envoy", options={})
    gateways.create(LOCAL, "production", name="last", kind="envoy", options={})
    first = person.get("/gateways/").content.decode()
    assert ">edge-49</a>" in first
    assert ">last</a>" not in first
    assert "1–50 of 51" in first
    assert ">last</a>" in person.get("/gateways/?page=2").content.decode()
    part = person.get("/gateways/?environment=production", headers={"HX-Request": "true"}).content.decode()
    assert ">last</a>" in part
    assert "edge-" not in part
    assert "<html" not in part
    assert "No gateway here" in person.get("/gateways/?environment=empty").content.decode()
    assert person.get("/gateways/?environment=nowhere").status_code == 404


def test_gateways_are_found_by_name_and_by_state(person: Client) -> None:
    for name in ("test", "production", "new"):
        environments.create(LOCAL, name=name)
    made = {
        name: gateways.create(LOCAL, place, name=name, kind="envoy", options={})
        for name, place in (
            ("edge-ok", "test"),
            ("edge-refusing", "test"),
            ("edge-silent", "test"),
            ("inner", "production"),
            ("unreleased", "new"),
        )
    }
    for place in ("test", "production"):
        releases.deploy(LOCAL, place)
    words = [
        ("edge-ok", "accepted"),
        ("edge-ok", "observed"),
        ("edge-refusing", "accepted"),
        ("edge-refusing", "refused"),
        ("inner", "drifted"),
    ]
    receipts.record_all((made[name].pk, 1, Receipt(f"node-{state}", state)) for name, state in words)

    def found(**filters: str) -> list[str]:
        page = person.get("/gateways/", filters, headers={"HX-Request": "true"}).content.decode()
        return re.findall(r'<th scope="row"[^>]*><a [^>]*>(.+?)</a>', page)

    assert found(q="EDGE") == ["edge-ok", "edge-refusing", "edge-silent"]
    assert found(state="needs attention") == ["edge-refusing", "edge-silent", "inner"]
    assert found(state="needs attention", environment="production") == ["inner"]
    assert found(state="accepted") == ["edge-ok"]
    assert found(state="refused", q="edge") == ["edge-refusing"]
    assert found(state="pending") == ["edge-silent"]
    assert "No gateways match" in person.get("/gateways/", {"state": "open"}).content.decode()
    assert person.get("/gateways/", {"state": "asleep"}).status_code == 422
    assert "<option selected>refused</option>" in person.get("/gateways/", {"state": "refused"}).content.decode()


def test_of_a_gateways_nodes_the_list_shows_the_worst_word(person: Client) -> None:
    environments.create(LOCAL, name="test")
    edge = gateways.create(LOCAL, "test", name="edge", kind="envoy", options={})
    releases.deploy(LOCAL, "test")
    words = [Receipt("a", "accepted"), Receipt("b", "refused", "no such anchor"), Receipt("c", "accepted")]
    receipts.record_all((edge.pk, 1, word) for word in words)
    assert (
        '<span class="badge bad">refused</span> <small class="soft">no such anchor<'
        in person.get("/gateways/").content.decode()
    )


def test_a_gateways_page_names_two_agents_of_one_name_and_where_they_are(person: Client) -> None:
    environments.create(LOCAL, name="test")
    edge = gateways.create(LOCAL, "test", name="edge", kind="agent")
    receipts.seen_all([(edge.pk, name, True) for name in ("twice", "same", "alone")])
    now = timezone.now()
    for number, process in enumerate("abab"):
        address, at = {"a": "192.0.2.7", "b": "192.0.2.8"}[process], now - timedelta(seconds=60 - number)
        twins.note([Heard(edge.pk, "twice", process, address, at)])
        twins.note([Heard(edge.pk, "same", process, "192.0.2.5", at)])
        twins.note([Heard(edge.pk, "alone", "c", "192.0.2.9", now)])
    page = person.get(f"/gateways/{edge.pk}/").content.decode()
    assert page.count("2 agents of one name") == 2
    assert "from 192.0.2.7 and 192.0.2.8" in page
    assert "from 192.0.2.5, and" in page, "on one host, or behind one address"
    assert "192.0.2.9" not in page


def test_a_404_and_a_403_are_pages_of_the_console(person: Client) -> None:
    lost = person.get("/nothing/")
    assert lost.status_code == 404
    assert b"To the start page" in lost.content
    refused = person.get("/users/")
    assert refused.status_code == 403
    assert b"role viewer may not" in refused.content


def test_a_stranger_is_not_told_which_addresses_exist(client: Client) -> None:
    assert client.get("/certificates/1/").status_code == 302
    assert b"Skip to content" in client.get("/nothing/").content
