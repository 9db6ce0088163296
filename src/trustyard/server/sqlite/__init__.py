"""SQLite as Django knows it, whose writers have turns."""
