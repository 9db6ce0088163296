"""Settings: read once, judged all at a time."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import pytest

from tests.programs import ROOT
from trustyard.errors import Refused
from trustyard.pki.hosts import host_port
from trustyard.server.checking import settings_shown
from trustyard.server.configuration import SETTINGS, Configuration, ConfigurationRefused
from trustyard.server.database import database


def configuration(**settings: str) -> Configuration:
    return Configuration.from_environment({f"TRUSTYARD_{name}": value for name, value in settings.items()})


def test_without_any_setting_the_contracts_defaults_hold() -> None:
    plain = configuration()
    assert plain.data_dir == Path.cwd() / "trustyard-data"
    assert (plain.listen, plain.xds_listen) == (("127.0.0.1", 8400), ("127.0.0.1", 8401))
    assert plain.sqlite
    assert plain.files_roots == plain.fetch_allow == plain.fetch_deny == plain.trusted_proxies == ()


@pytest.mark.parametrize("page", ["nodes.md", "sign-in.md"])
def test_the_settings_of_a_page_of_the_manual_go_together(page: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8").replace("/etc/trustyard", str(tmp_path))
    given = dict(re.findall(r"^ *TRUSTYARD_([A-Z_]+)=(.+)$", text, re.MULTILINE))
    for name in ("secret-key", "xds.crt", "xds.key", "oidc-secret"):
        (tmp_path / name).write_text("x" * 32)
    assert len(given) > 6
    configuration(**{name: value.strip('"') for name, value in given.items()})


def test_every_mistake_is_told_at_once_and_by_its_name() -> None:
    with pytest.raises(ConfigurationRefused) as caught:
        configuration(
            LISTEN="8400", FETCH_DENY="10.0.0.0/33", PUBLIC_URL="trustyard", FILES_ROOTS="srv", XDS_CERT="/no"
        )
    assert {field.field.removeprefix("TRUSTYARD_") for field in caught.value.fields} == {
        "LISTEN",
        "FETCH_DENY",
        "PUBLIC_URL",
        "FILES_ROOTS",
        "XDS_CERT",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "127.0.0.1:65536"),
        ("LISTEN", "127.0.0.1:http"),
        ("LISTEN", ":8400"),
        ("PUBLIC_URL", "ftp://trustyard.example.org"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://trustyard.example.org:0"),
        ("PUBLIC_URL", "https://trustyard.example.org:99999"),
        ("XDS_URL", "https://[::1"),
        ("PUBLIC_URL", "https://trustyard.example.org/path"),
        ("XDS_URL", "https://trustyard.example.org:8401/path"),
        ("ALLOWED_HOSTS", "https://trustyard.example.org"),
    ],
)
def test_an_address_that_is_none_is_refused_at_its_setting(name: str, value: str) -> None:
    with pytest.raises(ConfigurationRefused) as caught:
        configuration(**{name: value})
    (field,) = caught.value.fields
    assert field.field == f"TRUSTYARD_{name}"
    assert field.message.startswith(value), "in words of ours"


def test_of_several_words_empty_ones_do_not_count() -> None:
    assert configuration(ALLOWED_HOSTS="a.example, , b.example,").allowed_hosts == ("a.example", "b.example")
    assert configuration(LISTEN="127.0.0.1:65535").listen == ("127.0.0.1", 65535)


@pytest.mark.parametrize(("given", "missing"), [("XDS_CERT", "XDS_KEY"), ("XDS_KEY", "XDS_CERT")])
def test_a_certificate_and_its_key_go_together(given: str, missing: str) -> None:
    with pytest.raises(ConfigurationRefused) as caught:
        configuration(**{given: __file__})
    assert [field.field for field in caught.value.fields] == [f"TRUSTYARD_{missing}"]


def test_a_folder_is_open_to_all_environments_or_to_the_one_before_the_equals_sign() -> None:
    taken = configuration(FILES_ROOTS="/srv/trust, test = /etc/haproxy, a=b=/x,/srv/c=/d").files_roots
    assert [(str(root.folder), root.environment) for root in taken] == [
        ("/srv/trust", ""),
        ("/etc/haproxy", "test"),
        ("/x", "a=b"),
        ("/srv/c=/d", ""),
    ]
    for wrong in ("test=srv", "=/srv", "test="):
        with pytest.raises(ConfigurationRefused, match="ENVIRONMENT=/an/absolute/path"):
            configuration(FILES_ROOTS=wrong)


@pytest.mark.parametrize(
    "address",
    [
        "mysql://somebody:secret@db/x",
        "postgresql://somebody:secret@db:x/y",
        "postgresql://somebody:secret@[db/x",
        "postgresql://somebody:secret/with-a-slash@db/x",
    ],
)
def test_a_refused_database_address_is_not_repeated(address: str) -> None:
    with pytest.raises(ConfigurationRefused, match="It is not postgresql://") as caught:
        configuration(DATABASE_URL=address)
    assert "secret" not in str(caught.value)
    assert ("TRUSTYARD_DATABASE_URL", "(hidden)", "set") in settings_shown({"TRUSTYARD_DATABASE_URL": address})


def test_a_password_in_the_address_of_the_database_is_not_shown() -> None:
    for shown in ("postgresql://us:(hidden)@db/x", "postgresql://db/x?user=us&password=(hidden)&sslmode=require"):
        address = shown.replace("(hidden)", "secret")
        assert ("TRUSTYARD_DATABASE_URL", shown, "set") in settings_shown({"TRUSTYARD_DATABASE_URL": address})


def test_xds_without_tls_listens_on_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationRefused, match="loopback only"):
        configuration(XDS_LISTEN="0.0.0.0:8401")
    for name in ("cert", "key"):
        (tmp_path / name).write_text("")
    files = {"XDS_CERT": str(tmp_path / "cert"), "XDS_KEY": str(tmp_path / "key")}
    assert configuration(XDS_LISTEN="0.0.0.0:8401", **files).xds_tls
    with pytest.raises(ConfigurationRefused, match="go together"):
        configuration(XDS_CERT=str(tmp_path / "cert"))


def test_lists_of_networks_take_single_addresses_and_both_families() -> None:
    taken = configuration(FETCH_ALLOW="127.0.0.0/8, ::1,10.1.2.3/8").fetch_allow
    assert taken == tuple(ipaddress.ip_network(n) for n in ("127.0.0.0/8", "::1/128", "10.0.0.0/8"))


def test_an_empty_list_is_empty() -> None:
    assert configuration(FETCH_ALLOW="").fetch_allow == ()


def test_ipv6_addresses_are_read_and_written_with_brackets() -> None:
    assert configuration(LISTEN="[::1]:0").listen == ("::1", 0)
    assert host_port("::1", 8400) == "[::1]:8400"


def test_hosts_are_loopback_the_one_listened_on_and_the_public_one() -> None:
    hosts = configuration(LISTEN="10.0.0.5:80", PUBLIC_URL="https://trust.example.org/", ALLOWED_HOSTS="a,b").hosts
    assert set(hosts) == {"localhost", "127.0.0.1", "[::1]", "10.0.0.5", "trust.example.org", "a", "b"}
    assert "0.0.0.0" not in configuration(LISTEN="0.0.0.0:80").hosts


def test_a_database_address_becomes_djangos_own() -> None:
    made = database(configuration(DATABASE_URL="postgresql://us%40er:p%2Fw@db:5433/trust?sslmode=require"))
    assert (made["USER"], made["PASSWORD"], made["HOST"], made["PORT"], made["NAME"]) == (
        "us@er",
        "p/w",
        "db",
        "5433",
        "trust",
    )
    assert made["OPTIONS"]["sslmode"] == "require"


def test_what_an_address_says_of_the_connection_comes_before_our_own_patience() -> None:
    made = database(configuration(DATABASE_URL="postgresql://db/trust?connect_timeout=30"))
    assert made["OPTIONS"]["connect_timeout"] == "30"
    assert made["OPTIONS"]["tcp_user_timeout"] == "10000"


def test_jobs_are_left_to_others_only_where_there_are_others() -> None:
    assert configuration().jobs
    assert not configuration(DATABASE_URL="postgresql://db/trust", JOBS="off").jobs
    with pytest.raises(ConfigurationRefused) as refused:
        configuration(JOBS="off")
    assert [field.field for field in refused.value.fields] == ["TRUSTYARD_JOBS"]


def test_a_secret_key_that_is_named_must_be_there_and_long_enough(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for content in (None, "short"):
        if content:
            file.write_text(content)
        with pytest.raises(ConfigurationRefused) as refused:
            configuration(SECRET_KEY_FILE=str(file))
        assert [field.field for field in refused.value.fields] == ["TRUSTYARD_SECRET_KEY_FILE"]
    file.write_text("k" * 32 + "\n")
    assert configuration(SECRET_KEY_FILE=str(file)).secret_key == "k" * 32


def test_a_secret_key_of_other_bytes_is_refused_in_words(tmp_path: Path) -> None:
    """A line of them might be one byte long."""
    (tmp_path / "secret-key").write_bytes(bytes(range(200, 240)))
    with pytest.raises(ConfigurationRefused, match="no ASCII text"):
        configuration(SECRET_KEY_FILE=str(tmp_path / "secret-key"))
    with pytest.raises(Refused, match="no ASCII text"):
        _ = configuration(DATA_DIR=str(tmp_path)).secret_key
    assert configuration(DATA_DIR=str(tmp_path / "secret-key")).secret_key == ""


def test_a_host_that_is_no_name_is_refused() -> None:
    taken = "trustyard.example.org, 10.0.0.1,[fd00::1],.example.org,*,Host-1"
    assert len(configuration(ALLOWED_HOSTS=taken).allowed_hosts) == 6
    for word in ("https://foo/", "a b", "foo:8400", "foo/bar", "fd00::1", "-", "a_b"):
        with pytest.raises(ConfigurationRefused, match="is no host name"):
            configuration(ALLOWED_HOSTS=f"fine,{word}")


def test_console_and_xds_have_a_port_each() -> None:
    for one, other in (
        ("127.0.0.1:8400", "127.0.0.1:8400"),
        ("0.0.0.0:8400", "127.0.0.1:8400"),
        ("[::]:8400", "[::1]:8400"),
    ):
        with pytest.raises(ConfigurationRefused, match="a port each"):
            configuration(LISTEN=one, XDS_LISTEN=other)
    for one, other in (("127.0.0.1:0", "127.0.0.1:0"), ("10.0.0.1:8400", "127.0.0.1:8400"), ("0.0.0.0:1", "[::1]:1")):
        assert configuration(LISTEN=one, XDS_LISTEN=other)


def test_nobody_waits_for_ever_in_the_database_unless_its_address_says_so() -> None:
    made = database(configuration(DATABASE_URL="postgresql://db/trust?options=-c%20lock_timeout%3D0"))
    assert made["OPTIONS"]["options"].endswith("-c lock_timeout=0")
    assert made["OPTIONS"]["options"].startswith("-c lock_timeout=10000 -c statement_timeout=120000")


def test_every_setting_is_described() -> None:
    assert all(setting.name.startswith("TRUSTYARD_") and setting.description.endswith(".") for setting in SETTINGS)


def test_a_secret_may_stand_in_a_file_but_not_in_two_places(tmp_path: Path) -> None:
    file = tmp_path / "database-url"
    file.write_text("postgresql://us:hush@db/trustyard\n")
    given = {"TRUSTYARD_DATABASE_URL_FILE": str(file)}
    assert Configuration.from_environment(given).database_url == "postgresql://us:hush@db/trustyard"
    with pytest.raises(ConfigurationRefused) as both:
        Configuration.from_environment({**given, "TRUSTYARD_DATABASE_URL": "postgresql://us@db/other"})
    assert [field.field for field in both.value.fields] == ["TRUSTYARD_DATABASE_URL_FILE"]
    file.write_bytes(b"postgresql://us:hush\xff@db/trustyard")
    with pytest.raises(ConfigurationRefused) as unreadable:
        Configuration.from_environment(given)
    assert "hush" not in str(unreadable.value)
