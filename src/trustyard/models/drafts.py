"""What people have not saved yet: drafts of the form, and what was seen in a source."""

from __future__ import annotations

import uuid

from django.db import models

from .certificates import Certificate
from .people import User


class Draft(models.Model):
    """An author's unfinished form; it is used once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="drafts")
    certificate = models.ForeignKey(
        Certificate, null=True, blank=True, on_delete=models.SET_NULL, related_name="drafts"
    )  # gone when somebody deleted it meanwhile; `based_on` still says that there was one
    based_on = models.CharField(max_length=60, blank=True, default="")  # the ETag of the certificate when it was opened
    content = models.JSONField(default=dict)
    saved_as = models.BigIntegerField(null=True, blank=True)  # the certificate that this draft became
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-changed_at"]


class Inspection(models.Model):
    """What was seen in a source, kept for an hour so that what was seen is what is saved."""

    token_sha256 = models.CharField(max_length=64, primary_key=True)
    owner = models.CharField(max_length=200)  # the user or API token that looked
    format = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    url = models.TextField(blank=True, default="")
    ders = models.JSONField(default=list)  # base64 of each DER, in the order of the source
    notices = models.JSONField(default=list)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-expires_at"]
