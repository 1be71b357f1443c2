"""What somebody changed of a running worker pod."""

import copy
from typing import Any

import pytest
from custom_resources import REMOVED, Changes, changed, session
from operator_config import config

from streamvault_common.keys import ANNOTATION_SPEC_HASH, LABEL_COMPONENT, LABEL_SESSION
from streamvault_operator.domain.pods import Drift, drift
from streamvault_operator.domain.resources import WorkerSession
from streamvault_operator.render.worker_pod import worker_pod


def rendered() -> dict[str, Any]:
    """The manifest of a worker pod."""
    return worker_pod(WorkerSession.parse(session()), config())


def marked(pod: dict[str, Any], field: str, name: str, value: object) -> dict[str, Any]:
    """The pod with one label or annotation set, or removed."""
    result = copy.deepcopy(pod)
    if value is REMOVED:
        del result["metadata"][field][name]
    else:
        result["metadata"][field][name] = value
    return result


@pytest.mark.parametrize(
    ("field", "name", "value", "restored"),
    [
        ("labels", LABEL_COMPONENT, REMOVED, True),
        ("labels", LABEL_SESSION, "another", True),
        ("annotations", "prometheus.io/port", "1", True),
        ("labels", "somebody.example/team", "films", False),
        ("annotations", "kubectl.kubernetes.io/default-container", "worker", False),
        ("annotations", ANNOTATION_SPEC_HASH, "0123456789abcdef", False),
        ("annotations", ANNOTATION_SPEC_HASH, REMOVED, False),
    ],
)
def test_what_was_rendered_is_missed_and_what_others_add_is_theirs(
    field: str, name: str, value: object, restored: bool
) -> None:
    assert drift(marked(rendered(), field, name, value), rendered()) == Drift(labels=restored)


@pytest.mark.parametrize(
    ("changes", "replaced"),
    [
        ({"spec.containers.0.image": "localhost/somebody/else:1"}, True),
        ({"spec.nodeName": "node", "spec.containers.0.imagePullPolicy": "Always"}, False),
    ],
)
def test_another_image_is_a_reason_to_replace_the_pod(changes: Changes, replaced: bool) -> None:
    assert drift(changed(rendered(), changes), rendered()) == Drift(image=replaced)
