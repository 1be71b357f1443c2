"""AES-256-IGE decryption in place: by the processor's AES instructions where they are, else by tgcrypto."""

import ctypes
import logging
from collections.abc import Callable
from pathlib import Path

import tgcrypto

log = logging.getLogger(__name__)

Decrypt = Callable[[memoryview, bytes, bytes], None]
"""Decrypts a writable view, whose length is a multiple of 16, with a key and an initialization vector of 32 bytes."""


def choose_cipher(library: Path) -> Decrypt:
    """The fastest cipher of this machine; `library` is the compiled `native/ige.c`, which need not exist."""
    try:
        native = _load(library)
    except OSError as error:
        log.warning("no native cipher, decrypting with tgcrypto", extra={"error": str(error)})
        return decrypt_with_tgcrypto
    if not native.sv_ige_supported():
        log.warning("this processor has no AES instructions, decrypting with tgcrypto")
        return decrypt_with_tgcrypto
    return _native_decrypt(native)


def decrypt_with_tgcrypto(data: memoryview, key: bytes, iv: bytes) -> None:
    """The plain way: one copy in, one copy out."""
    data[:] = tgcrypto.ige256_decrypt(bytes(data), key, iv)


def _load(library: Path) -> ctypes.CDLL:
    native = ctypes.CDLL(str(library.absolute()))
    native.sv_ige256_decrypt.argtypes = (
        *(ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p),
        ctypes.c_size_t,
    )
    return native


def _native_decrypt(native: ctypes.CDLL) -> Decrypt:
    """ctypes lets go of the interpreter's lock during the call, so that other pieces decrypt on other cores."""

    def decrypt(data: memoryview, key: bytes, iv: bytes) -> None:
        if len(key) != 32 or len(iv) != 32 or len(data) % 16:
            raise ValueError("the key and the vector have 32 bytes, and the data whole blocks of 16")
        if not data:
            return
        address = ctypes.addressof(ctypes.c_char.from_buffer(data))
        if native.sv_ige256_decrypt(key, iv, address, address, len(data)):
            raise ValueError("the native cipher refused its input")

    return decrypt
