"""The core: bytes in, values out. No Django, no sockets, no clock (the moment is an argument)."""
