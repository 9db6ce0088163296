"""Inputs that nobody thought of, for every reader; run by `make fuzz`, replayed by the ordinary suite."""
