"""A new pod template reaches a pool one session at a time."""

from dataclasses import replace

import pytest
from sessions import NOW, Case, condition

from streamvault_operator.domain.resources import WorkerSession
from streamvault_operator.domain.rollout import may_roll

FRESH = condition("Ready", "False", "PodPending", age=30)
OLD = condition("Ready", "False", "SecretMissing", age=300)
STALLED = condition("Stalled", "True", "ImagePull", age=300)


def other(case: Case, pool: str = "default") -> WorkerSession:
    session = case.observed().session
    spec = session.spec.model_copy(update={"pool": pool})
    return session.model_copy(update={"spec": spec, "metadata": session.metadata.model_copy(update={"name": "other"})})


@pytest.mark.parametrize(
    ("neighbour", "may"),
    [
        (Case(phase="Active"), True),
        (Case(phase="Banned"), True),
        (Case(phase="Resting", desired="Resting"), True),
        (Case(phase="Draining", desired="Resting"), True),
        (Case(phase="Draining", deleting=True), True),
        (Case(phase="Pending", suspend=True), True),
        (Case(phase="Pending", conditions=(OLD,)), True),
        (Case(phase="Draining"), False),
        (Case(phase="Pending", conditions=(FRESH,)), False),
        (Case(phase=None), False),
        (Case(phase="Pending", conditions=(OLD, STALLED)), False),
    ],
)
def test_a_session_waits_for_a_neighbour_between_two_pods(neighbour: Case, may: bool) -> None:
    assert may_roll("s01", "default", [other(neighbour)], NOW) is may


def test_other_pools_and_the_session_itself_do_not_count() -> None:
    moving = Case(phase="Draining")
    assert may_roll("s01", "default", [other(moving, pool="night"), replace(moving).observed().session], NOW)
