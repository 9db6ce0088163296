"""Where material goes: one folder per kind; plain values in, a receipt out; no Django."""
