"""Backup and restore: one file that holds everything, of either database and for either."""
