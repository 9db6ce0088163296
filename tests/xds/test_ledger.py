"""What is due on a line, and what a node's word is: the rules without a connection."""

from __future__ import annotations

from typing import Any

import pytest

from tests.authority import Authority
from tests.xds.memory import make_material
from trustyard.gateways.envoy.options import EnvoyOptions
from trustyard.gateways.envoy.resources import EXTENSION, MOST_SAID, SECRET, Catalogue, Resource
from trustyard.gateways.receipts import Receipt
from trustyard.xds import ledger as ledgers
from trustyard.xds.ledger import MAX_WORDS, Ledger, Line, TooMuch

ONE, TWO = (Authority(name).der for name in ("one", "two"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def catalogue(number: int = 0, *ders: bytes, jwks: Any = ()) -> Catalogue:
    """Number 0: an environment without a release."""
    entries = {f"a{at}": der for at, der in enumerate(ders)}
    return Catalogue(make_material(entries, jwks=jwks, number=number) if number else None, EnvoyOptions())


def push_all(ledger: Ledger) -> list[tuple[str, str]]:
    """Sends what is due; name and version of each."""
    sent = []
    for line, resource in ledger.due():
        ledger.push(line, resource)
        sent.append((line.name, resource.version))
    return sent


def answer(ledger: Ledger, line: Line, words: str = "") -> None:
    assert line.sent is not None
    if words:
        ledger.refuse(line, line.sent, words)
    else:
        ledger.accept(line, line.sent)


def state(ledger: Ledger) -> str | None:
    receipt = ledger.receipt("n")
    return receipt.state if receipt else None


def test_a_new_node_of_an_environment_without_a_release_gets_deny_all_and_nothing_is_recorded() -> None:
    ledger = Ledger(catalogue())
    line = ledger.subscribe(SECRET, "used")
    assert len(push_all(ledger)) == 1
    answer(ledger, line)
    assert push_all(ledger) == []
    assert ledger.receipt("n") is None


def test_a_node_that_reports_something_keeps_it_while_there_is_no_release() -> None:
    ledger = Ledger(catalogue())
    ledger.subscribe(SECRET, "used", "a version of yore")
    ledger.subscribe(SECRET, "truststore")
    assert [name for name, _ in push_all(ledger)] == ["truststore"]
    ledger.aim(catalogue(1, ONE), retry=False)
    assert [name for name, _ in push_all(ledger)] == ["used"]  # the other one is not answered yet


def test_accepted_means_that_every_resource_was_confirmed() -> None:
    clock = Clock()
    ledger = Ledger(catalogue(1, ONE), clock)
    used, jwks = ledger.subscribe(SECRET, "used"), ledger.subscribe(EXTENSION, "jwks")
    assert state(ledger) == "sent"
    for line, resource in ledger.due():
        ledger.push(line, resource)
        clock.now += 0.001
    clock.now = 0.004
    answer(ledger, used)
    assert ledger.receipt("n") == Receipt("n", "sent", "Not yet answered for all of jwks, used.", None)
    clock.now = 2.0071
    answer(ledger, jwks)
    assert ledger.receipt("n") == Receipt("n", "accepted", "Runs jwks, used.", 2007)
    ledger.aim(ledger.catalogue, retry=True)
    assert ledger.receipt("n") == Receipt("n", "accepted", "Runs jwks, used.", 2007), "news that change nothing"


@pytest.mark.parametrize(("count", "said"), [(5, "a0, a1, a2, a3, a4."), (6, "a0, a1, a2, a3, a4 and 1 more.")])
def test_of_many_names_five_are_told(count: int, said: str) -> None:
    ledger = Ledger(catalogue(1, ONE))
    for at in reversed(range(count)):
        ledger.subscribe(SECRET, f"a{at}")
    receipt = ledger.receipt("n")
    assert receipt is not None
    assert receipt.detail.endswith(f" of the name {said}")


def test_what_is_to_be_said_of_a_resource_stands_behind_the_nodes_word() -> None:
    ledger = Ledger(catalogue(1, ONE))
    line = ledger.subscribe(SECRET, "alias/x")
    push_all(ledger)
    answer(ledger, line)
    words = "Runs alias/x. alias/x is not in this release and trusts nobody."
    assert ledger.receipt("n") == Receipt("n", "accepted", words, 0)


def test_a_new_release_that_changes_nothing_for_the_node_is_accepted_at_once() -> None:
    ledger = Ledger(catalogue(1, ONE))
    line = ledger.subscribe(SECRET, "used")
    push_all(ledger)
    answer(ledger, line)
    ledger.aim(catalogue(2, ONE), retry=False)
    assert push_all(ledger) == []
    assert ledger.receipt("n") == Receipt("n", "accepted", "Runs used.", None)


def test_a_node_that_refers_to_nothing_of_ours_is_pending() -> None:
    ledger = Ledger(catalogue(1, ONE))
    assert state(ledger) == "pending"
    ledger.subscribe(SECRET, "server")
    assert push_all(ledger) == []
    receipt = ledger.receipt("n")
    assert receipt is not None
    assert receipt.state == "pending"
    assert receipt.detail.endswith("Trustyard serves nothing of the name server.")


def test_one_resource_is_under_way_at_a_time_and_the_newest_follows() -> None:
    ledger = Ledger(catalogue(1, ONE))
    line = ledger.subscribe(SECRET, "used")
    push_all(ledger)
    ledger.aim(catalogue(2, TWO), retry=False)
    ledger.aim(catalogue(3, ONE, TWO), retry=False)
    assert push_all(ledger) == []
    answer(ledger, line)
    assert len(push_all(ledger)) == 1
    answer(ledger, line)
    assert state(ledger) == "accepted"


def test_what_the_node_takes_back_between_two_resources_is_not_sent() -> None:
    ledger = Ledger(catalogue(1, ONE))
    for name in ("used", "truststore", "alias/a0"):
        ledger.subscribe(SECRET, name)
    due = ledger.due()
    assert next(due)[0].name == "used"
    ledger.drop(SECRET, "truststore")
    again = ledger.subscribe(SECRET, "alias/a0")
    assert [line for line, _ in due] == [again]
    assert [line.name for line, _ in ledger.due()] == ["used", "alias/a0"], "as long as nothing was sent"


def test_the_time_of_what_was_taken_back_before_its_answer_is_not_told() -> None:
    clock = Clock()
    ledger = Ledger(catalogue(1, ONE), clock)
    used = ledger.subscribe(SECRET, "used")
    push_all(ledger)
    ledger.aim(catalogue(2, ONE), retry=False)
    answer(ledger, used)
    clock.now = 7
    for milliseconds in (0, None):
        ledger.subscribe(SECRET, "truststore")
        push_all(ledger)
        ledger.drop(SECRET, "truststore")
        assert ledger.receipt("n") == Receipt("n", "accepted", "Runs used.", milliseconds)
        ledger.aim(catalogue(3, ONE), retry=False)


def refused_after_good(clock: Clock | None = None) -> tuple[Ledger, Line, str]:
    ledger = Ledger(catalogue(1, ONE), clock or Clock())
    line = ledger.subscribe(SECRET, "used")
    ((_, good),) = push_all(ledger)
    answer(ledger, line)
    ledger.aim(catalogue(2, TWO), retry=False)
    push_all(ledger)
    answer(ledger, line, "No.")
    return ledger, line, good


def test_after_a_refusal_the_last_good_content_goes_out_first_and_then_silence() -> None:
    clock = Clock()
    ledger, line, good = refused_after_good(clock)
    assert push_all(ledger) == [("used", good)]
    clock.now = 9
    answer(ledger, line)
    assert push_all(ledger) == []
    assert ledger.receipt("n") == Receipt("n", "refused", "used: No.", 0)
    ledger.aim(ledger.catalogue, retry=False)
    assert push_all(ledger) == []


@pytest.mark.parametrize("number", [2, 3], ids=["told to try again", "a new release"])
def test_a_refused_content_has_another_chance_when_there_is_a_reason(number: int) -> None:
    ledger, line, _ = refused_after_good()
    push_all(ledger)
    answer(ledger, line)
    ledger.aim(catalogue(number, TWO), retry=number == 2)
    ((_, version),) = push_all(ledger)
    answer(ledger, line)
    assert line.running == version
    assert state(ledger) == "accepted"


def test_what_was_refused_is_tried_again_by_itself_less_and_less_often() -> None:
    """D-06: delivery goes on by itself."""
    clock = Clock()
    ledger = Ledger(catalogue(1, ONE), clock)
    line = ledger.subscribe(SECRET, "used", "a version of yore")
    waits = []
    for _ in range(7):
        push_all(ledger)
        answer(ledger, line, "No.")
        begun = clock.now
        while not ledger.should_retry():
            clock.now += 10
        waits.append(clock.now - begun)
        ledger.aim(ledger.catalogue, retry=True)
    assert waits == [30, 60, 120, 240, 480, 600, 600]
    ledger.aim(catalogue(2, TWO), retry=False)
    push_all(ledger)
    answer(ledger, line, "No.")
    clock.now += 30
    assert ledger.should_retry(), "a new release is as urgent as the first one was"
    ledger.aim(ledger.catalogue, retry=True)
    assert len(push_all(ledger)) == 1
    answer(ledger, line)
    assert ledger.receipt("n") == Receipt("n", "accepted", "Runs used.", 0), "counted from this time on"
    clock.now += 10_000
    assert not ledger.should_retry()


def test_a_remedy_that_is_refused_too_ends_the_matter_until_the_next_release() -> None:
    ledger, line, good = refused_after_good()
    assert push_all(ledger) == [("used", good)]
    answer(ledger, line, "Not that either.")
    assert push_all(ledger) == []
    assert ledger.receipt("n") == Receipt("n", "refused", "used: No.", 0)
    ledger.aim(catalogue(3, ONE, TWO), retry=False)
    assert push_all(ledger) == [("used", good)]
    answer(ledger, line)
    assert len(push_all(ledger)) == 1
    answer(ledger, line)
    assert state(ledger) == "accepted"


def test_a_remedy_has_another_chance_whenever_something_else_was_refused() -> None:
    ledger, line, good = refused_after_good()
    for _ in range(2):
        assert push_all(ledger) == [("used", good)]
        answer(ledger, line, "Not that either.")
        ledger.aim(catalogue(3, ONE, TWO), retry=False)
    ((_, version),) = push_all(ledger)
    assert version != good
    answer(ledger, line, "No.")
    assert push_all(ledger) == [("used", good)]


def test_what_was_refused_with_other_options_says_nothing_of_these() -> None:
    """They change what a gateway is given of one release."""
    ledger, line, _ = refused_after_good()
    push_all(ledger)
    answer(ledger, line)
    ledger.aim(catalogue(2, ONE, TWO), retry=False)
    assert state(ledger) == "sent"
    push_all(ledger)
    answer(ledger, line)
    assert state(ledger) == "accepted"


def test_of_what_was_refused_so_much_is_told_and_no_more() -> None:
    ledger = Ledger(catalogue(1, ONE))
    names = [f"alias/{at}" for at in range(MOST_SAID + 1)]
    lines = [ledger.subscribe(SECRET, name) for name in names]
    push_all(ledger)
    for line in lines:
        answer(ledger, line, 2 * MAX_WORDS * "n")
    receipt = ledger.receipt("n")
    assert receipt is not None
    assert receipt.detail.startswith(f"alias/0: {MAX_WORDS * 'n'} alias/1: n")
    assert [line.words for line in lines] == len(lines) * [MAX_WORDS * "n"]
    for line in lines:
        line.words = "No."
    receipt = ledger.receipt("n")
    assert receipt is not None
    assert receipt.detail.startswith(" ".join(f"{name}: No." for name in names[:-1]))
    assert f"{names[-1]}: No." not in receipt.detail


def test_a_node_that_never_had_anything_good_gets_the_deny_all_anchor() -> None:
    ledger = Ledger(catalogue(1, ONE))
    line = ledger.subscribe(SECRET, "used")
    push_all(ledger)
    answer(ledger, line, "No.")
    assert push_all(ledger) == [("used", catalogue().resource(SECRET, "used").version)]  # type: ignore[union-attr]
    answer(ledger, line, "No again.")
    assert push_all(ledger) == []


def test_a_node_that_refuses_the_deny_all_anchor_is_not_sent_it_again_and_again() -> None:
    ledger = Ledger(catalogue(1))
    line = ledger.subscribe(SECRET, "used")
    push_all(ledger)
    answer(ledger, line, "No.")
    assert push_all(ledger) == []


def test_a_node_that_runs_something_unknown_is_not_cut_off_by_a_remedy() -> None:
    ledger = Ledger(catalogue(1, ONE))
    line = ledger.subscribe(SECRET, "used", "a version of yore")
    push_all(ledger)
    answer(ledger, line, "No.")
    assert push_all(ledger) == []


def test_a_filter_that_is_refused_has_no_deny_all_among_the_secrets() -> None:
    ledger = Ledger(catalogue(1))
    line = ledger.subscribe(EXTENSION, "jwks")
    push_all(ledger)
    answer(ledger, line, "No.")
    assert push_all(ledger) == []


def test_a_node_cannot_subscribe_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MAX_LINES", 3)
    ledger = Ledger(catalogue())
    for at in range(3):
        ledger.subscribe(SECRET, f"alias/{at}")
    with pytest.raises(TooMuch):
        ledger.subscribe(SECRET, "alias/3")


def test_a_word_of_a_node_costs_a_look_at_what_it_concerns_however_much_the_node_subscribes_to() -> None:
    looked: list[str] = []

    class Looked(Catalogue):
        def resource(self, type_url: str, name: str) -> Resource | None:
            looked.append(name)
            return super().resource(type_url, name)

    ledger = Ledger(Looked(make_material({"a": ONE}), EnvoyOptions()))
    lines = [ledger.subscribe(SECRET, f"alias/{at}") for at in range(100)]
    push_all(ledger)
    for line in lines:
        answer(ledger, line)
        looked.clear()
        assert push_all(ledger) == []
        assert looked == [line.name]
    ledger.aim(Looked(make_material({"a": TWO}, number=2), EnvoyOptions()), retry=False)
    assert push_all(ledger) == [], "none of these is in a release"
    assert len(looked) == 101
