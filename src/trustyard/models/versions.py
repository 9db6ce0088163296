"""The stored version of an object: what its ETag names."""

from __future__ import annotations

from django.db import models


class Versioned(models.Model):
    """An object with a version that each change raises by one."""

    version = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True

    @property
    def etag(self) -> str:
        """The entity tag (RFC 9110, section 8.8.3); a new object of an old name never repeats one."""
        return self._etag(self.version)

    @property
    def etag_before(self) -> str:
        """That of the version which the last change found."""
        return self._etag(self.version - 1)

    def _etag(self, version: int) -> str:
        return f'"{self.pk}-{version}"'
