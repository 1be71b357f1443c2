"""`helm uninstall` and a new installation: content, its purges and the cache are as they were before."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from own_films import film, found_again, fresh, noise, resource, upload
from own_release import OwnRelease, own_release
from sandbox_control import account_of_its_own, mint
from site_under_test import Site, eventually

from demo.telegram import StoredPart
from streamvault_common.keys import DRAIN_FINALIZER, PURGE_FINALIZER

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

WAIT_SECONDS = 300
WITHHELD, COURT = 451, "https://court.example/orders"
"""How this release answers for what was taken down."""
KEPT_SECRETS = {"streamvault-stores", "streamvault-link-keys", "streamvault-edge-agent", "streamvault-manager"}


@dataclass
class Life:
    """A release with a film on the air, another one half taken down, and one session; then the release was removed."""

    release: OwnRelease
    shown: str = field(default_factory=lambda: fresh("shown"))
    doomed: str = field(default_factory=lambda: fresh("doomed"))
    doomed_parts: list[StoredPart] = field(default_factory=list)
    link: str = ""
    dead_link: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    removed: dict[str, Any] = field(default_factory=dict)

    def declared(self) -> dict[str, Any]:
        """What must outlive a release, as it is now."""
        objects = {
            name: self.release.get(kind, name)
            for kind, name in (("title", self.shown), ("title", self.doomed), ("workersession", "reader"))
        }
        return {
            "objects": objects,
            "claims": self.release.uids("persistentvolumeclaims"),
            "secrets": {name: (self.release.get("secret", name) or {}).get("data") for name in KEPT_SECRETS},
        }

    def status(self, name: str) -> dict[str, Any]:
        """The status of a title now."""
        status: dict[str, Any] = (self.release.get("title", name) or {})["status"]
        return status

    def is_condition(self, name: str, kind: str, **wanted: str) -> Callable[[], bool]:
        """Whether a title's condition has these fields."""
        return lambda: wanted.items() <= self.release.condition("title", name, kind).items()


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Installed, filled, and uninstalled again."""
    takedown = {"status": WITHHELD, "blockedBy": COURT}
    with (
        account_of_its_own(fresh("moderator"), role="admin", rights=["delete"]) as account,
        own_release(tmp_path_factory.mktemp("release"), takedown=takedown) as release,
    ):
        life = Life(release)
        release.install()
        release.sign_in("reader", mint(str(account), fresh("release")).text, roles=["Stream"])
        fill(life)
        take_half_down(life)
        life.before = life.declared()
        release.uninstall()
        life.removed = life.declared()
        yield life


def fill(life: Life) -> None:
    """Two films on the air; the first slice of one of them in the cache."""
    for name in (life.shown, life.doomed):
        life.doomed_parts = upload(noise(300_000))
        life.release.apply(resource("Title", name, film(*life.doomed_parts)))
    for name in (life.shown, life.doomed):
        eventually(life.is_condition(name, "Ready", status="True"), WAIT_SECONDS, f"{name} is published")
    with life.release.site() as site:
        life.link, life.dead_link = (source_when_known(site, name) for name in (life.shown, life.doomed))
        for link in (life.link, life.dead_link):
            assert answer(site, link).status_code == 206
        assert answer(site, life.link).headers.get("x-cache") == "HIT"


def source_when_known(site: Site, name: str) -> str:
    eventually(lambda: site.http.get(f"/api/titles/{name}").status_code == 200, WAIT_SECONDS, f"the API knows {name}")
    url: str = site.source(name, "720p")["url"]
    return url


def take_half_down(life: Life) -> None:
    """Off the air, but its message stays: no session may delete it."""
    patch = '{"spec": {"state": "TakenDown", "takedown": {"reason": "OwnerRequest"}}}'
    life.release.kubectl("patch", "title", life.doomed, "--type=merge", "--patch", patch)
    eventually(life.is_condition(life.doomed, "Withdrawn", status="True"), WAIT_SECONDS, "it is withdrawn")
    stuck = life.is_condition(life.doomed, "SourcePurged", status="False", reason="NoModerator")
    eventually(stuck, WAIT_SECONDS, "nobody may delete its message")


def test_an_uninstall_leaves_every_resource_with_its_finalizers_and_every_volume(life: Life) -> None:
    finalizers = {life.shown: PURGE_FINALIZER, life.doomed: PURGE_FINALIZER, "reader": DRAIN_FINALIZER}
    for name, found in life.removed["objects"].items():
        assert found is not None, f"{name} is gone"
        known = life.before["objects"][name]
        assert "deletionTimestamp" not in found["metadata"]
        assert finalizers[name] in found["metadata"]["finalizers"]
        for field_name in ("uid", "generation", "finalizers"):
            assert found["metadata"][field_name] == known["metadata"][field_name]
        assert (found["spec"], found["status"].get("files")) == (known["spec"], known["status"].get("files"))
    assert life.removed["claims"] == life.before["claims"]
    assert {"cache-edge-0", "data-mongodb-0", "data-redis-0"} <= set(life.removed["claims"])
    assert life.removed["secrets"] == life.before["secrets"]
    assert all(life.removed["secrets"].values())
    assert found_again(life.doomed_parts), "its message is still there"


def test_a_new_installation_resumes_with_the_same_generations_links_and_slices(life: Life) -> None:
    life.release.install()
    with life.release.site() as site:
        # The first answer already comes from the slices that the edge before this one kept.
        first = answer(site, life.link)
        assert (first.status_code, first.headers.get("x-cache")) == (206, "HIT")
        for withheld in (answer(site, life.dead_link), site.http.get(f"/api/titles/{life.doomed}")):
            assert withheld.status_code == WITHHELD, f"{withheld.url}: {withheld.text}"
            assert withheld.headers["link"] == f'<{COURT}>; rel="blocked-by"'
        again = source_when_known(site, life.shown)
        assert again.partition("?")[0] == life.link.partition("?")[0]
    serving = life.release.condition
    eventually(lambda: serving("workersession", "reader", "Ready").get("status") == "True", WAIT_SECONDS, "it serves")
    for name, known in life.before["objects"].items():
        found = life.declared()["objects"][name]
        assert found["metadata"]["uid"] == known["metadata"]["uid"]
        assert found["metadata"]["generation"] == known["metadata"]["generation"]
        assert found["status"].get("files") == known["status"].get("files")
    assert life.release.uids("persistentvolumeclaims") == life.before["claims"]


def answer(site: Site, link: str) -> httpx.Response:
    """What the edge says to the head of a film, once it says anything: right after a start it finds nobody yet."""

    def attempt() -> httpx.Response | None:
        told = site.read(link, "bytes=0-1023")
        return None if told.status_code == 503 else told

    return eventually(attempt, WAIT_SECONDS, "the edge answers")


def test_a_half_done_takedown_goes_on_where_it_stopped(life: Life) -> None:
    if not life.release.names("deployments"):
        life.release.install()
    life.release.kubectl(
        "patch", "workersession", "reader", "--type=merge", "--patch", '{"spec": {"roles": ["Stream", "Moderate"]}}'
    )
    done = life.is_condition(life.doomed, "TakedownComplete", status="True")
    eventually(done, 600, "the takedown is complete")
    known, now = life.before["objects"][life.doomed]["status"]["takedown"], life.status(life.doomed)["takedown"]
    for unchanged in ("auditID", "startedAt", "withdrawnAt"):
        assert now[unchanged] == known[unchanged]
    first = {step["name"]: step for step in known["steps"]}["withdraw"]
    assert {step["name"]: step for step in now["steps"]}["withdraw"] == first, "it is not withdrawn a second time"
    assert not found_again(life.doomed_parts)
    with life.release.site() as site:
        assert answer(site, life.link).status_code == 206, "the other film stays on the air"
