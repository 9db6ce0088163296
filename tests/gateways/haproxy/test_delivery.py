"""What answers at the socket may be anybody: nothing of a stranger's words is shown, and little of HAProxy's."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.gateways.releases import material, place
from trustyard.errors import Refused
from trustyard.gateways.beside import MAX_BYTES
from trustyard.gateways.haproxy import deliver, runtime, settle
from trustyard.gateways.receipts import MOST_WORDS, Receipt

SECRET = b"+OK internal console; session token=LOOPBACK-123 "


@contextmanager
def listening(answer: Callable[[bytes], bytes | Iterator[bytes]], heard: list[bytes]) -> Iterator[str]:
    """A service of loopback that answers each connection; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, answer, heard))
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket, answer: Callable[[bytes], bytes | Iterator[bytes]], heard: list[bytes]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            asked = connection.recv(65536)
            heard.append(asked)
            try:
                said = answer(asked)
                for part in [said] if isinstance(said, bytes) else said:
                    connection.sendall(part)
            except OSError:  # the other side has heard enough
                continue


def bring(folder: Path, address: str) -> Receipt:
    options: Mapping[str, str] = {"socket": address, "ca_file": str(folder / "clients.pem")}
    return deliver(material(1, {"a": Authority("a").der}), options, place(folder, folder))


@pytest.mark.parametrize("more", [b"", b"x" * 3_000_000], ids=["short", "megabytes"])
def test_a_service_that_is_not_haproxy_is_asked_who_it_is_and_nothing_of_its_answer_is_shown(
    tmp_path: Path, more: bytes
) -> None:
    heard: list[bytes] = []
    with listening(lambda _: SECRET + more, heard) as address:
        receipt = bring(tmp_path, address)
    assert receipt.state == "refused"
    assert "LOOPBACK" not in receipt.detail
    assert len(receipt.detail) < 100
    assert heard == [b"show info\n"]
    assert not (tmp_path / "clients.pem").exists()


def test_of_what_haproxy_says_a_few_printable_words_are_shown(tmp_path: Path) -> None:
    def answer(asked: bytes) -> bytes:
        if asked.startswith(b"show info"):
            return b"Name: HAProxy\nVersion: 2.6.12\n"
        return b"No such\0file\x1b[31m,\nthough " + b"x" * 100_000

    with listening(answer, []) as address:
        receipt = bring(tmp_path, address)
    assert receipt.detail.startswith("HAProxy: No such\ufffdfile\ufffd[31m, though xxx")
    assert receipt.detail.isprintable()
    assert len(receipt.detail) < 550


def test_who_never_comes_to_an_end_holds_up_no_delivery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "SECONDS", 0.3)
    given_up = threading.Event()

    def answer(asked: bytes) -> Iterator[bytes]:
        yield b"Name: HAProxy\nVersion: 2.6.12\n"
        while not given_up.wait(0.02):
            yield b"."

    began = time.monotonic()
    with listening(answer, []) as address:
        receipt = bring(tmp_path, address)
        given_up.set()
    assert time.monotonic() - began < 10
    assert receipt.state == "unreachable"
    assert not (tmp_path / "clients.pem").exists()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("pipe", "this is no regular file, and is neither followed nor replaced"),
        ("link", "this is no regular file, and is neither followed nor replaced"),
        ("hole", f"this is larger than {MAX_BYTES} bytes, and so no file of a release"),
    ],
)
def test_what_is_no_file_where_the_ca_file_should_be_is_not_waited_for(tmp_path: Path, what: str, said: str) -> None:
    """Somebody else may write in that folder."""

    def answer(asked: bytes) -> bytes:
        if asked.startswith(b"show info"):
            if what == "pipe":
                os.mkfifo(tmp_path / "clients.pem")
            elif what == "hole":
                with (tmp_path / "clients.pem").open("wb") as file:
                    file.truncate(20_000_000_000)
            else:  # after it was judged
                (tmp_path / "clients.pem").symlink_to("/dev/zero")
            return b"Name: HAProxy\nVersion: 2.6.12\n"
        return f"Filename: {tmp_path}/clients.pem\n".encode()

    with listening(answer, []) as address:
        receipt = bring(tmp_path, address)
    assert receipt.state == "unreachable"
    assert receipt.detail.endswith(f"{said} ({tmp_path}/clients.pem).")


@pytest.mark.parametrize("before", [None, b"what it started with\n"], ids=["no file", "a file"])
def test_of_a_release_that_haproxy_refuses_nothing_is_left_that_it_would_start_with(
    tmp_path: Path, before: bytes | None
) -> None:
    file = tmp_path / "clients.pem"
    if before is not None:
        file.write_bytes(before)
    there: list[bool] = []

    def answer(asked: bytes) -> bytes:
        if asked.startswith(b"show info"):
            return b"Name: HAProxy\nVersion: 2.6.12\n"
        if asked.startswith(b"show ssl ca-file"):
            return b"Filename: clients.pem\nStatus: Used\n"
        there.append(file.exists())
        return b"unable to load the CA file"

    with listening(answer, []) as address:
        receipt = bring(tmp_path, address)
    assert receipt.state == "refused"
    assert there[0]  # while HAProxy is told, the file is the new one
    assert (file.read_bytes() if file.exists() else None) == before
    assert len(list(tmp_path.iterdir())) == (before is not None)


@pytest.mark.parametrize("name", ["größe.pem", "a\x1bb.pem", "a\u202eb.pem"])
def test_a_ca_file_whose_name_haproxy_cannot_be_told_is_refused_when_it_is_saved(tmp_path: Path, name: str) -> None:
    options = {"socket": "127.0.0.1:9999", "ca_file": str(tmp_path / name)}
    with pytest.raises(Refused) as caught:
        settle(options, place(tmp_path, tmp_path))
    assert [one.field for one in caught.value.fields] == ["options.ca_file"]


def test_a_receipt_is_one_printable_line_whoever_speaks() -> None:
    said = Receipt("n", "refused", "first\r\n\tsecond\0\x1b[2J" + "x" * 10_000).detail
    assert said.startswith("first second\ufffd\ufffd[2Jxxx")
    assert said.endswith("x…")
    assert len(said) <= MOST_WORDS
