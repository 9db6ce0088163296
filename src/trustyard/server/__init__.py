"""The composition root: settings, the ASGI router, start and stop of the edges."""
