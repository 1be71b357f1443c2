"""`python -m streamvault_worker`: one Telegram account that serves byte ranges."""

import asyncio
import logging
import os
import tempfile

from streamvault_common import logs

from .service import Service
from .settings import WorkerSettings


def main() -> None:
    """Read the environment and serve until told to stop."""
    settings = WorkerSettings()
    logs.setup("worker", settings.log_level)
    if settings.log_level.upper() != "DEBUG":
        logging.getLogger("pyrogram").setLevel(logging.WARNING)
    # pyrogram appends errors that it does not know to a file in the working directory, which is read-only in a pod.
    os.chdir(tempfile.gettempdir())
    asyncio.run(_run(settings))


async def _run(settings: WorkerSettings) -> None:
    await Service(settings).run()


if __name__ == "__main__":
    main()
