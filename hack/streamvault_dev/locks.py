"""Renewing the lock files. None of them names a package index: whoever installs decides where from."""

import re
from pathlib import Path

from . import commands, environments, golang
from .paths import REPOSITORY, STEP_LOGS, VENV

LOG = STEP_LOGS / "lock.log"
OLDEST_PYTHON = "3.11"
PYTHON_LOCKS = {"requirements.txt": "requirements/all.in", "requirements/dev.txt": "requirements/dev.in"}
GO_MODULES = ("hack/cluster", "hack/images/ferretdb")


def compile_all() -> None:
    """Python with hashes, npm without addresses, Go. CommandError."""
    for target, source in PYTHON_LOCKS.items():
        words = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-emit-index-url"]
        words += ["--custom-compile-command", "make lock", "--quiet", "--output-file", target]
        commands.run([VENV / "bin/uv", "pip", "compile", *words, source], log=LOG, cwd=REPOSITORY)
    environments.ensure_node()
    npm = ["npm", "install", "--package-lock-only", "--omit-lockfile-registry-resolved"]
    commands.run(npm, log=LOG, cwd=environments.FRONTEND, env=environments.node_environment())
    strip_addresses(environments.FRONTEND / "package-lock.json")
    for module in GO_MODULES:
        commands.run([golang.go_command(), "mod", "tidy"], log=LOG, cwd=REPOSITORY / module)


def strip_addresses(lock: Path) -> None:
    """Remove every `resolved` line that npm left in."""
    text = lock.read_text()
    lock.write_text(re.sub(r'(?m)^\s*"resolved": "https?:[^"]*",?\n', "", text))
