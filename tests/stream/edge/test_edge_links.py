"""Who may pass: signed links at the edge."""

import json
import time
from pathlib import Path

import httpx
import pytest
from edge_site import LINK_KEYS, Site, wait_until

from streamvault_common import signing
from streamvault_common.signing import Grant, LinkKeys, LinkRefused, Tier

VECTORS = json.loads((Path(__file__).parent / "link_vectors.json").read_text())


def refusal(site: Site, path: str) -> str:
    """The detail of a 403 problem."""
    response = site.get(path)
    assert response.status_code == 403, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem = response.json()
    assert problem["status"] == 403
    assert problem["requestId"] == response.headers["x-request-id"]
    return str(problem["detail"])


def test_signed_link_plays(site: Site) -> None:
    file = site.origin.add(5000)
    assert site.get(site.play(file)).content == file.content


@pytest.mark.parametrize("tier", list(Tier))
def test_every_tier_passes(site: Site, tier: Tier) -> None:
    file = site.origin.add(100)
    assert site.get(site.play(file, tier=tier)).content == file.content


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "new.99999999999.p.u1",
        "new.99999999999.x.u1." + "A" * 43,
        "new.9999999999999.p.u1." + "A" * 43,
        "new.-5.p.u1." + "A" * 43,
        "new.99999999999.p.." + "A" * 43,
        "new.99999999999.p.u1." + "A" * 42,
        "new.99999999999.p.u1." + "A" * 44,
        "new.99999999999.p.u/1." + "A" * 43,
        "%00" * 20,
        "." * 4000,
    ],
)
def test_malformed_token_is_refused(site: Site, token: str) -> None:
    file = site.origin.add(100)
    assert "malformed" in refusal(site, f"/v/{file.fid}/1?t={token}")
    assert not site.origin.requests(file)


def test_missing_token_is_refused(site: Site) -> None:
    file = site.origin.add(100)
    for path in (f"/v/{file.fid}/1", f"/d/{file.fid}/1/a.mp4", f"/s/{file.fid}/en.vtt"):
        assert "malformed" in refusal(site, path)
    assert not site.origin.requests(file)


PLAY_ADDRESSES = [
    "/v/",
    "/v/xyz/1",
    "/v/{fid}",
    "/v/{fid}/0",
    "/v/{fid}/01",
    "/v/{fid}/1/",
    "/v/{FID}/1",
    "/v/{fid}/1%0a",
]
OTHER_ADDRESSES = [
    "/d/{fid}/1",
    "/d/{fid}/1/",
    "/s/{fid}",
    "/s/{fid}/en.srt",
    "/s/{fid}/../en.vtt",
    "/z/",
    "/z/anything",
    "/z/a/b",
    "/z/a_b",
    "/v/{fid}/1%0a",
]


@pytest.mark.parametrize("path", [*PLAY_ADDRESSES, *OTHER_ADDRESSES])
def test_malformed_address_is_refused(site: Site, path: str) -> None:
    file = site.origin.add(100)
    token = site.token(signing.play_scope(file.fid, 1))
    refusal(site, path.format(fid=file.fid, FID=file.fid.upper()) + f"?t={token}")
    assert not site.origin.requests(file)


def test_token_of_another_scope_is_refused(site: Site) -> None:
    file, other = site.origin.add(100), site.origin.add(100)
    play = site.token(signing.play_scope(file.fid, 1))
    for path in (f"/v/{other.fid}/1", f"/v/{file.fid}/2", f"/d/{file.fid}/1/a.mp4", f"/s/{file.fid}/en.vtt"):
        assert "bad-signature" in refusal(site, f"{path}?t={play}")
    subtitle = site.token(signing.subtitle_scope(file.fid))
    assert "bad-signature" in refusal(site, f"/v/{file.fid}/1?t={subtitle}")


def test_signed_pack_is_not_there_yet(site: Site) -> None:
    token = site.token(signing.pack_scope("night-signals-1080p"))
    response = site.get(f"/z/night-signals-1080p?t={token}")
    assert (response.status_code, response.json()["title"]) == (404, "Not found")
    assert response.headers["cache-control"] == "no-store"
    assert "bad-signature" in refusal(site, f"/z/another?t={token}")
    assert "expired" in refusal(site, f"/z/a?t={site.token(signing.pack_scope('a'), seconds=-1)}")
    assert site.client.post(f"{site.nginx.url}/z/night-signals-1080p?t={token}").status_code == 405


@pytest.mark.parametrize("field", range(1, 5))
def test_changed_field_is_refused(site: Site, field: int) -> None:
    file = site.origin.add(100)
    fields = site.token(signing.play_scope(file.fid, 1), tier=Tier.GUEST).split(".")
    changed = {1: str(int(fields[1]) + 1), 2: "p", 3: "u2", 4: ("B" if fields[4][0] == "A" else "A") + fields[4][1:]}
    fields[field] = changed[field]
    assert "bad-signature" in refusal(site, f"/v/{file.fid}/1?t={'.'.join(fields)}")


def test_last_character_of_the_signature_counts(site: Site) -> None:
    """43 characters of base64url carry 2 unused bits; a signature with other unused bits is not the same text."""
    file = site.origin.add(100)
    token = site.token(signing.play_scope(file.fid, 1))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = alphabet[alphabet.index(token[-1]) ^ 1]
    assert "bad-signature" in refusal(site, f"/v/{file.fid}/1?t={token[:-1]}{twin}")


def test_unknown_key_is_refused(site: Site) -> None:
    file = site.origin.add(100)
    stranger = LinkKeys.parse("other:" + "A" * 43)
    token = signing.sign(stranger, Grant(signing.play_scope(file.fid, 1), int(time.time()) + 60, Tier.GUEST, "u"))
    assert "unknown-key" in refusal(site, f"/v/{file.fid}/1?t={token}")
    for name in ("constructor", "toString"):
        assert "unknown-key" in refusal(site, f"/v/{file.fid}/1?t={name}.{token.partition('.')[2]}")


def test_expired_link_is_refused_and_says_so(site: Site) -> None:
    file = site.origin.add(100)
    assert refusal(site, site.play(file, seconds=-1)) == "The link has expired."


def test_both_keys_of_a_rotation_verify(site: Site) -> None:
    file = site.origin.add(100)
    for text in (LINK_KEYS, ",".join(reversed(LINK_KEYS.split(",")))):
        keys = LinkKeys.parse(text)
        scope = signing.play_scope(file.fid, 1)
        token = signing.sign(keys, Grant(scope, int(time.time()) + 60, Tier.MEMBER, "u"))
        assert token.startswith(f"{keys.signing_id}.")
        assert site.get(f"{scope}?t={token}").content == file.content


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_edge_and_python_agree_on_tokens_made_by_openssl(site: Site, vector: dict[str, str]) -> None:
    path = vector["path"] + f"?t={vector['token']}"
    try:
        signing.verify(site.keys, vector["scope"], vector["token"], time.time())
        python = "ok"
    except LinkRefused as refused:
        python = refused.reason
    assert python == vector["verdict"]
    if vector["verdict"] == "ok":
        assert site.get(path).status_code == 404, "passed the edge, and no worker knows the file"
    else:
        assert ("expired" if vector["verdict"] == "expired" else vector["verdict"]) in refusal(site, path)


def test_token_reaches_neither_workers_nor_logs(site: Site) -> None:
    file = site.origin.add(100)
    path = site.play(file)
    site.get(path)
    token = path.partition("t=")[2]
    with pytest.raises(httpx.RemoteProtocolError):
        site.get(f"{site.image(file)}?a=b&t={token}")
    quoted = f"GET {site.image(file)}?a=b&t=- "
    wait_until(lambda: quoted in site.nginx.error_log.read_text(), "nginx's own log quotes that request")
    assert all(token not in str(asked.request) for asked in site.origin.requests(file))
    assert file.fid in site.nginx.access_log.read_text()
    assert token not in site.nginx.access_log.read_text() + site.nginx.error_log.read_text()
