"""The HTTP control API; see images/telegram-sandbox/README.md for every call, /control/openapi.json for the
schema.

Accounts are named by id, username or first name; chats by account id, username, -100... channel id or channel title.

    GET  /control/endpoints                              ports, TG_DC_MAP and public key for clients
    GET  POST /control/accounts, GET PATCH /control/accounts/{who}
    GET  POST /control/accounts/{who}/sessions           mint session strings (kurigram and telethon)
    POST /control/accounts/{who}/sessions/revoke         unregistered, duplicated, forgotten
    GET  /control/codes                                  sign-in codes on their way
    GET  POST /control/channels, PUT DELETE /control/channels/{id}/members/{who}
    GET  /control/accounts/{who}/chats                   act as an account: read,
    GET  POST /control/accounts/{who}/chats/{peer}/messages      write,
    POST /control/accounts/{who}/chats/{peer}/messages/{id}/press   press a button
    GET  POST DELETE /control/faults, DELETE /control/faults/{id}
    POST /control/file-references/expire, GET /control/documents, PATCH /control/documents/{id}
    GET  DELETE /control/counters, GET DELETE /control/connections
    GET  /healthz /readyz /metrics, and the console page on /
"""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from telegram_sandbox.backend import Backend
from telegram_sandbox.control.accounts import accounts_router, channels_router, sessions_router
from telegram_sandbox.control.chats import chats_router
from telegram_sandbox.control.console import console_router
from telegram_sandbox.control.service import counters_router, faults_router, service_router
from telegram_sandbox.errors import RpcError
from telegram_sandbox.listener import Listener


def create_app(backend: Backend, listener: Listener) -> FastAPI:
    """The control API of one backend."""
    app = FastAPI(title="Local Telegram", openapi_url="/control/openapi.json", docs_url=None, redoc_url=None)
    app.include_router(accounts_router(backend))
    app.include_router(sessions_router(backend))
    app.include_router(channels_router(backend))
    app.include_router(chats_router(backend))
    app.include_router(faults_router(backend))
    app.include_router(counters_router(backend, listener))
    app.include_router(service_router(backend, listener))
    app.include_router(console_router(backend, listener))

    @app.exception_handler(LookupError)
    async def not_found(_request: Request, error: LookupError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 404)

    @app.exception_handler(RpcError)
    async def refused(_request: Request, error: RpcError) -> JSONResponse:
        return JSONResponse({"detail": error.name, "code": error.code}, 409)

    return app
