"""One WorkerSession: look, decide, act on its pod, write its status."""

import logging
from dataclasses import replace
from datetime import datetime

from streamvault_common import keys
from streamvault_common.models import SessionPhase, WorkerState
from streamvault_operator.deps import Deps
from streamvault_operator.domain.conditions import find
from streamvault_operator.domain.errors import InvalidResource
from streamvault_operator.domain.observation import NO_DRIFT, Observed, terminating
from streamvault_operator.domain.pods import PodView, drift
from streamvault_operator.domain.resources import SessionStatus, WorkerSession
from streamvault_operator.domain.rollout import may_roll
from streamvault_operator.domain.rotation import PoolPolicy, Standing, Turn, choose, due_at, spokesman, standing
from streamvault_operator.domain.session import Action, Plan, decide
from streamvault_operator.domain.session_status import notice, render_status
from streamvault_operator.io.kube import EVENT, POD, WORKER_SESSION, Conflict, Kube, KubeError, Manifest, NotFound
from streamvault_operator.io.reports import ReportsUnavailable
from streamvault_operator.render.worker_pod import spec_hash, worker_pod

from .invalid import write_invalid

log = logging.getLogger(__name__)

SLOW_START_SECONDS = 5.0


async def reconcile_session(deps: Deps, name: str) -> float | None:
    """Bring one session to its declared state; returns when to look again (seconds), None when it is gone."""
    current = await deps.kube.find(WORKER_SESSION, name)
    if current is None:
        _forget(deps, name)
        return None
    try:
        session = WorkerSession.parse(current)
    except InvalidResource as error:
        await write_invalid(deps, current, str(error))
        return None
    if not session.metadata.deleting:
        await deps.kube.set_finalizer(WORKER_SESSION, current, keys.DRAIN_FINALIZER, present=True)
    manifest = worker_pod(session, deps.config)
    await deps.roster.refresh()
    seen = await _observe(deps, session, manifest)
    # from here to `note` nothing may be awaited: two sessions must not both be the one that may leave
    seen, plan = _decide(deps, seen)
    status = render_status(seen, plan)
    deps.roster.note(name, session.model_copy(update={"status": SessionStatus.parse(status)}))
    log.debug("decided", extra={"object": name, "row": plan.row})
    if plan.action is Action.CREATE:  # the intention first: whoever comes next must know that a pod may exist
        await _write(deps, current, seen, plan, status)
        await _act(deps, seen, plan, manifest)
    else:
        await _act(deps, seen, plan, manifest)
        await _write(deps, current, seen, plan, status)
    _wake_pool(deps, seen, plan)
    if plan.release:
        await _release(deps, current, name)
    deps.metrics.session_phase(name, plan.phase.value)
    return plan.again_seconds


async def _observe(deps: Deps, session: WorkerSession, rendered: Manifest) -> Observed:
    name = session.metadata.name
    found = await deps.kube.find(POD, keys.pod_name(name))
    # a worker tells why it is unready before the kubelet sees it: without its word, the status would be written twice
    unready = found is not None and session.status.phase is SessionPhase.ACTIVE and not PodView.of(found).ready
    board = await deps.reports.board(name, fresh=unready)
    now = deps.now()
    unix_offset = now.timestamp() - deps.reports.clock()
    heard_at = board.heard.get(name)
    pod = await _explain_waiting(deps.kube, PodView.of(found), found, deps) if found else None
    return Observed(
        no_pod_since=_podless_since(deps, name, pod) + unix_offset,
        secret_user=await _secret_user(deps, session) if _may_be_made(session, pod) else "",
        session=session,
        pod=pod,
        report=board.reports.get(name),
        verdict=board.verdicts.get(name),
        reports_since=None if board.since is None else board.since + unix_offset,
        heard_at=None if heard_at is None else heard_at + unix_offset,
        desired_hash=spec_hash(rendered),
        drift=drift(found, rendered) if found else NO_DRIFT,
        may_roll=True,
        now=now,
    )


def _with_turn(deps: Deps, seen: Observed) -> Observed:
    """Add what depends on the other sessions of the pool."""
    session, name = seen.session, seen.session.metadata.name
    others = [other for other in deps.roster.pool(session.spec.pool) if other.metadata.name != name]
    turn = choose([*others, session], pool_policy(deps, session.spec.pool), seen.now).get(name, Turn())
    return replace(seen, turn=turn, may_roll=may_roll(name, session.spec.pool, others, seen.now))


def _decide(deps: Deps, seen: Observed) -> tuple[Observed, Plan]:
    """The plan, which also tells what this very transition means for the pool: later would be a write more."""
    seen = _with_turn(deps, seen)
    plan = decide(seen)
    if not _moves(seen, plan):
        return seen, plan
    session, pool = seen.session, seen.session.spec.pool
    status = SessionStatus.parse(render_status(seen, plan))
    others = [other for other in deps.roster.pool(pool) if other.metadata.name != session.metadata.name]
    after = [*others, session.model_copy(update={"status": status})]
    exhausted = spokesman(after, pool_policy(deps, pool), seen.now) == session.metadata.name
    if exhausted is seen.turn.exhausted:
        return seen, plan
    seen = replace(seen, turn=replace(seen.turn, exhausted=exhausted))
    return seen, decide(seen)


def _moves(seen: Observed, plan: Plan) -> bool:
    """Whether the session will be something else to its pool than it is written to be."""
    ready = find(seen.session.status.conditions, "Ready")
    return plan.phase is not seen.session.status.phase or ready is None or ready.status is not plan.ready[0]


def pool_policy(deps: Deps, pool: str) -> PoolPolicy:
    """The bounds of a pool; those of a pool that the configuration does not name are the defaults."""
    configured = deps.config.workers.pools.get(pool)
    return PoolPolicy(**configured.model_dump()) if configured else PoolPolicy()


def _podless_since(deps: Deps, name: str, pod: PodView | None) -> float:
    """A moment of the clock of the reports, which nobody sets."""
    moment = deps.reports.clock()
    if pod is not None:
        deps.podless_since.pop(name, None)
        return moment
    return deps.podless_since.setdefault(name, moment)


def _may_be_made(session: WorkerSession, pod: PodView | None) -> bool:
    """Whether it is worth asking who uses the Secret; one that leaves its rest is asked about before it is made."""
    return pod is None and session.status.phase not in {SessionPhase.RESTING, SessionPhase.COOLING}


async def _secret_user(deps: Deps, session: WorkerSession) -> str:
    """Another pod that mounts this session's Secret, also one that is terminating; "" for none."""
    await deps.secret_users.refresh()
    return deps.secret_users.other(session.spec.session_secret_ref.name, keys.pod_name(session.metadata.name))


def _wake_pool(deps: Deps, seen: Observed, plan: Plan) -> None:
    """A place got free or was taken: whoever waits for that shall look at once."""
    if not _moves(seen, plan):
        return
    pool = seen.session.spec.pool
    policy = pool_policy(deps, pool)
    for other in deps.roster.pool(pool):
        due = due_at(other, policy)
        waiting = standing(other, seen.now) in {Standing.SPARE, Standing.STARTING} or (due and due <= seen.now)
        if other.metadata.name != seen.session.metadata.name and waiting:
            deps.wake_session(other.metadata.name)


async def _explain_waiting(kube: Kube, pod: PodView, manifest: Manifest, deps: Deps) -> PodView:
    """A missing Secret shows only as an Event: the container itself just says ContainerCreating."""
    if pod.waiting != "ContainerCreating":
        return pod
    age = deps.now() - datetime.fromisoformat(manifest["metadata"]["creationTimestamp"])
    if age.total_seconds() < SLOW_START_SECONDS:
        return pod
    try:
        events = await kube.select(EVENT, fields=f"involvedObject.uid={pod.uid},reason=FailedMount")
    except KubeError as error:
        log.debug("cannot read events", extra={"object": pod.name, "error": str(error)})
        return pod
    if not events:
        return pod
    return PodView(**{**vars(pod), "waiting": "FailedMount", "waiting_message": _mount_message(events[-1])})


def _mount_message(event: Manifest) -> str:
    text = str(event.get("message", ""))
    return text.rpartition(" : ")[2] or text


async def _act(deps: Deps, seen: Observed, plan: Plan, manifest: Manifest) -> None:
    name, report = seen.session.metadata.name, seen.report
    held_back = report is not None and report.state is WorkerState.DRAINING and not terminating(seen)
    try:
        if plan.drain or held_back or plan.action is Action.CREATE or seen.session.status.phase != plan.phase:
            await deps.reports.set_drain(name, on=plan.drain)
    except ReportsUnavailable as error:
        log.warning("drain flag not set", extra={"object": name, "error": str(error)})
    if plan.action is Action.CREATE:
        await _create(deps, seen.session, manifest)
    elif plan.action is Action.DELETE and seen.pod is not None:
        await deps.kube.delete(POD, seen.pod.name, uid=seen.pod.uid)
    if plan.relabel and seen.pod is not None:
        await _relabel(deps, seen.pod, manifest)


async def _relabel(deps: Deps, pod: PodView, rendered: Manifest) -> None:
    """The uid keeps this from making a pod should it have gone."""
    marks = {field: rendered["metadata"][field] for field in ("labels", "annotations")}
    await deps.kube.apply(
        {"apiVersion": "v1", "kind": POD.kind, "metadata": {"name": pod.name, "uid": pod.uid, **marks}}
    )
    log.warning("labels restored", extra={"object": pod.name})


async def _create(deps: Deps, session: WorkerSession, manifest: Manifest) -> None:
    """Make the pod unless one exists, or another pod took the session string meanwhile."""
    secret, own = session.spec.session_secret_ref.name, keys.pod_name(session.metadata.name)
    # between this check and the note nothing may be awaited: two sessions must not both be the one
    if deps.secret_users.other(secret, own):
        return
    with deps.secret_users.making(manifest):
        try:
            await deps.kube.create(manifest)
        except Conflict:
            log.info("a pod of this name exists: waiting", extra={"object": session.metadata.name})


async def _write(deps: Deps, current: Manifest, seen: Observed, plan: Plan, status: Manifest) -> None:
    if await deps.kube.apply_status(WORKER_SESSION, current, status):
        deps.metrics.status_writes.labels("workersession").inc()
    told = notice(seen, plan)
    if told is not None:
        log.info(told.reason, extra={"object": seen.session.metadata.name, "detail": told.message})
        await deps.kube.post_event(current, told.reason, told.message, warning=told.warning)


async def _release(deps: Deps, current: Manifest, name: str) -> None:
    await deps.reports.forget(name)
    try:
        latest = await deps.kube.get(WORKER_SESSION, name)
        await deps.kube.set_finalizer(WORKER_SESSION, latest, keys.DRAIN_FINALIZER, present=False)
    except NotFound:
        log.debug("already gone", extra={"object": current["metadata"]["name"]})
    _forget(deps, name)


def _forget(deps: Deps, name: str) -> None:
    deps.roster.note(name, None)
    deps.podless_since.pop(name, None)
    deps.metrics.session_phase(name, None)
