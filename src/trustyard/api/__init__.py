"""The REST API under /api/v1: programs' edge of Trustyard. Reads what was sent, calls an action, shows the answer."""
