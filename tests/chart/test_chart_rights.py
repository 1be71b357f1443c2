"""What the operator may do, and that nobody else may do anything."""

import pytest
from chart import ALL_VALUES, EVERYTHING, Manifest, Values, find, names, render

OPERATOR = "streamvault-operator"


def rules(values: Values, kind: str, name: str) -> list[Manifest]:
    found: list[Manifest] = find(render(values), kind, name)["rules"]
    return found


def allowed(values: Values, resource: str) -> set[str]:
    """Verbs that the operator has on a resource of its namespace."""
    return {verb for rule in rules(values, "Role", OPERATOR) if resource in rule["resources"] for verb in rule["verbs"]}


@pytest.mark.parametrize("values", ALL_VALUES, ids=str)
def test_nobody_can_read_secrets_or_everything(values: Values) -> None:
    for manifest in render(values):
        for rule in manifest.get("rules", []) if "Role" in manifest["kind"] else []:
            assert "secrets" not in rule["resources"]
            assert "*" not in rule["resources"] + rule["verbs"] + rule["apiGroups"]
            assert not {"escalate", "bind", "impersonate", "deletecollection"} & set(rule["verbs"])


def test_the_only_right_outside_the_namespace_is_to_read_the_two_definitions() -> None:
    assert names(render(EVERYTHING), "ClusterRole") == {f"{OPERATOR}-streamvault"}
    assert rules(EVERYTHING, "ClusterRole", f"{OPERATOR}-streamvault") == [
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "resourceNames": ["workersessions.streamvault.io", "titles.streamvault.io"],
            "verbs": ["get"],
        }
    ]


def test_only_the_operators_account_is_bound() -> None:
    bindings = [manifest for manifest in render(EVERYTHING) if manifest["kind"].endswith("RoleBinding")]
    subjects = [subject for binding in bindings for subject in binding["subjects"]]
    assert len(bindings) == 2
    assert subjects == [{"kind": "ServiceAccount", "name": OPERATOR, "namespace": "streamvault"}] * 2


def test_operator_may_do_what_its_work_needs() -> None:
    everything = {"get", "list", "watch", "create", "patch", "delete"}
    for resource in ("pods", "services", "configmaps", "statefulsets"):
        assert allowed(EVERYTHING, resource) == everything
    assert allowed(EVERYTHING, "titles") == {"get", "list", "watch", "patch", "delete"}
    assert allowed(EVERYTHING, "workersessions") == {"get", "list", "watch", "patch"}
    assert allowed(EVERYTHING, "titles/status") >= {"patch"}
    assert allowed(EVERYTHING, "workersessions/status") >= {"patch"}
    assert allowed(EVERYTHING, "events") == {"get", "list", "create", "patch"}


def test_operator_cannot_delete_the_cache_volume_or_a_session() -> None:
    assert "delete" not in allowed(EVERYTHING, "persistentvolumeclaims") | allowed(EVERYTHING, "workersessions")
