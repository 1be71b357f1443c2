"""The API methods, one module per group; importing this package registers every handler."""

from telegram_sandbox.methods import (
    auth,
    callbacks,
    channels,
    editing,
    help,  # noqa: A004 - the API's own name
    media,
    messages,
    password,
    updates,
    upload,
    users,
    writing,
)

__all__ = [
    "auth",
    "callbacks",
    "channels",
    "editing",
    "help",
    "media",
    "messages",
    "password",
    "updates",
    "upload",
    "users",
    "writing",
]
