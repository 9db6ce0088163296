"""Trustyard: one place for the certificates and keys that API gateways trust."""

__version__ = "0.1.0"
