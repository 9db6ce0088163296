"""The side that Envoy talks to: an ADS server, delta and state-of-the-world, on the event loop of the process."""

import os
from importlib.util import find_spec

# gRPC writes lines of its own to standard error, which are no JSON: any stranger's bytes make one.
os.environ.setdefault("GRPC_VERBOSITY", "none")


def available() -> bool:
    """Whether the extra `trustyard[envoy]` is installed, without which there is no xDS."""
    return find_spec("grpc") is not None and find_spec("envoy") is not None
