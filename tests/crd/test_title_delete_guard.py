"""The chart's delete guard on the live API server: what it refuses, what it lets pass, and where it holds."""

import secrets
import time
from collections.abc import Iterator

import pytest
from api_server import ApiServer, Refused
from chart import BOARD, Manifest, find, render
from custom_resources import changed, movie

from streamvault_common.keys import API_VERSION, LABEL_ALLOW_DELETE

pytestmark = pytest.mark.cluster

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
NAME = "streamvault-title-delete-guard-streamvault"
POLICIES, BINDINGS = "validatingadmissionpolicies", "validatingadmissionpolicybindings"
TAKEN_DOWN = {"spec": {"state": "TakenDown", "takedown": {"reason": "OwnerRequest"}}}


def titles(namespace: str, name: str = "") -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/titles/{name}".rstrip("/")


@pytest.fixture(scope="module")
def guarded(api: ApiServer, namespace: str) -> Iterator[str]:
    """The namespace, guarded by the chart's policy under another name."""
    name = f"delete-guard-{secrets.token_hex(4)}"
    manifests = render(BOARD)
    policy: Manifest = changed(find(manifests, "ValidatingAdmissionPolicy", NAME), {"metadata.name": name})
    binding: Manifest = changed(
        find(manifests, "ValidatingAdmissionPolicyBinding", NAME),
        {
            "metadata.name": name,
            "spec.policyName": name,
            "spec.matchResources.namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        },
    )
    api.create(f"{ADMISSION}/{POLICIES}", policy)
    api.create(f"{ADMISSION}/{BINDINGS}", binding)
    _until_in_force(api, namespace)
    yield namespace
    for plural in (BINDINGS, POLICIES):
        api.delete(f"{ADMISSION}/{plural}/{name}")
    _until_lifted(api, namespace)
    api.delete(titles(namespace))  # other modules use the namespace, and the same names


def _until_in_force(api: ApiServer, namespace: str) -> None:
    """The API server reads new policies within seconds."""
    deadline = time.monotonic() + 120
    while _deleted(api, namespace, f"probe-{secrets.token_hex(3)}"):
        assert time.monotonic() < deadline, "the policy is not in force after 120 s"
        time.sleep(0.3)  # the pause between two looks


def _until_lifted(api: ApiServer, namespace: str) -> None:
    """Else the namespace could not be deleted."""
    deadline = time.monotonic() + 120
    while not _deleted(api, namespace, f"probe-{secrets.token_hex(3)}"):
        assert time.monotonic() < deadline, "the policy still holds after 120 s"
        time.sleep(0.3)  # the pause between two looks


def _deleted(api: ApiServer, namespace: str, name: str) -> bool:
    declare(api, namespace, name)
    try:
        api.delete(titles(namespace, name))
    except Refused:
        return False
    return True


def declare(api: ApiServer, namespace: str, name: str, **metadata: object) -> None:
    manifest = movie()
    manifest["metadata"] = {"name": name, **metadata}
    api.create(titles(namespace), manifest)


def test_a_title_that_is_on_the_air_cannot_be_deleted_and_it_is_said_what_to_do(api: ApiServer, guarded: str) -> None:
    declare(api, guarded, "blue-tape")
    with pytest.raises(Refused) as refusal:
        api.delete(titles(guarded, "blue-tape"))
    assert refusal.value.status == 403
    for word in ("blue-tape", "spec.state=TakenDown", "spec.takedown.reason", f"{LABEL_ALLOW_DELETE}=true"):
        assert word in str(refusal.value)
    assert api.get(titles(guarded, "blue-tape"))["spec"]["displayName"]


def test_a_title_that_was_taken_down_can_be_deleted(api: ApiServer, guarded: str) -> None:
    declare(api, guarded, "red-reel")
    api.patch(titles(guarded, "red-reel"), TAKEN_DOWN)
    api.delete(titles(guarded, "red-reel"))


@pytest.mark.parametrize(("value", "passes"), [("true", True), ("false", False), ("yes", False)])
def test_the_label_lets_a_title_be_deleted(api: ApiServer, guarded: str, value: str, passes: bool) -> None:
    declare(api, guarded, f"label-{value}", labels={LABEL_ALLOW_DELETE: value})
    if passes:
        api.delete(titles(guarded, f"label-{value}"))
    else:
        with pytest.raises(Refused):
            api.delete(titles(guarded, f"label-{value}"))


def test_a_whole_collection_cannot_be_deleted_either(api: ApiServer, guarded: str) -> None:
    declare(api, guarded, "one-of-many")
    with pytest.raises(Refused):
        api.delete(titles(guarded))
    assert api.get(titles(guarded, "one-of-many"))


def test_titles_can_still_be_changed(api: ApiServer, guarded: str) -> None:
    declare(api, guarded, "renamed")
    api.patch(titles(guarded, "renamed"), {"spec": {"displayName": "Another name"}})


def test_the_guard_can_be_left_out() -> None:
    kinds = {manifest["kind"] for manifest in render(BOARD.plus("takedown.deleteGuard=false"))}
    assert not {kind for kind in kinds if "Admission" in kind}


def test_the_guard_holds_in_the_releases_namespace_only() -> None:
    binding = find(render(BOARD), "ValidatingAdmissionPolicyBinding", NAME)
    assert binding["spec"]["matchResources"] == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "streamvault"}}
    }
