"""HAProxy over its Runtime API: a CA file replaced without a reload, read back by fingerprint."""

from .delivery import deliver
from .options import HaproxyOptions, holds, settle

__all__ = ["HaproxyOptions", "deliver", "holds", "settle"]
