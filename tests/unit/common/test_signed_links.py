"""A link opens exactly what it was made for, until it expires."""

import base64
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamvault_common.signing import (
    Grant,
    InvalidLinkKeys,
    LinkKeys,
    LinkRefused,
    Tier,
    download_scope,
    play_scope,
    sign,
    subtitle_scope,
    verify,
)

FID = "0123456789abcdef" * 2
SECRET = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
OTHER_SECRET = base64.urlsafe_b64encode(bytes(range(1, 33))).decode()
KEYS = LinkKeys.parse(f"k1:{SECRET}")
GRANT = Grant(play_scope(FID, 3), 2_000, Tier.MEMBER, "u1")


def refusal(scope: str, token: str, now: float = 1_000, keys: LinkKeys = KEYS) -> str:
    with pytest.raises(LinkRefused) as caught:
        verify(keys, scope, token, now)
    return caught.value.reason


def test_a_link_opens_its_own_path_and_says_who_watches() -> None:
    assert verify(KEYS, GRANT.scope, sign(KEYS, GRANT), 1_999.9) == GRANT


def test_the_wire_form_is_fixed_because_the_edge_checks_it_in_another_language() -> None:
    assert sign(KEYS, GRANT) == "k1.2000.m.u1.01IGvRYiIszwPe5rhErYH1mpJbNU7iySi6HjSBvHW_I"


def test_a_link_expires_at_its_second() -> None:
    assert refusal(GRANT.scope, sign(KEYS, GRANT), now=2_000) == "expired"


@pytest.mark.parametrize(
    "scope", [play_scope(FID, 4), play_scope("f" * 32, 3), download_scope(FID, 3), subtitle_scope(FID), ""]
)
def test_a_link_does_not_open_another_path(scope: str) -> None:
    assert refusal(scope, sign(KEYS, GRANT)) == "bad-signature"


@pytest.mark.parametrize(("field", "value"), [("expires_at", 9_999_999_999), ("tier", Tier.PREMIUM), ("user", "u2")])
def test_no_field_of_a_link_can_be_changed(field: str, value: object) -> None:
    signature = sign(KEYS, GRANT).rpartition(".")[2]
    forged = sign(KEYS, dataclasses.replace(GRANT, **{field: value})).rpartition(".")[0]  # type: ignore[arg-type]
    assert refusal(GRANT.scope, f"{forged}.{signature}") == "bad-signature"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "....",
        "k1.2000.m.u1",
        "k1.-1.m.u1.x",
        "k1.2000.x.u1.x",
        "k1.2000.m.u 1.x",
        "k1.9999999999999.m.u1.x",
        "a" * 9,
    ],
)
def test_garbage_is_malformed(token: str) -> None:
    assert refusal(GRANT.scope, token) == "malformed"


@given(st.text(max_size=80))
def test_no_text_opens_anything(token: str) -> None:
    assert refusal(GRANT.scope, token) in {"malformed", "unknown-key", "bad-signature"}


def test_keys_rotate_without_breaking_links_already_given_out() -> None:
    token = sign(KEYS, GRANT)
    rotated = LinkKeys.parse(f"k2:{OTHER_SECRET},k1:{SECRET}")
    assert verify(rotated, GRANT.scope, token, 1_000) == GRANT
    assert sign(rotated, GRANT).startswith("k2.")
    assert refusal(GRANT.scope, token, keys=LinkKeys.parse(f"k2:{OTHER_SECRET}")) == "unknown-key"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no key"),
        ("k1:c2hvcnQ", "fewer than 32"),
        ("k 1:" + SECRET, "letters or digits"),
        ("k1:\u00e9\u00e9", "base64url"),
    ],
)
def test_bad_key_settings_say_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InvalidLinkKeys, match=says):
        LinkKeys.parse(text)
