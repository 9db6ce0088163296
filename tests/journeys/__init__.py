"""Whole stories over real sockets: a real server, real TLS, real files, nothing patched."""
