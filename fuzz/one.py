#!/usr/bin/env python3
"""The target FUZZ_TARGET under atheris, with libFuzzer's arguments; libFuzzer starts this file anew to merge inputs."""

from __future__ import annotations

import os
import sys

import atheris

with atheris.instrument_imports(include=["trustyard", "idna", "urllib.parse"], enable_loader_override=False):
    from fuzz.mutator import mutate
    from fuzz.targets import PREPARED, STRUCTURED, TARGETS

    name = os.environ["FUZZ_TARGET"]
    PREPARED.get(name, lambda: None)()


def changed(data: bytes, max_size: int, seed: int) -> bytes:
    """Every third change is libFuzzer's own: it knows the constants that were compared with."""
    return bytes(atheris.Mutate(data, max_size)) if seed % 3 == 0 else mutate(data, max_size, seed)


if __name__ == "__main__":
    custom = {"custom_mutator": changed} if name in STRUCTURED else {}
    atheris.Setup(sys.argv, TARGETS[name], **custom)
    atheris.Fuzz()
