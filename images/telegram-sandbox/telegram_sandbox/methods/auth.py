"""auth.*: signing in or up by phone, signing in by bot token, moving to another data centre, signing out."""

import os
import secrets
import time

from pyrogram.raw import functions, types

from telegram_sandbox.backend import LoginCode
from telegram_sandbox.call import Call
from telegram_sandbox.dispatch import Access, handles
from telegram_sandbox.errors import RpcError
from telegram_sandbox.state.accounts import Account, digits
from telegram_sandbox.views import View

EXPORT_LIFETIME_SECONDS = 120
MAX_NAME_LENGTH = 64
_PHONE_DIGITS = range(7, 16)
_FIRST_NEW_ID, _NEW_IDS = 6_000_000_000, 900_000_000


def log_in(call: Call, account: Account) -> types.auth.Authorization:
    """Bind the caller's key to an account."""
    if account.deactivated:
        raise RpcError("USER_DEACTIVATED")
    call.key.account_id, call.key.pending_account_id = account.id, None
    call.store.auth_keys.save(call.key)
    return types.auth.Authorization(user=View(call.store, account).user(account))


@handles(functions.auth.SendCode, Access.ANYONE)
async def send_code(call: Call, request: functions.auth.SendCode) -> types.auth.SentCode:
    """Print a code for the phone; whether the phone has an account is told to whoever shows the code."""
    if request.api_id <= 0 or not request.api_hash:
        raise RpcError("API_ID_INVALID")
    account = _by_phone(call, request.phone_number)
    code = call.backend.new_code(digits(request.phone_number))
    call.key.pending_account_id = account.id if account else None
    return types.auth.SentCode(
        type=types.auth.SentCodeTypeApp(length=len(code.code)), phone_code_hash=code.code_hash, timeout=60
    )


@handles(functions.auth.ResendCode, Access.ANYONE)
async def resend_code(call: Call, request: functions.auth.ResendCode) -> types.auth.SentCode:
    """A new code in place of the old one."""
    _by_phone(call, request.phone_number)
    known = call.backend.transient.codes.get(digits(request.phone_number))
    if known is None or known.code_hash != request.phone_code_hash:
        raise RpcError("PHONE_CODE_HASH_EMPTY")
    code = call.backend.new_code(known.phone)
    return types.auth.SentCode(
        type=types.auth.SentCodeTypeApp(length=len(code.code)), phone_code_hash=code.code_hash, timeout=60
    )


@handles(functions.auth.SignIn, Access.ANYONE)
async def sign_in(
    call: Call, request: functions.auth.SignIn
) -> types.auth.Authorization | types.auth.AuthorizationSignUpRequired:
    """Compare the code; an account with a password still has to show that, a phone without an account must sign up."""
    account = _by_phone(call, request.phone_number)
    code = _code_for(call, request.phone_number, request.phone_code_hash)
    if not request.phone_code:
        raise RpcError("PHONE_CODE_EMPTY")
    if request.phone_code != code.code:
        raise RpcError("PHONE_CODE_INVALID")
    if account is None:
        code.shown = True
        return types.auth.AuthorizationSignUpRequired()
    del call.backend.transient.codes[code.phone]
    if account.password is not None:
        call.key.pending_account_id = account.id
        call.store.auth_keys.save(call.key)
        raise RpcError("SESSION_PASSWORD_NEEDED")
    return log_in(call, account)


@handles(functions.auth.SignUp, Access.ANYONE)
async def sign_up(call: Call, request: functions.auth.SignUp) -> types.auth.Authorization:
    """A new account for a phone whose code was shown to sign_in; it lives in the data centre that it asked."""
    if _by_phone(call, request.phone_number) is not None:
        raise RpcError("PHONE_NUMBER_OCCUPIED")
    code = _code_for(call, request.phone_number, request.phone_code_hash)
    if not code.shown:
        raise RpcError("PHONE_CODE_EMPTY")
    first_name, last_name = request.first_name.strip(), request.last_name.strip()
    if not 0 < len(first_name) <= MAX_NAME_LENGTH:
        raise RpcError("FIRSTNAME_INVALID")
    if len(last_name) > MAX_NAME_LENGTH:
        raise RpcError("LASTNAME_INVALID")
    del call.backend.transient.codes[code.phone]
    accounts = call.store.accounts
    accounts.put(
        Account(
            id=_unused_id(call),
            first_name=first_name,
            last_name=last_name or None,
            username=None,
            phone=code.phone,
            bot_token=None,
            premium=False,
            home_dc=call.dc_id,
            password=None,
            deactivated=False,
            pts=1,
        )
    )
    account = accounts.by_phone(code.phone)
    if account is None:
        raise LookupError(f"the account of +{code.phone} was not stored")
    return log_in(call, account)


@handles(functions.auth.ImportBotAuthorization, Access.ANYONE)
async def import_bot_authorization(
    call: Call, request: functions.auth.ImportBotAuthorization
) -> types.auth.Authorization:
    """Sign in by token, in the bot's own data centre."""
    if request.api_id <= 0 or not request.api_hash:
        raise RpcError("API_ID_INVALID")
    account = call.store.accounts.by_token(request.bot_auth_token)
    if account is None:
        raise RpcError("ACCESS_TOKEN_INVALID")
    if account.home_dc != call.dc_id:
        raise RpcError(f"USER_MIGRATE_{account.home_dc}")
    return log_in(call, account)


@handles(functions.auth.ExportAuthorization)
async def export_authorization(
    call: Call, request: functions.auth.ExportAuthorization
) -> types.auth.ExportedAuthorization:
    """A ticket for another data centre, good once."""
    if request.dc_id not in call.backend.ports or request.dc_id == call.dc_id:
        raise RpcError("DC_ID_INVALID")
    ticket = os.urandom(64)
    now = time.time()
    exported = call.backend.transient.exported
    for old in [old for old, (*_, expires) in exported.items() if expires < now]:
        del exported[old]
    exported[ticket] = (call.account.id, request.dc_id, now + EXPORT_LIFETIME_SECONDS)
    return types.auth.ExportedAuthorization(id=call.account.id, bytes=ticket)


@handles(functions.auth.ImportAuthorization, Access.ANYONE)
async def import_authorization(call: Call, request: functions.auth.ImportAuthorization) -> types.auth.Authorization:
    """Use a ticket from another data centre."""
    account_id, dc_id, expires = call.backend.transient.exported.pop(bytes(request.bytes), (0, 0, 0.0))
    if not account_id or expires < time.time() or dc_id != call.dc_id:
        raise RpcError("AUTH_BYTES_INVALID")
    if account_id != request.id:
        raise RpcError("USER_ID_INVALID")
    return log_in(call, call.store.accounts.require(account_id))


@handles(functions.auth.LogOut)
async def log_out(call: Call, _request: functions.auth.LogOut) -> types.auth.LoggedOut:
    """Take the account off this key."""
    call.key.account_id = None
    call.store.auth_keys.save(call.key)
    for session in call.backend.sessions.of_key(call.key):
        session.wants_updates = False
    return types.auth.LoggedOut()


def _by_phone(call: Call, phone: str) -> Account | None:
    """None for a phone without an account. Raises RpcError PHONE_NUMBER_INVALID, PHONE_MIGRATE_X."""
    if len(digits(phone)) not in _PHONE_DIGITS:
        raise RpcError("PHONE_NUMBER_INVALID")
    account = call.store.accounts.by_phone(phone)
    if account is not None and account.home_dc != call.dc_id:
        raise RpcError(f"PHONE_MIGRATE_{account.home_dc}")
    return account


def _code_for(call: Call, phone: str, code_hash: str) -> LoginCode:
    """The code on its way. Raises RpcError PHONE_CODE_EXPIRED."""
    code = call.backend.transient.codes.get(digits(phone))
    if code is None or code.code_hash != code_hash or code.expires < time.time():
        raise RpcError("PHONE_CODE_EXPIRED")
    return code


def _unused_id(call: Call) -> int:
    while True:
        account_id = _FIRST_NEW_ID + secrets.randbelow(_NEW_IDS)
        if call.store.accounts.get(account_id) is None:
            return account_id
