"""account.getPassword and auth.checkPassword: the second step of signing in (https://core.telegram.org/api/srp)."""

import hashlib
import os
import secrets
from hashlib import sha256

from pyrogram.crypto.prime import CURRENT_DH_PRIME as DH_PRIME
from pyrogram.raw import functions, types

from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import Access, handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.methods.auth import log_in
from telegram_sandbox.state.accounts import Account

G = 3
_Algorithm = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow
_P, _G = DH_PRIME.to_bytes(256, "big"), G.to_bytes(256, "big")
_MULTIPLIER = int.from_bytes(sha256(_P + _G).digest(), "big")


@handles(functions.account.GetPassword, Access.ANYONE)
async def get_password(call: Call, _request: functions.account.GetPassword) -> types.account.Password:
    """The parameters of a proof, for the account that is signing in or signed in."""
    account = _subject(call)
    fresh = _Algorithm(salt1=os.urandom(8), salt2=os.urandom(16), g=G, p=_P)
    answer = types.account.Password(
        new_algo=fresh, new_secure_algo=types.SecurePasswordKdfAlgoUnknown(), secure_random=os.urandom(32)
    )
    if account.password is None:
        return answer
    algorithm = _algorithm_of(call, account)
    secret = int.from_bytes(os.urandom(256), "big")
    g_b = (_MULTIPLIER * _verifier(algorithm, account.password) + pow(G, secret, DH_PRIME)) % DH_PRIME
    answer.has_password = True
    answer.current_algo = algorithm
    answer.srp_B = g_b.to_bytes(256, "big")
    answer.srp_id = secrets.randbits(62)
    call.backend.transient.password_checks[answer.srp_id] = (account.id, secret)
    return answer


@handles(functions.auth.CheckPassword, Access.ANYONE)
async def check_password(call: Call, request: functions.auth.CheckPassword) -> types.auth.Authorization:
    """Log in when the proof is right."""
    account = _subject(call)
    proof = request.password
    if account.password is None or not isinstance(proof, types.InputCheckPasswordSRP):
        raise RpcError("PASSWORD_HASH_INVALID")
    account_id, secret = call.backend.transient.password_checks.pop(proof.srp_id, (0, 0))
    if account_id != account.id:
        raise RpcError("SRP_ID_INVALID")
    g_a = int.from_bytes(proof.A, "big")
    if not 1 < g_a < DH_PRIME - 1:
        raise RpcError("SRP_A_INVALID")
    if not secrets.compare_digest(_expected(call, account, g_a, secret), bytes(proof.M1)):
        raise RpcError("PASSWORD_HASH_INVALID")
    return log_in(call, account)


def _expected(call: Call, account: Account, g_a: int, secret: int) -> bytes:
    algorithm = _algorithm_of(call, account)
    verifier = _verifier(algorithm, account.password or "")
    g_b = (_MULTIPLIER * verifier + pow(G, secret, DH_PRIME)) % DH_PRIME
    a_bytes, b_bytes = g_a.to_bytes(256, "big"), g_b.to_bytes(256, "big")
    scramble = int.from_bytes(sha256(a_bytes + b_bytes).digest(), "big")
    shared = pow(g_a * pow(verifier, scramble, DH_PRIME), secret, DH_PRIME).to_bytes(256, "big")
    mixed = bytes(x ^ y for x, y in zip(sha256(_P).digest(), sha256(_G).digest(), strict=True))
    salts = sha256(algorithm.salt1).digest() + sha256(algorithm.salt2).digest()
    return sha256(mixed + salts + a_bytes + b_bytes + sha256(shared).digest()).digest()


def _subject(call: Call) -> Account:
    account_id = call.key.pending_account_id or call.key.account_id
    if account_id is None:
        raise RpcError("AUTH_KEY_UNREGISTERED")
    return call.store.accounts.require(account_id)


def _algorithm_of(call: Call, account: Account) -> _Algorithm:
    digest = call.store.database.digest("password", account.id)
    return _Algorithm(salt1=digest[:8], salt2=digest[8:24], g=G, p=_P)


def _verifier(algorithm: _Algorithm, password: str) -> int:
    first = sha256(algorithm.salt1 + password.encode() + algorithm.salt1).digest()
    second = sha256(algorithm.salt2 + first + algorithm.salt2).digest()
    stretched = hashlib.pbkdf2_hmac("sha512", second, algorithm.salt1, 100_000)
    return pow(G, int.from_bytes(sha256(algorithm.salt2 + stretched + algorithm.salt2).digest(), "big"), DH_PRIME)
