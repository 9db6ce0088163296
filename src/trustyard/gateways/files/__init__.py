"""A release as files in a folder, made current by one atomic rename (CONTRACT, Files of a release)."""

from .delivery import deliver
from .directories import check_directory, holds, settle
from .options import FilesOptions

__all__ = ["FilesOptions", "check_directory", "deliver", "holds", "settle"]
