"""Where tests find a document database: the installation's, or another one by its connection string."""

import asyncio
import base64
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import cache
from urllib.parse import urlsplit, urlunsplit

from pymongo import MongoClient

from demo.cluster import get, kubectl

PORT = 27017


@cache
def installation_uri() -> str:
    """Connection string of the installation's own server; raises LookupError when there is none."""
    secret = get("secret", "streamvault-stores")
    if secret is None:
        raise LookupError("no MongoDB: run `make up`")
    address = kubectl("get", "service", "mongodb", "-o", "jsonpath={.spec.clusterIP}")
    with closing(socket.create_connection((address, PORT), timeout=60)):
        pass
    return moved(base64.b64decode(secret["data"]["MONGODB_URI"]).decode(), f"{address}:{PORT}")


@asynccontextmanager
async def database(uri: str) -> AsyncIterator[str]:
    """The name of an empty database on this server, dropped at the end."""
    name = f"test_{secrets.token_hex(6)}"
    try:
        yield name
    finally:
        await asyncio.to_thread(_drop, uri, name)


def _drop(uri: str, name: str) -> None:
    with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=60_000) as client:
        client.drop_database(name)


def far_end(uri: str) -> tuple[str, int]:
    """Host and port that a connection string leads to."""
    parts = urlsplit(uri)
    return parts.hostname or "127.0.0.1", parts.port or PORT


def through(uri: str, port: int) -> str:
    """The same connection string by way of a port on loopback."""
    return moved(uri, f"127.0.0.1:{port}", query="directConnection=true")


def moved(uri: str, address: str, **parts: str) -> str:
    """The same connection string with another `host:port`."""
    found = urlsplit(uri)
    user_info, _, _ = found.netloc.rpartition("@")
    return urlunsplit(found._replace(netloc=f"{user_info}@{address}".lstrip("@"), path="/", **parts))
