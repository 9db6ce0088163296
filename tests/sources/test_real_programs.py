"""The chains that slapd (LDAPS) and openssl s_server present."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.programs import free_port, need, running
from tests.tls_servers import Ca
from trustyard.sources.guard import Guard
from trustyard.sources.tls import fetch_chain

ROOT = Ca.new("Root")
SUB = ROOT.subordinate("Sub")
LOOPBACK = Guard(allow=(ip_network("127.0.0.0/8"),))


@pytest.mark.parametrize("demand", ["never", "demand"])
def test_the_chain_of_an_ldaps_server_is_read(demand: str, tmp_path: Path) -> None:
    """S-10."""
    slapd = need("slapd", package="slapd")
    leaf = SUB.issue("ldap.test", dns=["ldap.test"], key="rsa")
    cert, key = leaf.write(tmp_path, chain=[SUB.cert_pem])
    (tmp_path / "ca.pem").write_bytes(ROOT.cert_pem)
    (tmp_path / "slapd.conf").write_text(
        f"pidfile {tmp_path}/slapd.pid\nTLSCertificateFile {cert}\nTLSCertificateKeyFile {key}\n"
        f"TLSCACertificateFile {tmp_path}/ca.pem\nTLSVerifyClient {demand}\n"
    )
    port = free_port()
    command = [slapd, "-f", str(tmp_path / "slapd.conf"), "-h", f"ldaps://127.0.0.1:{port}/", "-d", "0"]
    with running(command, port):
        presented = fetch_chain(f"ldaps://127.0.0.1:{port}", LOOPBACK)
    assert presented.ders == (leaf.cert_der, SUB.cert_der)
    assert bool(presented.notice) == (demand == "demand")


@pytest.mark.parametrize(
    "options",
    ["-tls1_3", "-tls1_2 -Verify 1", "-tls1_3 -Verify 1", "-tls1_2 -cipher AES128-SHA@SECLEVEL=0",
     "-tls1 -cipher ALL@SECLEVEL=0"],
)  # fmt: skip
def test_the_chain_of_openssl_s_server_is_read(options: str, tmp_path: Path) -> None:
    openssl = need("openssl", package="openssl")
    leaf = SUB.issue("s-server.test", key="rsa")
    cert, key = leaf.write(tmp_path)
    (tmp_path / "chain.pem").write_bytes(SUB.cert_pem + ROOT.cert_pem)
    port = free_port()
    command = [openssl, "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(cert), "-key", str(key), "-quiet",
               "-cert_chain", str(tmp_path / "chain.pem"), "-CAfile", str(tmp_path / "chain.pem"),
               *options.split()]  # fmt: skip
    with running(command, port):
        presented = fetch_chain(f"https://127.0.0.1:{port}", LOOPBACK)
    assert presented.ders == (leaf.cert_der, SUB.cert_der, ROOT.cert_der)
    assert bool(presented.notice) == ("-Verify" in options)
