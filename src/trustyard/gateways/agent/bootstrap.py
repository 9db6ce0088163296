"""The configuration that an agent starts with: complete TOML, with examples to take the comment signs from."""

from __future__ import annotations

import json

from trustyard.pki.names import printable

_TEXT = """\
# Trustyard agent for the gateway {gateway} of {environment}.
# Save it as /etc/trustyard/agent.toml (mode 0600), and start: trustyard agent --config /etc/trustyard/agent.toml
# The token is this gateway's own; keep this file as you keep passwords.

address = {address}
environment = {environment_value}
token = {token}
# token_file = "/etc/trustyard/agent.token"   # instead of `token`; read anew for each request
# ca = "/etc/trustyard/ca.pem"                # who signed Trustyard's certificate, where the system does not know

# Each release has a folder of its own in here; `current` is a link to the one in force. Refer to
# {folder_plain}/current/used.pem, or let the agent copy files (below).
folder = {folder}
# node = "gateway-1"                          # this host's name in Trustyard; the default is the host name

# "roots" for HAProxy and nginx, which take no pins: adds used-roots.pem and truststore-roots.pem to the folder.
anchors = "all"

# The commands are argument lists, run without a shell and as the agent's own user, and only when a release changed.
# One that fails or takes too long rolls the folder back; what it printed stands in the receipt.

# nginx (set anchors = "roots" above): ssl_client_certificate {folder_plain}/current/used-roots.pem;
# [check]
# command = ["nginx", "-t", "-q"]
# [reload]
# command = ["nginx", "-s", "reload"]

# HAProxy, master and worker (set anchors = "roots" above): ca-file {folder_plain}/current/used-roots.pem
# [check]
# command = ["haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"]
# [reload]
# command = ["systemctl", "reload", "haproxy"]

# Java that watches its truststore, {folder_plain}/current/truststore.p12 (password changeit): no command at all.
# Java that does not:
# [check]
# command = ["keytool", "-list", "-keystore", "{folder_plain}/current/truststore.p12", "-storepass", "changeit"]
# [reload]
# command = ["systemctl", "restart", "my-service"]
# seconds = 120

# A last look, once it is reloaded:
# [verify]
# command = ["curl", "--fail", "--silent", "--show-error", "https://localhost/health"]

# For programs that want a file at a place of their own (replaced by rename, put back when a release is rolled back):
# [[copy]]
# from = "used.pem"
# to = "/etc/nginx/clients.pem"
"""
FOLDER = "/var/lib/trustyard-agent"


def bootstrap(environment: str, gateway: str, token: str, address: str) -> str:
    """A complete agent configuration in TOML; `address` is the URL of Trustyard as the agent's host reaches it."""
    return _TEXT.format(
        gateway=printable(gateway),
        environment=printable(environment),
        address=_string(address),
        environment_value=_string(environment),
        token=_string(token),
        folder=_string(FOLDER),
        folder_plain=FOLDER,
    )


def _string(text: str) -> str:
    # A TOML basic string takes what JSON writes, but for U+007F, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
