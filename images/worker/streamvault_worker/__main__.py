"""`python -m streamvault_worker`: one Telegram account that serves byte ranges."""

import asyncio
import logging
import os
import sys
import tempfile

from streamvault_common import logs

from .service import Service
from .settings import WorkerSettings

SWITCH_SECONDS = 0.0005
"""A thread that has decrypted a piece waits so long for the interpreter; Python's 5 ms were seen in cold seeks."""


def main() -> None:
    """Read the environment and serve until told to stop."""
    settings = WorkerSettings()
    logs.setup("worker", settings.log_level)
    if settings.log_level.upper() != "DEBUG":
        logging.getLogger("pyrogram").setLevel(logging.WARNING)
    # pyrogram appends errors that it does not know to a file in the working directory, which is read-only in a pod.
    os.chdir(tempfile.gettempdir())
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(_run(settings))


async def _run(settings: WorkerSettings) -> None:
    await Service(settings).run()


if __name__ == "__main__":
    main()
