"""Where generated things live: per clone under build/, per user in the cache, per machine under /var/lib and /run."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build"
STEP_LOGS = BUILD / "logs"
KUBECONFIG = BUILD / "kubeconfig"
VENV = BUILD / "venv"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamvault"
# One cluster per machine: two clones share it instead of fighting over ports and bridges.
STATE = Path("/var/lib/streamvault-dev")
RUN = Path("/run/streamvault-dev")
