"""The server's RSA key: what clients must know to trust it, and the private operation of the key exchange."""

from hashlib import sha1
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from telegram_sandbox.wire.tl import tl_string


class ServerKey:
    """A 2048-bit RSA key with its Telegram fingerprint."""

    def __init__(self, private_key: rsa.RSAPrivateKey) -> None:
        self._numbers = private_key.private_numbers()
        self._public = private_key.public_key()
        self.modulus = self._numbers.public_numbers.n
        exponent = self._numbers.public_numbers.e
        digest = sha1(tl_string(_big_endian(self.modulus)) + tl_string(_big_endian(exponent))).digest()
        self.fingerprint = int.from_bytes(digest[-8:], "little", signed=True)

    @classmethod
    def load_or_create(cls, path: Path) -> "ServerKey":
        """The key in the PEM file at ``path``, made first when there is none."""
        if not path.exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(pem)
        loaded = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(loaded, rsa.RSAPrivateKey) or loaded.key_size != 2048:
            raise ValueError(f"{path} must hold a 2048-bit RSA private key")
        return cls(loaded)

    def public_pem(self) -> str:
        """The public key as PKCS#1 PEM, the form that Telegram's own keys are published in."""
        return self._public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode()

    def private_operation(self, block: bytes) -> bytes | None:
        """The 256-byte result of raw RSA decryption; None when the block is not below the modulus."""
        value = int.from_bytes(block, "big")
        if len(block) != 256 or value >= self.modulus:
            return None
        numbers = self._numbers
        high = pow(value % numbers.p, numbers.dmp1, numbers.p)
        low = pow(value % numbers.q, numbers.dmq1, numbers.q)
        return (low + (numbers.iqmp * (high - low)) % numbers.p * numbers.q).to_bytes(256, "big")


def _big_endian(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
