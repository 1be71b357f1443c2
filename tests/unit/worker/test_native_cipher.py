"""The native cipher decrypts as tgcrypto does, on this processor and (emulated) on the board's."""

import random
import subprocess
from pathlib import Path

import native_cipher
import pytest
import tgcrypto

from streamvault_worker.telegram.fastpath.cipher import Decrypt, choose_cipher, decrypt_with_tgcrypto

LENGTHS = (0, 16, 32, 48, 64, 80, 1024, 65_536, 1_048_592)
FUZZ_ROUNDS = 2000
LARGEST_FUZZ_BLOCKS = 200


def has_aes() -> bool:
    """Whether this processor has the instructions."""
    return "aes" in Path("/proc/cpuinfo").read_text().split()


@pytest.fixture(scope="module")
def native() -> Decrypt:
    return choose_cipher(native_cipher.library())


def test_this_processor_uses_its_own_instructions(native: Decrypt) -> None:
    assert (native is not decrypt_with_tgcrypto) == has_aes()


@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_is_decrypted_as_tgcrypto_does(native: Decrypt, length: int) -> None:
    dice = random.Random(length)
    key, iv, data = dice.randbytes(32), dice.randbytes(32), dice.randbytes(length)
    buffer = bytearray(data)
    native(memoryview(buffer), key, iv)
    assert bytes(buffer) == (tgcrypto.ige256_decrypt(data, key, iv) if length else b"")


def test_random_messages_are_decrypted_as_tgcrypto_does(native: Decrypt) -> None:
    dice = random.Random(20_261_125)
    for _ in range(FUZZ_ROUNDS):
        key, iv = dice.randbytes(32), dice.randbytes(32)
        plain = dice.randbytes(16 * dice.randint(1, LARGEST_FUZZ_BLOCKS))
        before, after = dice.randbytes(dice.randint(0, 40)), dice.randbytes(dice.randint(0, 40))
        buffer = bytearray(before + tgcrypto.ige256_encrypt(plain, key, iv) + after)
        native(memoryview(buffer)[len(before) : len(before) + len(plain)], key, iv)
        assert bytes(buffer) == before + plain + after


@pytest.mark.parametrize(("data", "key", "iv"), [(15, 32, 32), (16, 31, 32), (16, 32, 16)])
def test_a_wrong_size_is_refused(native: Decrypt, data: int, key: int, iv: int) -> None:
    if native is decrypt_with_tgcrypto:
        pytest.fail("this machine cannot run the native cipher")
    with pytest.raises(ValueError, match="32 bytes"):
        native(memoryview(bytearray(data)), bytes(key), bytes(iv))


def test_without_the_library_tgcrypto_decrypts(tmp_path: Path) -> None:
    assert choose_cipher(tmp_path / "missing.so") is decrypt_with_tgcrypto


def test_the_boards_instructions_decrypt_as_tgcrypto_does() -> None:
    program = native_cipher.arm64_filter()
    dice = random.Random(64)
    for blocks in (1, 2, 3, 4, 5, 100, 4097):
        key, iv, data = dice.randbytes(32), dice.randbytes(32), dice.randbytes(16 * blocks)
        answer = subprocess.run(
            [*native_cipher.ARM64_EMULATOR, program], input=key + iv + data, capture_output=True, check=True, timeout=60
        )
        assert answer.stdout == tgcrypto.ige256_decrypt(data, key, iv)
