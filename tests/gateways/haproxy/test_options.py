"""Which Runtime API and which CA file a gateway of kind `haproxy` may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateways.releases import place
from trustyard.errors import Refused
from trustyard.gateways.haproxy.options import HaproxyOptions, holds, settle


def refused_at(folder: Path, **options: str) -> list[str]:
    """The fields of the refusal."""
    given = {"socket": "127.0.0.1:9999", "ca_file": str(folder / "ca.pem"), **options}
    with pytest.raises(Refused) as caught:
        settle(given, place(folder, folder))
    return [one.field for one in caught.value.fields]


@pytest.mark.parametrize("socket", ["127.0.0.1:1", "127.0.0.1:65535", "127.8.9.10:9999", "[::1]:9999"])
def test_over_tcp_the_runtime_api_is_one_of_this_machine(socket: str, tmp_path: Path) -> None:
    given = {"socket": socket, "ca_file": str(tmp_path / "ca.pem")}
    assert settle(given, place(tmp_path, tmp_path)) == given


@pytest.mark.parametrize(
    "socket",
    [
        "10.0.0.1:9999",
        "0.0.0.0:9999",
        "[2001:db8::1]:9999",
        "localhost:9999",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        ":9999",
    ],
)
def test_no_other_address_is_taken_for_it(socket: str, tmp_path: Path) -> None:
    """The Runtime API has no authentication."""
    assert refused_at(tmp_path, socket=socket) == ["options.socket"]


def test_a_socket_on_the_disk_lies_under_a_folder_that_is_open_whatever_its_name(tmp_path: Path) -> None:
    for name in ("haproxy.sock", "haproxy:9999"):
        given = {"socket": str(tmp_path / name), "ca_file": str(tmp_path / "ca.pem")}
        assert settle(given, place(tmp_path, tmp_path)) == given
    for elsewhere in ("/run/haproxy.sock", "haproxy.sock", "9999"):
        assert refused_at(tmp_path, socket=elsewhere) == ["options.socket"]


def test_a_ca_file_is_a_file_whose_name_fits_a_command_of_the_runtime_api(tmp_path: Path) -> None:
    for name in ("", "a b.pem", "a;b.pem", "a#b.pem", "a'b.pem", "a\\b.pem", "<a>.pem"):
        assert refused_at(tmp_path, ca_file=str(tmp_path / name)) == ["options.ca_file"], name
    assert refused_at(tmp_path, ca_file="/etc/ca.pem") == ["options.ca_file"]


def test_a_port_is_one_place_at_every_address_of_loopback_and_may_be_shared(tmp_path: Path) -> None:
    here = place(tmp_path, tmp_path)
    four, six = (holds({"socket": s, "ca_file": str(tmp_path / s)}, here) for s in ("127.0.0.1:9999", "[::1]:9999"))
    assert four[1] == six[1]
    assert four[1].shared
    assert not four[0].shared
    assert HaproxyOptions(socket="[::1]:9999", ca_file="x").tcp() == ("::1", 9999)
