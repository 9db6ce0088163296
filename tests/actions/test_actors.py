"""Names of people and tokens: nobody is taken for another kind of actor, and no two look alike by a blank."""

from __future__ import annotations

import pytest

from tests.actions.conftest import ADMIN
from trustyard.actions import tokens, users
from trustyard.errors import Refused


@pytest.mark.parametrize(
    "name",
    [
        "Command Line",
        "command  line",
        "token\uff1aci",  # a colon as wide as a letter of Chinese
        "\u0442\u043eken:ci",  # Cyrillic letters
        "TOKE\u039d:ci",  # a Greek one
        "provider\u2236keycloak",
        "trust\u0443ard",
    ],
)
def test_nobody_is_named_as_the_audit_names_another_kind_of_actor(name: str) -> None:
    with pytest.raises(Refused) as refused:
        users.create(ADMIN, name, password="a long enough one")
    assert refused.value.code == "reserved-name"


@pytest.mark.parametrize(
    "name",
    [
        "command\u00a0line",
        "ada\u00a0b",
        "ada\u2800b",
        "token\u200d:ci",
        "a\u00addmin",
        "ad\ufe0fmin",
        "to\U000e0041ken:ci",
    ],
)
def test_people_and_tokens_have_no_blank_or_letter_that_nobody_can_see(name: str) -> None:
    for make in (lambda: users.create(ADMIN, name, password="a long enough one"), lambda: tokens.create(ADMIN, name)):
        with pytest.raises(Refused) as refused:
            make()
        assert refused.value.code == "bad-name"


@pytest.mark.parametrize("name", ["\u0438\u0432\u0430\u043d", "\u674e\u96f7", "jos\u00e9 token", "tokenizer"])
def test_people_of_any_script_have_their_names(name: str) -> None:
    assert users.create(ADMIN, name, password="a long enough one").username == name
