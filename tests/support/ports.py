"""TCP ports for servers that must be told theirs before they listen."""

import itertools
import os
import secrets
import socket
from contextlib import suppress

FIRST, LAST = 10_000, 29_999
"""Below those that the kernel gives to connections (32768 and up) and to NodePorts (30000 and up): nobody else's."""
LANES = 10
_EACH = (LAST - FIRST + 1) // LANES
_next = itertools.count(secrets.randbelow(_EACH))


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now, of the range of this run's lane. OSError when all are taken."""
    lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % LANES
    for _ in range(_EACH):
        port = FIRST + lane * _EACH + next(_next) % _EACH
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return port
    raise OSError(f"no free port on {host} from {FIRST} to {LAST}")
