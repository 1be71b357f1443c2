"""The nginx of manifests/edges in front of several edges, as it is shipped but for its addresses."""

from collections.abc import Mapping
from pathlib import Path

from nginx import REPOSITORY, Nginx

SHIPPED = REPOSITORY / "manifests/edges/balancer.conf"


class Balancer(Nginx):
    """Answers when an edge behind it does."""

    program = ("/usr/sbin/nginx", "-e", "stderr", "-c", "/tmp/balancer.conf")

    def __init__(self, folder: Path, addresses: Mapping[str, str]) -> None:
        """`addresses` maps what stands in the shipped file to what it is here; `{port}` is the port of this one."""
        super().__init__(folder, {})
        text = SHIPPED.read_text()
        for shipped, here in addresses.items():
            assert text.count(shipped) == 1, shipped
            text = text.replace(shipped, here.format(port=self.port))
        (self.scratch / "balancer.conf").write_text(text)
