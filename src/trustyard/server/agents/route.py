"""`/agents/v1`: the ASGI app behind the two addresses that agents know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from trustyard.actions import gateway_tokens
from trustyard.actions.agents import Said, Standing
from trustyard.actions.gateway_tokens import Claim
from trustyard.actions.strangers import Strangers
from trustyard.api.headers import bearer
from trustyard.gateways.agent import wire
from trustyard.gateways.receipts import Receipt
from trustyard.server.answers import CLOSE, Answer, Receive, Scope, Send, client, header, problem
from trustyard.server.bodies import Bodies, BodyRefused

from . import requests
from .desk import Desk, NodeTaken, TooMany, Waiter
from .requests import Question, Refusal

log = structlog.get_logger(__name__)
MAX_BODY = 32_000
BODY_SECONDS = 15.0
BEARER = {"WWW-Authenticate": "Bearer"}
Told = Callable[[str, str], None]


class Agents:
    """To be created inside the running event loop. `told` is called with kind and state of each receipt."""

    def __init__(self, told: Told = lambda kind, state: None) -> None:
        self.desk = Desk()
        self._strangers = Strangers()
        self._told = told
        self._bodies = Bodies(seconds=BODY_SECONDS, limit=MAX_BODY, multipart_limit=MAX_BODY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            answer = await self._answer(scope, receive)
        except (Refusal, BodyRefused) as refused:
            answer = refused.answer
        except NodeTaken:
            sentence = "Another agent is connected under this node's name: give each a name of its own."
            answer = problem(409, "node-taken", "Name of the node taken", sentence)
        except TooMany:
            answer = problem(503, "busy", "Busy", "Too many agents are connected.", {**CLOSE, "Retry-After": "60"})
        except Exception:  # the database, most likely: the host keeps what it has, and asks again
            log.warning("agents.not_answered", exc_info=True)
            sentence = "The database does not answer."
            answer = problem(503, "database-unavailable", "Not available", sentence, {"Retry-After": "5"})
        if answer is not None:
            await answer.send(scope, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | None:
        path, method = scope["raw_path"].decode("latin1"), scope["method"]
        verb = {wire.RELEASE: "GET", wire.RECEIPT: "POST"}.get(path)
        if verb is None:
            return problem(404, "not-found", "Not found", "There is no such address.")
        if method != verb:
            return problem(405, "method-not-allowed", "Method not allowed", f"This takes {verb}.", {"Allow": verb})
        token = bearer(header(scope, b"authorization"))
        claim = gateway_tokens.claimed(token, gateway_tokens.AGENT)
        if claim is None or (standing := await self.desk.standing(claim)) is None:
            await self._tell(scope, token)
            return _stranger()
        if path == wire.RECEIPT:
            return await self._receipt(standing, scope, receive)
        asked = requests.question(scope)
        self.desk.note_heard(standing.gateway_id, asked.node, asked.process, client(scope))
        with self.desk.present(standing.gateway_id, asked.node, asked.process):
            # 1. Wait until there is something to say, the time is over, or the agent has left.
            if not await self._waited(claim, standing, asked, receive):
                return None
            # 2. Say it.
            now = await self.desk.standing(claim)
            return await self._release(now, asked) if now else _stranger()

    async def _tell(self, scope: Scope, token: str) -> None:
        """A line of the log about who is refused; what it calls itself is not proven."""
        if count := self._strangers.count(client(scope)):
            why = await self.desk.in_thread(lambda: gateway_tokens.why_not(token, gateway_tokens.AGENT))
            log.warning("agents.refused", node=requests.name(scope), address=client(scope), reason=why, count=count)

    async def _waited(self, claim: Claim, standing: Standing, asked: Question, receive: Receive) -> bool:
        """False when the agent has left."""
        with self.desk.waiting(claim, asked.have, asked.edition or self.desk.edition(standing), asked.wait) as waiter:
            if self.desk.is_news(standing, waiter) or self.desk.stopping:
                return True
            gone = asyncio.ensure_future(_left(receive, waiter))
            try:
                await waiter.woken
            finally:
                gone.cancel()
            return not gone.done() or gone.cancelled()

    async def _release(self, standing: Standing, asked: Question) -> Answer:
        if standing.version in ("", asked.have):
            if self.desk.stopping:
                return problem(503, "stopping", "Stopping", "Trustyard is stopping.", CLOSE)
            return Answer(204, b"", self._plain(standing))
        packed = await self.desk.packed(standing)
        if packed is None:
            return _stranger()
        version, body = packed
        self.desk.note_busy(standing.gateway_id, asked.node)
        self.desk.writer.note(Said(standing.gateway_id, version, Receipt(asked.node, "sent")))
        return Answer(200, body, {**self._plain(standing), "Content-Type": "application/json"})

    async def _receipt(self, standing: Standing, scope: Scope, receive: Receive) -> Answer:
        with self._bodies.holding(scope) as body:
            await self._bodies.read(scope, receive, body)
            word = requests.word(body.data)
        receipt = Receipt(word.node, word.state, word.words, word.milliseconds)
        said = Said(standing.gateway_id, word.release, receipt)
        with self.desk.present(standing.gateway_id, word.node, None):
            try:
                known = await self.desk.writer.kept(said)
            except Exception:  # noqa: BLE001 - whatever the database does, the agent says it again later; it is logged there
                return problem(503, "busy", "Busy", "This cannot be kept now.", {"Retry-After": "5"})
        if not known:
            sentence = f"The environment {standing.environment} has no release {word.release}."
            return problem(404, "unknown-release", "Unknown release", sentence, self._plain(standing))
        self._told("agent", word.state)
        log.info(
            "agents.receipt",
            environment=standing.environment,
            gateway_id=standing.gateway_id,
            node=word.node,
            release=word.release,
            state=word.state,
        )
        return Answer(204, b"", self._plain(standing))

    def _plain(self, standing: Standing) -> dict[str, str]:
        return {"Cache-Control": "no-store", wire.EDITION: self.desk.edition(standing)}


def _stranger() -> Answer:
    sentence = "This is not the present token of a gateway of kind agent: print a new bootstrap."
    return problem(401, "bad-token", "Sign in first", sentence, BEARER)


async def _left(receive: Receive, waiter: Waiter) -> None:
    """Ends when the agent has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    waiter.wake()
