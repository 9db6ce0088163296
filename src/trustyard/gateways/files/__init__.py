"""A release as files in a folder, made current by one atomic rename (docs/gateways/files.md, *What is in it*)."""

from .delivery import deliver
from .directories import check_directory, holds, settle
from .options import FilesOptions

__all__ = ["FilesOptions", "check_directory", "deliver", "holds", "settle"]
