"""Several edges behind one address: each film is kept by one of them, and another one stands in for it."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
import yaml
from balancer import SHIPPED, Balancer
from edge_agent import running_agent
from edge_site import DOMAIN, Site, wait_until
from origin import File

from nginx import Nginx
from streamvault_common.keys import COMPONENT_EDGE, HTTP_PORT, LABEL_COMPONENT, SLICE_BYTES
from streamvault_edge.slices import Film, presence

HOSTS = ("127.0.4.1", "127.0.4.2")


@dataclass
class Fleet:
    """Two edges with the same workers behind them, and the balancer in front."""

    site: Site
    edges: dict[str, Nginx]
    front: Balancer

    def get(self, path: str) -> httpx.Response:
        return self.site.client.get(self.front.url + path)

    def holders(self, file: File) -> list[str]:
        """The edges that have a file on their disks."""
        film = Film(file.fid, file.gen, len(file.content), SLICE_BYTES)
        return [host for host, edge in self.edges.items() if presence(edge.cache, film).present]

    def stored(self, file: File) -> list[str]:
        """The edges that have a file which was just read: nginx stores it a moment after its last byte is out."""
        wait_until(lambda: bool(self.holders(file)), "the file is stored")
        return self.holders(file)


def _finds_workers(site: Site, edge: Nginx) -> bool:
    return site.client.get(edge.url + site.play(site.origin.add(10))).status_code == 200


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    site = Site(folder / "site")
    edges: dict[str, Nginx] = {}
    for host in HOSTS:
        port = edges[HOSTS[0]].port if edges else 0
        edges[host] = Nginx(folder / host, site.nginx.environment, host, port)
    service = f"edges.{DOMAIN}"
    site.names.records[service] = list(HOSTS)
    site.names.ports[service] = edges[HOSTS[0]].port
    here = {
        "listen 8080;": "listen 127.0.0.1:{port};",
        "resolver 10.43.0.10 valid=5s": f"resolver {site.names.address} valid=1s",
        "server edges.streamvault.svc.cluster.local": f"server {service}",
    }
    front = Balancer(folder / "front", here)
    fleet = Fleet(site, edges, front)
    started: list[Nginx] = []
    try:
        for nginx in (*edges.values(), front):
            nginx.start()
            started.append(nginx)
        wait_until(lambda: all(_finds_workers(site, edge) for edge in edges.values()), "the edges find workers")
        yield fleet
    finally:
        for nginx in started:
            nginx.stop()
        site.stop()


def test_each_film_is_kept_by_one_edge_and_all_edges_work(fleet: Fleet) -> None:
    films = [fleet.site.origin.add(1000) for _ in range(24)]
    for film in films:
        for path in (fleet.site.play(film), fleet.site.download(film, "x.mp4"), fleet.site.play(film, user="u2")):
            assert fleet.get(path).content == film.content
        assert len(fleet.site.origin.requests(film)) == 1
    places = [fleet.stored(film) for film in films]
    assert {len(holders) for holders in places} == {1}
    assert {holders[0] for holders in places} == set(HOSTS)


def test_film_of_a_killed_edge_comes_from_another_and_then_from_home_again(fleet: Fleet) -> None:
    films = [fleet.site.origin.add(1000) for _ in range(12)]
    for film in films:
        fleet.get(fleet.site.play(film))
    homes = {film.fid: fleet.stored(film) for film in films}
    fleet.edges[HOSTS[0]].kill()
    assert all(fleet.get(fleet.site.play(film)).content == film.content for film in films)
    wait_until(lambda: all(HOSTS[1] in fleet.holders(film) for film in films), "the other edge has stored them")
    fleet.edges[HOSTS[0]].start()
    lost = next(film for film in films if homes[film.fid] == [HOSTS[0]])

    def at_home() -> bool:
        response = fleet.get(fleet.site.play(lost))
        tried = fleet.edges[HOSTS[0]].access_log.read_text()
        return response.headers["x-cache"] == "HIT" and response.headers["x-request-id"] in tried

    wait_until(at_home, "the edge is asked again")


def test_purge_at_every_edge_leaves_nothing(fleet: Fleet) -> None:
    films = [fleet.site.origin.add(1000) for _ in range(6)]
    for film in films:
        fleet.get(fleet.site.play(film))
        assert fleet.stored(film)
    for edge in fleet.edges.values():
        with running_agent(edge.cache, edge.status_url) as agent:
            for film in films:
                answer = agent.post("/purge", json={"fid": film.fid, "gen": 1, "sizeBytes": 1000}).json()
                assert answer["remaining"] == 0
    assert [fleet.holders(film) for film in films] == [[]] * len(films)


def test_shipped_service_lists_the_pods_of_the_operator() -> None:
    service = yaml.safe_load((SHIPPED.parent / "service.yaml").read_text())
    assert service["spec"]["selector"][LABEL_COMPONENT] == COMPONENT_EDGE
    assert service["spec"]["clusterIP"] == "None"
    assert [(port["name"], port["port"]) for port in service["spec"]["ports"]] == [("http", HTTP_PORT)]
    assert f"{service['metadata']['name']}.streamvault.svc.cluster.local service=http" in SHIPPED.read_text()
