"""Which requests wait in threads of their own, so that they stop nobody else."""

from __future__ import annotations

import pytest

from trustyard.server.bridge import fetches


@pytest.mark.parametrize(
    ("method", "path", "body", "waits"),
    [
        ("GET", b"/api/v1/certificates/acme/entries/test/lint", b"", True),
        ("GET", b"/certificates/7/in/1/lint/", b"", True),
        ("GET", b"/api/v1/certificates/lint-acme", b"", False),
        ("POST", b"/api/v1/certificates/inspect", b'{"kind": "connection", "url": "https://x"}', True),
        ("POST", b"/certificates/drafts/1/window/look/connection/", b"", True),
        ("POST", b"/api/v1/certificates/compare", b'{"left": {}, "right": {"live": true}}', True),
        ("POST", b"/api/v1/certificates/compare", b'{"left": {}, "right": {"certificate": "a"}}', False),
        ("POST", b"/certificates/compare/now/", b"side=live", True),
        ("GET", b"/certificates/compare/", b"", False),
        ("GET", b"/api/v1/certificates/a/entries/test/chain", b"", False),
        ("POST", b"/api/v1/certificates", b"{}", False),
        ("POST", b"/trust-check/", b"", True),
        ("GET", b"/trust-check/", b"", False),
        ("POST", b"/api/v1/environments/test/trust-check", b'{"source": {"kind": "connection"}}', True),
        ("POST", b"/api/v1/environments/test/trust-check", b'{"source": {"kind": "paste"}}', False),
    ],
)
def test_what_waits_for_a_foreign_server_or_a_worker_has_threads_of_its_own(
    method: str, path: bytes, body: bytes, waits: bool
) -> None:
    assert fetches({"method": method, "raw_path": path}, body) is waits
