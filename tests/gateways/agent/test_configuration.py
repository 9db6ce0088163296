"""The agent's own file: what Trustyard prints is complete, and each mistake in it is named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from trustyard.errors import Refused
from trustyard.gateways.agent.bootstrap import bootstrap
from trustyard.gateways.agent.configuration import Configuration, read
from trustyard.gateways.agent.pulling import Away, Trustyard

GOOD = """
address = "https://trustyard.example"
environment = "test"
token = "agent.1.1.x"
folder = "/var/lib/trustyard-agent"
"""


def taken(folder: Path, text: str) -> Configuration:
    path = folder / "agent.toml"
    path.write_text(text)
    return read(path)


def test_what_the_bootstrap_prints_is_a_complete_configuration(tmp_path: Path) -> None:
    text = bootstrap('te"st\\', "edge\n[check]", "agent.1.1.x", "https://trustyard.example")
    made = taken(tmp_path, text)
    assert (made.environment, made.token, made.address) == ('te"st\\', "agent.1.1.x", "https://trustyard.example")
    assert made.check is None
    assert made.node


def test_each_example_of_the_bootstrap_can_be_taken(tmp_path: Path) -> None:
    text = bootstrap("test", "edge", "agent.1.1.x", "https://trustyard.example").replace('"all"', '"roots"')
    examples = 0
    for block in text.split("\n\n"):
        body = "\n".join(line[2:] for line in block.splitlines() if line.startswith(("# [", "# command", "# seconds",
                         "# from", "# to =")))  # fmt: skip
        if body:
            examples += 1
            taken(tmp_path, f"{text}\n{body}\n")
    assert examples == 5


def test_a_complete_file_is_read(tmp_path: Path) -> None:
    made = taken(
        tmp_path,
        f'{GOOD}node = "n"\nanchors = "roots"\n[check]\ncommand = ["nginx", "-t"]\n[reload]\ncommand = ["x"]\n'
        'seconds = 5\n[[copy]]\nfrom = "used-roots.pem"\nto = "/etc/nginx/clients.pem"\n',
    )
    assert made.check is not None
    assert made.check.command == ("nginx", "-t")
    assert made.check.seconds == 30
    assert made.copies[0].to == Path("/etc/nginx/clients.pem")


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (GOOD.replace('environment = "test"', ""), "environment", "This field is required."),
        (GOOD.replace("https", "ftp"), "address", "is not an address such as"),
        (GOOD.replace(".example", ".example:99999"), "address", "is not an address such as"),
        (GOOD.replace("https", "http"), "", "http would show the token to the network"),
        (GOOD + 'token_file = "/x"', "", "give either token or token_file"),
        (GOOD.replace("/var", "var"), "folder", "is no absolute path"),
        (GOOD.replace("/var/lib/trustyard-agent", "/"), "folder", "is no absolute path"),
        (GOOD.replace("trustyard.example", ""), "address", "is not an address such as"),
        (GOOD + 'node = "a\\u0007"', "node", "it has characters that cannot be printed"),
        (GOOD + '[check]\ncommand = [""]', "check.command", 'write ["program", "argument", …]'),
        (GOOD + 2 * '[[copy]]\nfrom = "used.pem"\nto = "/x"\n', "", "two copies go to the same place"),
        (GOOD.replace("/var/lib", "/var\\u0000lib"), "folder", "it holds NUL"),
        (GOOD + 'ca = "/x\\u0000"', "ca", "it holds NUL"),
        (GOOD + '[[copy]]\nfrom = "used.pem"\nto = "/x\\u0000"', "copy.0.to", "it holds NUL"),
        (GOOD + "unknown = 1", "unknown", "There is no such field here."),
        (GOOD + 'node = ""', "node", "This must not be empty."),
        (GOOD + "wait = 600", "wait", "This must be at most 60."),
        (GOOD + '[check]\ncommand = "nginx -t"', "check.command", "This must be a list."),
        (GOOD + "[check]\ncommand = []", "check.command", "This must not be empty."),
        (GOOD + '[reload]\ncommand = ["x"]\nseconds = 0', "reload.seconds", "This must be more than 0."),
        (GOOD + '[[copy]]\nfrom = "../x"\nto = "/x"', "copy.0.from", "is no file of a release"),
        (GOOD + '[[copy]]\nfrom = "used.pem"\nto = "x"', "copy.0.to", "is no absolute path"),
        (GOOD + '[[copy]]\nfrom = "used-roots.pem"\nto = "/x"', "", 'is there with anchors = "roots" alone'),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path: Path, text: str, field: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        taken(tmp_path, text)
    assert caught.value.code == "agent-configuration"
    assert [one.field for one in caught.value.fields if words in one.message] == [field], caught.value.fields
    assert not any(one.message.startswith("Value error") for one in caught.value.fields)


@pytest.mark.parametrize("text", ["address = ", "\x00", 'a = "\\q"'])
def test_what_is_no_toml_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused, match="is no TOML"):
        taken(tmp_path, text)


def test_lists_that_lie_too_deep_in_one_another_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="too deep in one another"):
        taken(tmp_path, f"{GOOD}\ndeep = {5000 * '['}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"nowhere\.toml cannot be read: No such file"):
        read(tmp_path / "nowhere.toml")


def test_a_token_of_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    made = taken(tmp_path, GOOD.replace('token = "agent.1.1.x"', f'token_file = "{file}"'))
    assert made.bearer() == "one"
    file.write_text("two\n")
    assert made.bearer() == "two"


def test_the_examples_are_no_part_of_what_is_read() -> None:
    text = bootstrap("test", "edge", "t", "https://trustyard.example")
    assert set(tomllib.loads(text)) == {"address", "environment", "token", "folder", "anchors"}


def test_a_file_that_the_agent_cannot_use_is_named_in_plain_words(tmp_path: Path) -> None:
    lost, words = tmp_path / "lost", tmp_path / "words.pem"
    words.write_bytes(b"\xff none")
    token = GOOD.replace('token = "agent.1.1.x"', f'token_file = "{lost}"')
    with pytest.raises(Away, match=f"^{lost} cannot be read: No such file or directory.$"):
        Trustyard(taken(tmp_path, token)).ask("", 0)
    with pytest.raises(Away, match=r"^The token is none: print a new bootstrap\.$"):
        Trustyard(taken(tmp_path, token.replace(str(lost), str(words)))).ask("", 0)
    for ca, why in (lost, "No such file or directory"), (words, "it holds no certificate in PEM"):
        with pytest.raises(Refused, match=f"^{ca} cannot be used as `ca`: {why}.$"):
            Trustyard(taken(tmp_path, GOOD + f'ca = "{ca}"'))
