"""Where material comes from: the only outward reads (TLS, LDAPS). Bytes out; no Django."""
