"""Which servers are running on this database, so that what a dead one held is known to be gone."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from trustyard import models
from trustyard.gateways.kinds import PUSHED

BEAT_SECONDS = 3
DEAD_SECONDS = 12  # by the clock of the database, which all servers share
FORGOTTEN = timedelta(days=1)
_me: dict[str, str] = {}


def me() -> str | None:
    """The name of this server, once it is registered."""
    return _me.get("id")


def edition() -> str:
    """What this server has in common with those that ran when it started; another one when all had ended."""
    return _me.get("edition", "")


def register() -> None:
    """This process is a server from now on. What ended or dead ones held is gone; the others keep theirs."""
    with transaction.atomic():
        _held().filter(server=None).update(connected=False)
        shared = _alive().values_list("edition", flat=True).first() if _several() else None
        _me.update(id=secrets.token_hex(8), edition=shared or secrets.token_hex(6))
        _keep()
        sweep()


def beat() -> bool:
    """Says that this server lives; False when others may have taken it for dead meanwhile."""
    on_time = bool(_alive().filter(pk=me()).update(seen_at=Now()))
    if not on_time:
        _keep()
    sweep()
    return on_time


def leave() -> None:
    """This server has let go of everything."""
    _held().filter(server=me()).update(connected=False)
    models.Server.objects.filter(pk=_me.pop("id", None)).delete()


def sweep() -> None:
    """Notes as gone what servers held whose heartbeat stopped; with SQLite, what any earlier process held."""
    dead = models.Server.objects.exclude(pk=me())
    if _several():
        dead = dead.filter(seen_at__lt=Now() - timedelta(seconds=DEAD_SECONDS))
    _held().filter(server__in=dead.values("pk")).update(connected=False)
    models.Server.objects.exclude(pk=me()).filter(seen_at__lt=Now() - FORGOTTEN).delete()


def _keep() -> None:
    new = {"edition": edition(), "started_at": Now(), "seen_at": Now()}
    models.Server.objects.update_or_create(pk=me(), defaults={"seen_at": Now()}, create_defaults=new)


def _alive() -> QuerySet[models.Server]:
    return models.Server.objects.filter(seen_at__gte=Now() - timedelta(seconds=DEAD_SECONDS))


def _held() -> QuerySet[models.Node]:
    """Nodes that connect to a server themselves; to the others any server delivers."""
    return models.Node.objects.filter(connected=True).exclude(gateway__kind__in=PUSHED)


def _several() -> bool:
    return connection.vendor == "postgresql"
