"""Session strings for client libraries, made from a key that the server already knows."""

import base64
import ipaddress
import socket
import struct

from telegram_sandbox.state.accounts import Account
from telegram_sandbox.state.auth_keys import AuthKey


def kurigram_string(key: AuthKey, account: Account, api_id: int) -> str:
    """The form of pyrogram and kurigram: no address inside, the client looks it up by data centre."""
    packed = struct.pack(">BI?256sQ?", key.dc_id, api_id, False, key.key, account.id, account.is_bot)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def telethon_string(key: AuthKey, host: str, port: int) -> str:
    """Telethon's form: it holds the address, as an IP."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = ipaddress.ip_address(socket.gethostbyname(host))
    packed = struct.pack(f">B{len(address.packed)}sH256s", key.dc_id, address.packed, port, key.key)
    return "1" + base64.urlsafe_b64encode(packed).decode()
