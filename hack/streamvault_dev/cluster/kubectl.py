"""kubectl with a fixed kubeconfig."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamvault_dev.commands import output, succeeds


@dataclass(frozen=True)
class Kubectl:
    program: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Standard output; CommandError with what kubectl said."""
        return output([self.program, "--kubeconfig", self.kubeconfig, *arguments], stdin=stdin)

    def works(self, *arguments: str) -> bool:
        return succeeds([self.program, "--kubeconfig", self.kubeconfig, *arguments])

    def get_json(self, *arguments: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.run("get", *arguments, "-o", "json"))
        return answer

    def apply(self, manifest: dict[str, Any]) -> None:
        self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(manifest))
