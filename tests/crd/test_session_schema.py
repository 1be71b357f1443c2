"""What the API server accepts and refuses of WorkerSessions, and how it says so."""

import re
from typing import Any

import pytest
from api_server import ApiServer, Refused
from custom_resources import REMOVED, Rule, cel_messages, changed, condition, session

from streamvault_common.keys import API_VERSION

pytestmark = pytest.mark.cluster

RULES = [
    Rule("use at most 48 characters", {"metadata.name": "s" * 49}, {"metadata.name": "s" * 48}),
    Rule("no dots", {"metadata.name": "a.b"}, {"metadata.name": "a-b"}),
    Rule("spec.sessionSecretRef: Required value", {"spec.sessionSecretRef": REMOVED}, {}),
    Rule("spec.sessionSecretRef.name: Required value", {"spec.sessionSecretRef.name": REMOVED}, {}),
    Rule("should match", {"spec.sessionSecretRef.name": "No_Name"}, {"spec.sessionSecretRef.name": "a.secret-name"}),
    Rule("should match", {"spec.sessionSecretRef.key": "a/b"}, {"spec.sessionSecretRef.key": "a_b.session"}),
    Rule("Too long", {"spec.sessionSecretRef.revision": "r" * 64}, {"spec.sessionSecretRef.revision": "r" * 63}),
    Rule('supported values: "Active", "Resting"', {"spec.desiredState": "Paused"}, {"spec.desiredState": "Resting"}),
    Rule("should match", {"spec.pool": "Big Pool"}, {"spec.pool": "big-pool"}),
    Rule("Too long", {"spec.pool": "p" * 64}, {"spec.pool": "p" * 63}),
    Rule('supported values: "Stream", "Ingest"', {"spec.roles": ["Watch"]}, {"spec.roles": ["Stream", "Ingest"]}),
    Rule("should have at least 1 items", {"spec.roles": []}, {"spec.roles": ["Moderate"]}),
    Rule("Duplicate value", {"spec.roles": ["Stream", "Stream"]}, {"spec.roles": ["Stream", "Moderate"]}),
    Rule("less than or equal to 1000", {"spec.priority": 1001}, {"spec.priority": 1000}),
    Rule("greater than or equal to 0", {"spec.priority": -1}, {"spec.priority": 0}),
    Rule(
        "less than or equal to 64",
        {"spec.limits.maxConcurrentStreams": 65},
        {"spec.limits.maxConcurrentStreams": 64},
    ),
    Rule(
        "greater than or equal to 1", {"spec.limits.maxConcurrentStreams": 0}, {"spec.limits.maxConcurrentStreams": 1}
    ),
    Rule("less than or equal to 100", {"spec.cooldown.jitterPercent": 101}, {"spec.cooldown.jitterPercent": 100}),
    Rule("greater than or equal to 1", {"spec.cooldown.maxConsecutive": 0}, {"spec.cooldown.maxConsecutive": 1}),
    Rule("less than or equal to 86400", {"spec.cooldown.minSeconds": 86401}, {"spec.cooldown.minSeconds": 86400}),
    Rule(
        "set restSeconds to 60 or more",
        {"spec.rotation": {"maxActiveSeconds": 600, "restSeconds": 59}},
        {"spec.rotation": {"maxActiveSeconds": 600, "restSeconds": 60}},
    ),
    Rule("less than or equal to 3600", {"spec.drain.timeoutSeconds": 3601}, {"spec.drain.timeoutSeconds": 3600}),
    Rule("should match", {"spec.resources.requests.cpu": "much"}, {"spec.resources.requests.cpu": "250m"}),
    Rule("unknown field", {"spec.resources.requests.gpu": "1"}, {"spec.resources.requests.memory": "64Mi"}),
    Rule("Too many", {"spec.nodeSelector": {f"k{i}": "v" for i in range(17)}}, {"spec.nodeSelector": {"k": "v"}}),
    Rule(
        'supported values: "Exists", "Equal"',
        {"spec.tolerations": [{"key": "k", "operator": "Is"}]},
        {"spec.tolerations": [{"key": "k", "operator": "Exists"}]},
    ),
    Rule(
        'supported values: "NoSchedule"',
        {"spec.tolerations": [{"key": "k", "effect": "Never"}]},
        {"spec.tolerations": [{"key": "k", "effect": "NoExecute"}]},
    ),
    Rule("must be of type boolean", {"spec.suspend": "yes"}, {"spec.suspend": True}),
    Rule("unknown field", {"spec.phoneNumber": "1"}, {}),
    Rule(
        "a Retired session stays retired",
        {"spec.desiredState": "Active"},
        {"spec.priority": 1},
        before={"spec.desiredState": "Retired"},
    ),
]
STATUS_RULES = [
    Rule('supported values: "Pending", "Active"', {"status.phase": "Sleeping"}, {"status.phase": "Resting"}),
    Rule(
        'supported values: "True", "False"',
        {"status.conditions": [condition("Ready", "Maybe", "R")]},
        {"status.conditions": [condition("Ready", "Unknown", "R")]},
    ),
    Rule("must be of type date-time", {"status.coolingUntil": "soon"}, {"status.coolingUntil": "2026-11-22T13:05:10Z"}),
]
PLURAL = "workersessions"


@pytest.fixture
def path(namespace: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}"


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.before is None], ids=str)
def test_session_is_refused_or_accepted_at_creation(api: ApiServer, path: str, rule: Rule) -> None:
    api.create(path, changed(session(), rule.good), dryRun="All")
    with pytest.raises(Refused, match=re.escape(rule.says)):
        api.create(path, changed(session(), rule.bad), dryRun="All")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.before is not None], ids=str)
def test_session_change_is_refused_or_accepted(api: ApiServer, path: str, rule: Rule) -> None:
    stored = api.create(path, changed(session(), rule.before or {}))
    one = f"{path}/{stored['metadata']['name']}"
    try:
        api.patch(one, changed({}, rule.good), dryRun="All")
        with pytest.raises(Refused, match=re.escape(rule.says)):
            api.patch(one, changed({}, rule.bad), dryRun="All")
    finally:
        api.delete(one)


@pytest.mark.parametrize("rule", STATUS_RULES, ids=str)
def test_session_status_is_refused_or_accepted(api: ApiServer, path: str, rule: Rule) -> None:
    one = f"{path}/{api.create(path, session())['metadata']['name']}"
    try:
        api.patch(f"{one}/status", changed({}, rule.good), dryRun="All")
        with pytest.raises(Refused, match=re.escape(rule.says)):
            api.patch(f"{one}/status", changed({}, rule.bad), dryRun="All")
    finally:
        api.delete(one)


def test_defaults_are_filled_in(api: ApiServer, path: str) -> None:
    stored: dict[str, Any] = api.create(path, session(), dryRun="All")["spec"]
    assert stored == {
        "sessionSecretRef": {"name": "s01", "key": "session", "revision": ""},
        "desiredState": "Active",
        "pool": "default",
        "roles": ["Stream"],
        "priority": 100,
        "limits": {"maxConcurrentStreams": 8},
        "cooldown": {"minSeconds": 60, "jitterPercent": 10, "maxConsecutive": 5, "escalateRestSeconds": 21600},
        "rotation": {"maxActiveSeconds": 0, "restSeconds": 3600},
        "drain": {"timeoutSeconds": 120},
        "suspend": False,
    }


def test_every_cel_rule_has_a_case() -> None:
    messages = cel_messages(PLURAL)
    assert messages
    assert [text for text in messages if not any(rule.says in text for rule in RULES)] == []
