"""What a fresh image is asked before it is used: does its program really start, as whom, and what lies around it."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

USER = "1000"
# The pipe of the substitution belongs to the image's user, so that nginx may open it as /dev/stdout. The key has the
# right form; nothing is ever signed with it.
EDGE_SCRIPT = f"""
export LINK_KEYS=check:{"A" * 43} RESOLVER=127.0.0.1
said=$(/usr/local/bin/start-edge -t 2>&1) || {{ echo "$said" >&2; exit 1; }}
echo "$said" | tail -n 1
"""
EDGE_CHECK = ("sh", "-c", EDGE_SCRIPT)
FRONTEND_SCRIPT = """
const { spawn } = require("node:child_process");
const net = require("node:net");
const probe = net.createServer().listen(0, "127.0.0.1", () => {
  const { port } = probe.address();
  probe.close(() => start(port));
});
function start(port) {
  const stdio = ["ignore", 2, 2];
  const server = spawn(process.execPath, ["start.mjs"], { env: { ...process.env, PORT: port }, stdio });
  const end = (code, text) => {
    console.log(text);
    server.removeAllListeners("exit").kill("SIGKILL");
    process.exit(code);
  };
  server.on("exit", (code) => end(1, `the server ended with ${code}`));
  const deadline = Date.now() + 300_000;
  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (answer?.ok) end(0, `/healthz answers ${answer.status}`);
    else if (Date.now() > deadline) end(1, `/healthz does not answer: ${answer?.status}`);
    else setTimeout(ask, 200);
  };
  ask();
}
"""
FRONTEND_CHECK = ("node", "-e", FRONTEND_SCRIPT)

# apt is part of every Debian base, and useless to user 1000 on a read-only root.
_TOOL = re.compile(r"([\w-]+-)?(gcc|g\+\+|cc|c\+\+|cpp|clang|make|cargo|rustc|go|pip|npm|npx|yarn|corepack)(-?[\d.]+)?")
_PACKAGE = re.compile(r".*/(site|dist)-packages/(pip|setuptools|wheel)")
_PROGRAM_FOLDERS = frozenset({"bin", "sbin"})


def build_tools(paths: Iterable[str]) -> list[str]:
    """Compilers and package managers of languages among the paths of an image, sorted."""
    return sorted(path for path in paths if _is_build_tool(PurePosixPath("/", path)))


def _is_build_tool(path: PurePosixPath) -> bool:
    if path.parent.name in _PROGRAM_FOLDERS:
        return _TOOL.fullmatch(path.name) is not None
    return _PACKAGE.fullmatch(str(path)) is not None
