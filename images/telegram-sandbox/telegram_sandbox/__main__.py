"""Run the sandbox: ``python -m telegram_sandbox``; ``show`` prints how to reach one that runs."""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn

import telegram_sandbox.methods  # noqa: F401 - registers the handlers
from telegram_sandbox.backend import Backend
from telegram_sandbox.control.app import create_app
from telegram_sandbox.listener import ENDPOINTS_FILE, Listener, write_endpoints
from telegram_sandbox.memory import keep_freed_memory
from telegram_sandbox.settings import Settings
from telegram_sandbox.showing import show_lines

log = logging.getLogger("telegram_sandbox")
_LAST_ANSWERS_SECONDS = 1  # for control calls under way at the end; one may be waiting for a message


class _ControlServer(uvicorn.Server):
    """uvicorn without its signal handlers: this process stops in its own order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / ENDPOINTS_FILE).unlink(missing_ok=True)
    backend = Backend(settings)
    listener = Listener(backend)
    await listener.start()
    control_socket = socket.create_server((settings.host, settings.control_port))
    control_port: int = control_socket.getsockname()[1]
    app = create_app(backend, listener)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS
    )
    server = _ControlServer(config)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.create_task(server.serve(sockets=[control_socket]))
    write_endpoints(backend, control_port)
    log.info("data centres on %s, control on http://%s:%s", backend.ports, settings.host, control_port)
    await stop.wait()
    server.should_exit = True
    await listener.stop()
    await serving
    backend.store.close()


def main() -> None:
    """Entry point."""
    settings = Settings()
    parser = argparse.ArgumentParser(prog="telegram_sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    show = commands.add_parser("show", help="print DC map, public key and session strings of a running server")
    show.add_argument("who", nargs="*", help="id, username or name; every account when none is given")
    show.add_argument(
        "--control", default=f"http://127.0.0.1:{settings.control_port}", help="address of its control API"
    )
    show.add_argument("--label", default="show", help="the same label gives the same session strings")
    options = parser.parse_args()
    if options.command == "show":
        try:
            for line in show_lines(options.control, options.who, options.label):
                print(line)  # noqa: T201 - what the command is for
        except OSError as failure:
            sys.exit(f"{options.control}: {failure}")
        return
    keep_freed_memory()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
