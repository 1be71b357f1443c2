"""Real stores for tests: a database of one's own on the installation's MongoDB or FerretDB.

`TEST_MONGODB_URI` names another server; without it the one that `make up` started is used.
"""

import asyncio
import base64
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import cache
from urllib.parse import urlsplit, urlunsplit

from pymongo import MongoClient

from demo.cluster import get, kubectl


@cache
def mongodb_uri() -> str:
    """Connection string of a real server; raises LookupError when there is none."""
    return os.environ.get("TEST_MONGODB_URI") or installation_uri()


@cache
def installation_uri() -> str:
    """Connection string of the installation's own server; raises LookupError when there is none."""
    secret = get("secret", "streamvault-stores")
    if secret is None:
        raise LookupError("no MongoDB to test with: set TEST_MONGODB_URI or run `make up`")
    parts = urlsplit(base64.b64decode(secret["data"]["MONGODB_URI"]).decode())
    address = kubectl("get", "service", "mongodb", "-o", "jsonpath={.spec.clusterIP}")
    with closing(socket.create_connection((address, 27017), timeout=5)):
        pass
    user_info, _, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user_info}@{address}:27017".lstrip("@"), path="/"))


@asynccontextmanager
async def database() -> AsyncIterator[str]:
    """The name of an empty database on `mongodb_uri()`, dropped at the end."""
    name = f"test_{secrets.token_hex(6)}"
    try:
        yield name
    finally:
        await asyncio.to_thread(_drop, name)


def _drop(name: str) -> None:
    with MongoClient[dict[str, object]](mongodb_uri(), serverSelectionTimeoutMS=5000) as client:
        client.drop_database(name)


def far_end(uri: str) -> tuple[str, int]:
    """Host and port that a connection string leads to."""
    parts = urlsplit(uri)
    return parts.hostname or "127.0.0.1", parts.port or 27017


def through(uri: str, port: int) -> str:
    """The same connection string by way of a port on loopback."""
    parts = urlsplit(uri)
    user_info, _, _ = parts.netloc.rpartition("@")
    address = f"{user_info}@127.0.0.1:{port}".lstrip("@")
    return urlunsplit(parts._replace(netloc=address, path="/", query="directConnection=true"))
