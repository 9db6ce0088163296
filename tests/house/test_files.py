"""No file knows the machine it was made on."""

from __future__ import annotations

import json
import re

from .repository import ROOT, page, texts

# Compiled apart, so that this file does not find itself.
MACHINE = re.compile("|".join(["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/[a-z]", "/opt/" + "(?:wheels|pypi)"]))
REGISTRIES = re.compile(
    "|".join(["py" + r"pi\.org", "pytho" + r"nhosted\.org", "npm" + r"js\.org", "yarn" + r"pkg\.com"])
)


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    found = [f"{name}: {match.group()}" for name, text in texts() if (match := MACHINE.search(text))]
    assert not found


def test_no_file_names_a_package_registry() -> None:
    found = [f"{name}: {match.group()}" for name, text in texts() if (match := REGISTRIES.search(text))]
    assert not found, "where packages come from is the installing machine's own matter"


def test_locks_hold_names_and_hashes_and_no_address() -> None:
    locks = [ROOT / "requirements.lock", ROOT / "requirements-dev.lock", *sorted((ROOT / "tools").glob("*.lock"))]
    assert len(locks) == 6
    for lock in locks:
        text = lock.read_text()
        assert "//" not in text, lock.name
        assert "--hash=sha256:" in text, lock.name
        assert not re.search(r"^\s*(-e|--index|--find-links|--extra)", text, re.MULTILINE), lock.name


def test_the_npm_lock_holds_no_address_of_a_package() -> None:
    packages = json.loads(page("tests/oracles/package-lock.json"))["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)


def test_no_private_key_lies_in_the_package_or_the_manual() -> None:
    begin = "-----BEGIN " + "%sPRIVATE KEY-----\n"
    kinds = [begin % kind for kind in ("", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH ")]
    found = [name for name, text in texts() if not name.startswith("tests/") and any(kind in text for kind in kinds)]
    assert not found


def test_lines_end_as_lines_do() -> None:
    assert not [name for name, text in texts() if "\r\n" in text and not name.startswith("tests/")]
