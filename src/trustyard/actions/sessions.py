"""Sessions at the console: listed, and ended; kept by allauth beside Django's own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db.models import QuerySet
from django.utils import timezone

from trustyard import models
from trustyard.errors import NotFound
from trustyard.pki.certificates import rfc3339

from . import audit
from .actors import Actor
from .permissions import require

SEEN_AT_MOST_EVERY = timedelta(minutes=1)


def find(actor: Actor, user: models.User) -> QuerySet[UserSession]:
    """The sessions of a person that still last, the newest first: one's own, or an administrator's for anybody."""
    _may(actor, user)
    lasting = Session.objects.filter(expire_date__gt=timezone.now())
    rows: QuerySet[UserSession] = UserSession.objects.filter(user=user, session_key__in=lasting.values("session_key"))
    return rows.order_by("-last_seen_at", "-pk")


def session_json(row: UserSession) -> dict[str, Any]:
    """A session as the command line shows it."""
    return {
        "browser": row.user_agent,
        "address": row.ip,
        "started_at": rfc3339(row.created_at),
        "last_seen_at": rfc3339(row.last_seen_at),
    }


def end(actor: Actor, user: models.User, pk: int) -> None:
    """Ends one session of a person at once, on every node. Raises `NotFound`."""
    _may(actor, user)
    with audit.transaction():
        if not _end(UserSession.objects.filter(user=user, pk=pk)):
            raise NotFound("This session has ended already.")
        audit.record(actor, "session.end", "user", user.username, after={"sessions": 1})


def end_all(actor: Actor, user: models.User, *, but: str | None = None) -> int:
    """Ends a person's sessions, but for the one with this key; answers how many."""
    _may(actor, user)
    with audit.transaction():
        ended = end_quietly(user, but=but)
        if ended:
            audit.record(actor, "session.end", "user", user.username, after={"sessions": ended})
    return ended


def end_quietly(user: models.User, *, but: str | None = None) -> int:
    """The same without an audit event, as part of a change that has its own: an account disabled, a password set."""
    _end_begun(user)
    return _end(UserSession.objects.filter(user=user).exclude(session_key=but or ""))


def begun_is_over(user: models.User, begun_at: float) -> bool:
    """Whether a sign-in that waits for its second factor since then (seconds since 1970) ended with the sessions."""
    return float(cache.get(_begun_key(user), 0.0)) >= begun_at


def renamed(old: str | None, new: str | None) -> None:
    """A session goes on under another key, as it does when its person changes the password."""
    UserSession.objects.filter(session_key=old).update(session_key=new)


def seen(session_key: str) -> None:
    """Notes that a session is in use, at most once a minute."""
    now = timezone.now()
    UserSession.objects.filter(session_key=session_key, last_seen_at__lt=now - SEEN_AT_MOST_EVERY).update(
        last_seen_at=now
    )


def forget_ended() -> int:
    """Deletes the records of sessions that have ended."""
    there = Session.objects.values("session_key")
    return int(UserSession.objects.exclude(session_key__in=there).delete()[0])


def _end(rows: QuerySet[UserSession]) -> int:
    keys = list(rows.values_list("session_key", flat=True))
    ended, _ = Session.objects.filter(session_key__in=keys).delete()
    rows.filter(session_key__in=keys).delete()
    return ended


def _end_begun(user: models.User) -> None:
    # Such a sign-in is no session of its person yet, so there is no row to take away. Which node began it does not
    # matter: the cache is the database's.
    cache.set(_begun_key(user), timezone.now().timestamp(), settings.ACCOUNT_LOGIN_TIMEOUT + 60)


def _begun_key(user: models.User) -> str:
    return f"trustyard:sign-ins-ended:{user.pk}"


def _may(actor: Actor, user: models.User) -> None:
    if actor.user_id != user.pk:
        require(actor, "users.manage")
