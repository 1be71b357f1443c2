"""Connections of pyrogram (kurigram) to data centres of our choice, through its public constructor argument.

Addresses come from `TG_DC_MAP` and the key from `TG_RSA_PUBLIC_KEY`; with neither, pyrogram's own tables stand.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pyrogram.connection import Connection
from pyrogram.crypto import rsa

from streamvault_common.settings import Address, InvalidSetting


def trust_public_key(pem: str) -> None:
    """Let pyrogram accept the server key `pem` (PKCS#1 or SubjectPublicKeyInfo); raises InvalidSetting."""
    modulus, exponent = _read_pem(pem)
    fingerprint = int.from_bytes(
        hashlib.sha1(_tl(modulus) + _tl(exponent), usedforsecurity=False).digest()[-8:], "little", signed=True
    )
    rsa.server_public_keys[fingerprint] = rsa.PublicKey(modulus, exponent)


def connection_factory(addresses: Mapping[int, Address]) -> type[Connection]:
    """A value for `Client(connection_factory=...)`: swaps the address by data centre id; {} swaps nothing."""

    class MappedConnection(Connection):
        def __init__(self, dc_id: int, server_address: str, port: int, **options: Any) -> None:
            own = addresses.get(dc_id)
            if own is None and addresses:
                raise InvalidSetting(f"TG_DC_MAP has no address for data centre {dc_id}")
            super().__init__(dc_id, own.host if own else server_address, own.port if own else port, **options)

    return MappedConnection


def _read_pem(pem: str) -> tuple[int, int]:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise InvalidSetting(f"TG_RSA_PUBLIC_KEY is not a PEM public key: {error}") from error
    if not isinstance(key, RSAPublicKey):
        raise InvalidSetting("TG_RSA_PUBLIC_KEY is not an RSA key")
    numbers = key.public_numbers()
    return numbers.n, numbers.e


def _tl(number: int) -> bytes:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    head = bytes([len(raw)]) if len(raw) < 254 else b"\xfe" + len(raw).to_bytes(3, "little")
    return head + raw + b"\0" * (-(len(head) + len(raw)) % 4)
