"""Bad and withdrawn resources in the running installation: said plainly, contained, and off the air at once."""

import base64
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from installed_edge import CachedFile
from installed_trail import condition, events
from installed_workers import reads
from own_films import ORIGINAL, borrowed, fresh, let_go, resource, take_down
from sandbox_control import Session, mint, revoke
from site_under_test import Site, eventually

from demo.cluster import apply, get, kubectl
from streamvault_common.keys import SESSION_FILE_KEY, pod_name

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]


@pytest.fixture
def declare() -> Iterator[Callable[..., None]]:
    """Declare a resource that is deleted after the test."""
    made: list[tuple[str, str]] = []

    def one(kind: str, name: str, spec: dict[str, Any]) -> None:
        made.append((kind, name))
        apply(resource(kind, name, spec))

    yield one
    for kind, name in made:
        if kind == "Title":
            let_go(name, "--wait=false")
        else:
            kubectl("delete", kind, name, "--ignore-not-found", "--timeout=180s")


@pytest.fixture
def sign_in(declare: Callable[..., None]) -> Iterator[Callable[[str], str]]:
    """Declare a session of this session string; returns its name. Everything goes after the test."""
    made: list[str] = []

    def one(text: str) -> str:
        name = fresh("told")
        made.append(name)
        data = {SESSION_FILE_KEY: base64.b64encode(text.encode()).decode()}
        apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})
        declare("WorkerSession", name, {"sessionSecretRef": {"name": name}, "pool": "of-a-test"})
        return name

    yield one
    for name in made:
        kubectl("delete", "secret", name)


def test_a_session_string_that_is_none_is_said_to_be_and_is_not_tried_again(sign_in: Callable[[str], str]) -> None:
    name = sign_in("this is no session string")
    assert_banned_after_one_attempt(name, "SessionInvalid")


def test_a_session_that_was_revoked_before_is_banned_with_the_reason(sign_in: Callable[[str], str]) -> None:
    session = mint("worker1", fresh("revoked"))
    revoke(session)
    name = sign_in(session.text)
    assert_banned_after_one_attempt(name, "AuthKeyUnregistered")


def test_a_session_that_is_revoked_is_banned_when_somebody_reads(site: Site, sign_in: Callable[[str], str]) -> None:
    name, session = serving(sign_in)
    revoke(session)
    file = CachedFile.of(site.source(ORIGINAL, "720p"))
    assert not reads(name, file), "a revoked session cannot read"
    assert_banned_after_one_attempt(name, "AuthKeyUnregistered")


def test_a_session_that_is_revoked_is_banned_also_when_nobody_reads(sign_in: Callable[[str], str]) -> None:
    name, session = serving(sign_in)
    revoke(session)
    assert_banned_after_one_attempt(name, "AuthKeyUnregistered")


def serving(sign_in: Callable[[str], str]) -> tuple[str, Session]:
    """The name of a new session that serves, and its session string."""
    session = mint("worker1", fresh("revoked"))
    name = sign_in(session.text)
    eventually(lambda: condition("ws", name, "Ready").get("reason") == "Serving", 180, "the session serves")
    return name, session


def assert_banned_after_one_attempt(name: str, why: str) -> None:
    """The session is shown as Banned, its pod is gone, and there was one start of one pod."""
    eventually(lambda: condition("ws", name, "Ready").get("reason") == "Banned", 180, f"{name} is shown as Banned")
    assert condition("ws", name, "Ready")["status"] == "False"
    assert condition("ws", name, "Authorized")["status"] == "False"
    assert condition("ws", name, "Authorized")["reason"] == why
    eventually(lambda: get("pod", pod_name(name)) is None, 180, "its pod is gone")
    eventually(lambda: events(name)["SessionBanned"] == 1, 180, "its end is told")
    assert events(name)["PodCreated"] == 1
    assert events(pod_name(name))["Started"] == 1
    assert events(pod_name(name))["BackOff"] == 0


def test_a_session_without_its_secret_waits_and_names_it(declare: Callable[..., None]) -> None:
    declare("WorkerSession", "nameless", {"sessionSecretRef": {"name": "there-is-none"}})
    eventually(lambda: condition("ws", "nameless", "Ready").get("reason") == "SecretMissing", 180, "SecretMissing")
    assert 'secret "there-is-none" not found' in condition("ws", "nameless", "Ready")["message"]


def test_a_title_whose_messages_nobody_can_read_is_not_published(site: Site, declare: Callable[..., None]) -> None:
    name = fresh("lost-reel")
    part = {"channelID": -1009999999999, "messageID": secrets.randbelow(10**9) + 1, "sizeBytes": 1048577}
    files = [{"name": "720p", "quality": "720p", "parts": [part]}]
    declare("Title", name, borrowed(files=files))
    eventually(lambda: condition("ti", name, "Ready").get("reason") == "SourceUnreachable", 180, "SourceUnreachable")
    assert "720p" in condition("ti", name, "Ready")["message"]
    assert site.http.get(f"/api/titles/{name}").status_code == 404
    # nobody can delete its messages either, and nobody shall be asked to
    take_down(name, deleteSource=False, tombstoneDays=0)


def test_an_unlisted_title_is_reached_by_its_address_only(site: Site, declare: Callable[..., None]) -> None:
    name = published(declare, fresh("hidden"), borrowed(displayName="Hidden Reel", state="Unlisted"))
    assert (get("title", name) or {})["status"]["phase"] == "Unlisted"
    assert condition("ti", name, "Ready")["reason"] == "Unlisted"
    assert site.http.get(f"/api/titles/{name}").status_code == 200
    assert site.http.get(f"/t/{name}").status_code == 200
    assert site.read(site.source(name, "720p")["url"], "bytes=0-1023").status_code == 206
    assert name not in listed(site, limit=100) | listed(site, q="Hidden Reel")
    assert name not in site.http.get("/browse").text

    declare("Title", name, borrowed(displayName="Hidden Reel", state="Published"))
    eventually(lambda: name in listed(site, q="Hidden Reel"), 180, "it is listed once it is published")


def listed(site: Site, **query: Any) -> set[str]:
    """Ids of one page of the list."""
    answer = site.http.get("/api/titles", params=query)
    answer.raise_for_status()
    return {item["id"] for item in answer.json()["items"]}


def test_a_title_of_another_size_than_its_source_is_not_published(declare: Callable[..., None]) -> None:
    name, spec = fresh("wrong-size"), borrowed()
    spec["files"][0]["parts"][0]["sizeBytes"] += 1
    declare("Title", name, spec)
    eventually(lambda: condition("ti", name, "Ready").get("reason") == "SourceUnreachable", 180, "SourceUnreachable")


def published(declare: Callable[..., None], name: str, spec: dict[str, Any]) -> str:
    """Declare a title and wait until it is on the air; returns its name."""
    declare("Title", name, spec)
    eventually(lambda: condition("ti", name, "Ready").get("status") == "True", 180, "the title is published")
    return name


def test_an_edit_that_changes_nothing_of_the_bytes_keeps_the_links(site: Site, declare: Callable[..., None]) -> None:
    name = published(declare, fresh("renamed"), borrowed())
    before = site.source(name, "720p")["url"].partition("?")[0]
    declare("Title", name, borrowed(displayName="Another name"))

    def called() -> str:
        return str(site.http.get(f"/api/titles/{name}").json().get("displayName"))

    eventually(lambda: called() == "Another name", 180, "the new name")
    assert site.source(name, "720p")["url"].partition("?")[0] == before
