"""Where material comes from: the only outward reads (TLS, LDAPS, the sign-in provider). Bytes out; no Django."""
