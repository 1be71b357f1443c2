"""`python -m streamvault_edge`: the purge agent of one edge."""

import logging
import sys

import uvicorn
from pydantic import ValidationError

from streamvault_common.logs import setup

from .app import create_app
from .settings import AgentSettings

log = logging.getLogger("streamvault_edge")


def main() -> int:
    """Serve until SIGTERM; 1 when the settings or the volume are unusable."""
    try:
        settings = AgentSettings()
    except ValidationError as error:
        setup("edge-agent")
        for entry in error.errors():
            log.error("setting %s: %s", str(entry["loc"][0]).upper(), entry["msg"])
        return 1
    setup("edge-agent", settings.log_level)
    try:
        app = create_app(settings)
    except OSError as error:
        log.error("CACHE_ROOT %s cannot be used: %s", settings.cache_root, error)
        return 1
    # A request names no secret in its path, so uvicorn's access log would only repeat the operator's own.
    uvicorn.run(app, host="0.0.0.0", port=settings.port, log_config=None, access_log=False)  # noqa: S104
    return 0


if __name__ == "__main__":
    sys.exit(main())
