"""What the API server accepts and refuses of Titles, and how it says so."""

import re
from typing import Any

import pytest
from api_server import ApiServer, Refused
from custom_resources import REMOVED, Rule, cel_messages, changed, condition, movie, part, season

from streamvault_common.documents import Quality
from streamvault_common.keys import API_VERSION

pytestmark = pytest.mark.cluster

DOWN: dict[str, object] = {"spec.state": "TakenDown", "spec.takedown": {"reason": "CopyrightClaim"}}
OTHER_QUALITY = {"name": "720p", "quality": "720p", "parts": [part(9)]}
SAME_QUALITY = {"name": "1080p-new", "quality": "1080p", "parts": [part(9)]}
LARGE_FILES = [{"name": f"f{i}", "quality": "1080p", "episode": i, "parts": [part()] * 64} for i in range(1, 18)]
MIRROR = {"name": "second", "channelID": -1002400000124, "messageIDs": [1, 2]}

MOVIE_RULES = [
    Rule("use at most 63 characters", {"metadata.name": "t" * 64}, {"metadata.name": "t" * 63}),
    Rule("no dots", {"metadata.name": "blue.tape"}, {"metadata.name": "blue-tape-2"}),
    Rule("spec.kind: Required value", {"spec.kind": REMOVED}, {}),
    Rule('supported values: "Movie", "Season"', {"spec.kind": "Clip"}, {"spec.kind": "Movie"}),
    Rule("a Movie must leave series out", {"spec.series": {"id": "a", "name": "A", "season": 1}}, {}),
    Rule("spec.displayName: Required value", {"spec.displayName": REMOVED}, {}),
    Rule("at least 1 chars long", {"spec.displayName": ""}, {"spec.displayName": "M"}),
    Rule("Too long", {"spec.displayName": "n" * 257}, {"spec.displayName": "n" * 256}),
    Rule("greater than or equal to 1870", {"spec.year": 1869}, {"spec.year": 1870}),
    Rule("less than or equal to 2200", {"spec.year": 2201}, {"spec.year": 2200}),
    Rule(
        "list at least one file", {"spec.files": []}, {"spec.files": [], "spec.ingest": {"url": "https://x.example/f"}}
    ),
    Rule("list at least one file, or set ingest.url", {"spec.files": REMOVED}, {}),
    Rule("remove episode from the files of a Movie", {"spec.files.0.episode": 1}, {}),
    Rule("two files have the same quality", {"spec.files.1": SAME_QUALITY}, {"spec.files.1": OTHER_QUALITY}),
    Rule("Duplicate value", {"spec.files.1": OTHER_QUALITY | {"name": "1080p"}}, {"spec.files.1": OTHER_QUALITY}),
    Rule("should match", {"spec.files.0.name": "Full HD"}, {"spec.files.0.name": "full-hd"}),
    Rule('supported values: "2160p"', {"spec.files.0.quality": "4k"}, {"spec.files.0.quality": "2160p"}),
    Rule("should match", {"spec.files.0.contentType": "image/png"}, {"spec.files.0.contentType": "video/webm"}),
    Rule("should have at least 1 items", {"spec.files.0.parts": []}, {"spec.files.0.parts": [part(1), part(2)]}),
    Rule("at most 64 items", {"spec.files.0.parts": [part()] * 65}, {"spec.files.0.parts": [part()] * 64}),
    Rule(
        "less than or equal to -1",
        {"spec.files.0.parts.0.channelID": -999999999999},
        {"spec.files.0.parts.0.channelID": -1000000000000},
    ),
    Rule("or equal to 1", {"spec.files.0.parts.0.messageID": 0}, {"spec.files.0.parts.0.messageID": 1}),
    Rule("or equal to 1", {"spec.files.0.parts.0.sizeBytes": 0}, {"spec.files.0.parts.0.sizeBytes": 1}),
    Rule(
        "less than or equal to 4194304000",
        {"spec.files.0.parts.0.sizeBytes": 4194304001},
        {"spec.files.0.parts.0.sizeBytes": 4194304000},
    ),
    Rule("parts[0].sizeBytes: Required value", {"spec.files.0.parts.0.sizeBytes": REMOVED}, {}),
    Rule("should match", {"spec.ingest": {"url": "file:///etc"}}, {"spec.ingest": {"url": "magnet:?xt=urn:btih:0"}}),
    Rule(
        "should match",
        {"spec.ingest": {"url": "https://x.example", "sha256": "abc"}},
        {"spec.ingest": {"url": "https://x.example", "sha256": "0" * 64}},
    ),
    Rule('supported values: "Published", "Unlisted"', {"spec.state": "Hidden"}, {"spec.state": "Unlisted"}),
    Rule("state TakenDown needs takedown.reason", {"spec.state": "TakenDown"}, DOWN),
    Rule("set it to TakenDown together with takedown", {"spec.takedown": {"reason": "Other"}}, DOWN),
    Rule(
        'supported values: "CopyrightClaim"',
        {"spec.state": "TakenDown", "spec.takedown": {"reason": "Boredom"}},
        {"spec.state": "TakenDown", "spec.takedown": {"reason": "LegalOrder"}},
    ),
    Rule("takedown.reason: Required value", {"spec.state": "TakenDown", "spec.takedown": {"reference": "C-1"}}, DOWN),
    Rule("Too long", DOWN | {"spec.takedown.reference": "r" * 257}, DOWN | {"spec.takedown.reference": "r" * 256}),
    Rule("equal to 3650", DOWN | {"spec.takedown.tombstoneDays": 3651}, DOWN | {"spec.takedown.tombstoneDays": 3650}),
    Rule(
        "a mirror must be another channel",
        {"spec.mirrors": [MIRROR | {"channelID": -1002400000123}]},
        {"spec.mirrors": [MIRROR]},
    ),
    Rule("must have at most 8 items", {"spec.mirrors": [MIRROR | {"name": f"m{i}"} for i in range(9)]}, {}),
    Rule("Duplicate value", {"spec.mirrors": [MIRROR, MIRROR]}, {"spec.mirrors": [MIRROR, MIRROR | {"name": "third"}]}),
    Rule("less than or equal to 1024", {"spec.cache.prewarm": 1025}, {"spec.cache.prewarm": 1024}),
    Rule("unknown field", {"spec.titleID": "blue-tape"}, {}),
]
SEASON_RULES = [
    Rule("a Season needs series {id, name, season}", {"spec.series": REMOVED}, {}),
    Rule("spec.series.season: Required value", {"spec.series.season": REMOVED}, {}),
    Rule("less than or equal to 999", {"spec.series.season": 1000}, {"spec.series.season": 0}),
    Rule("should match", {"spec.series.id": "Night Train"}, {"spec.series.id": "night"}),
    Rule("set episode on every file of a Season", {"spec.files.1.episode": REMOVED}, {}),
    Rule("greater than or equal to 1", {"spec.files.1.episode": 0}, {"spec.files.1.episode": 9999}),
    Rule("two files have the same quality (and episode)", {"spec.files.1.episode": 1}, {"spec.files.1.episode": 3}),
    Rule("use at most 1024 parts", {"spec.files": LARGE_FILES}, {"spec.files": LARGE_FILES[:16]}),
]
CHANGE_RULES = [
    Rule("a takedown cannot be undone", {"spec": {"state": "Published", "takedown": None}}, {"spec.year": 1999}, DOWN),
    Rule("it is on record and cannot be changed", {"spec.takedown.reason": "Other"}, {"spec.suspend": True}, DOWN),
    Rule("needs takedown.reason", {"spec.takedown": None}, {"spec.takedown.reason": "CopyrightClaim"}, DOWN),
    Rule("leave them as they are after a takedown", {"spec.files": [OTHER_QUALITY]}, {"spec.displayName": "X"}, DOWN),
    Rule("leave them as they are after a takedown", {"spec.mirrors": [MIRROR]}, {"spec.cache.pin": True}, DOWN),
    Rule("list at least one file", {"spec.files": []}, {"spec.files": [OTHER_QUALITY]}, {}),
]
STATUS_RULES = [
    Rule('supported values: "Pending", "Ingesting"', {"status.phase": "Live"}, {"status.phase": "Published"}),
    Rule(
        "should match",
        {"status.files": [{"name": "1080p", "fid": "x", "gen": 1}]},
        {"status.files": [{"name": "1080p", "fid": "0" * 32, "gen": 1, "verified": True}]},
    ),
    Rule(
        'supported values: "True", "False"',
        {"status.conditions": [condition("Ready", "true", "R")]},
        {"status.conditions": [condition("Ready", "True", "R")]},
    ),
]
ALL_RULES = MOVIE_RULES + SEASON_RULES + CHANGE_RULES + STATUS_RULES
PLURAL = "titles"


@pytest.fixture
def path(namespace: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}"


@pytest.mark.parametrize("rule", MOVIE_RULES, ids=str)
def test_movie_is_refused_or_accepted_at_creation(api: ApiServer, path: str, rule: Rule) -> None:
    api.create(path, changed(movie(), rule.good), dryRun="All")
    with pytest.raises(Refused, match=re.escape(rule.says)):
        api.create(path, changed(movie(), rule.bad), dryRun="All")


@pytest.mark.parametrize("rule", SEASON_RULES, ids=str)
def test_season_is_refused_or_accepted_at_creation(api: ApiServer, path: str, rule: Rule) -> None:
    api.create(path, changed(season(), rule.good), dryRun="All")
    with pytest.raises(Refused, match=re.escape(rule.says)):
        api.create(path, changed(season(), rule.bad), dryRun="All")


@pytest.mark.parametrize("rule", CHANGE_RULES, ids=str)
def test_title_change_is_refused_or_accepted(api: ApiServer, path: str, rule: Rule) -> None:
    one = f"{path}/{api.create(path, changed(movie(), rule.before or {}))['metadata']['name']}"
    try:
        api.patch(one, changed({}, rule.good), dryRun="All")
        with pytest.raises(Refused, match=re.escape(rule.says)):
            api.patch(one, changed({}, rule.bad), dryRun="All")
    finally:
        api.delete(one)


@pytest.mark.parametrize("rule", STATUS_RULES, ids=str)
def test_title_status_is_refused_or_accepted(api: ApiServer, path: str, rule: Rule) -> None:
    one = f"{path}/{api.create(path, movie())['metadata']['name']}"
    try:
        api.patch(f"{one}/status", changed({}, rule.good), dryRun="All")
        with pytest.raises(Refused, match=re.escape(rule.says)):
            api.patch(f"{one}/status", changed({}, rule.bad), dryRun="All")
    finally:
        api.delete(one)


def test_defaults_are_filled_in(api: ApiServer, path: str) -> None:
    stored: dict[str, Any] = api.create(path, changed(movie(), DOWN), dryRun="All")["spec"]
    assert stored["files"][0]["contentType"] == "video/mp4"
    assert stored["cache"] == {"pin": False, "prewarm": 0}
    assert stored["suspend"] is False
    assert stored["takedown"] == {
        "reason": "CopyrightClaim",
        "deleteSource": True,
        "deleteMirrors": True,
        "tombstoneDays": 365,
    }
    assert api.create(path, movie(), dryRun="All")["spec"]["state"] == "Published"


def test_season_of_512_files_stays_within_the_cost_budget(api: ApiServer, path: str) -> None:
    files = [
        {"name": f"e{episode}-{quality}", "quality": quality.value, "episode": episode, "parts": [part(1), part(2)]}
        for episode in range(1, 129)
        for quality in Quality
    ]
    mirrors = [{"name": f"m{i}", "channelID": -1002400000200 - i, "messageIDs": list(range(1, 129))} for i in range(8)]
    large = changed(season(), {"spec.files": files, "spec.mirrors": mirrors})
    one = f"{path}/{api.create(path, large)['metadata']['name']}"
    try:
        api.patch(one, changed({}, DOWN), dryRun="All")
        with pytest.raises(Refused, match="two files have the same quality"):
            api.create(path, changed(large, {"spec.files.511.episode": 1}), dryRun="All")
    finally:
        api.delete(one)
    with pytest.raises(Refused, match="at most 512 items"):
        api.create(path, changed(large, {"spec.files.512": files[0] | {"name": "one-more"}}), dryRun="All")


def test_every_cel_rule_has_a_case() -> None:
    messages = cel_messages(PLURAL)
    assert messages
    assert [text for text in messages if not any(rule.says in text for rule in ALL_RULES)] == []
