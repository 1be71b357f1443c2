"""The pod of one WorkerSession: bare and named after the session, because two pods with one session destroy it."""

from streamvault_common.keys import (
    ANNOTATION_SPEC_HASH,
    API_VERSION,
    COMPONENT_WORKER,
    HTTP_PORT,
    LABEL_POOL,
    LABEL_SESSION,
    SESSION_FILE_KEY,
    SESSION_MOUNT,
    WORKERS_SERVICE,
    pod_name,
)
from streamvault_operator.config import OperatorConfig, Streaming
from streamvault_operator.domain.resources import WorkerSession

from . import common
from .common import Manifest

STOP_SECONDS = 30
"""What a worker may need to stop after its last stream."""


def worker_pod(session: WorkerSession, config: OperatorConfig) -> Manifest:
    """The manifest for `create`; its annotation holds a hash that tells whether a running pod is outdated."""
    metadata = session.metadata
    owner = common.Owner(API_VERSION, "WorkerSession", metadata.name, metadata.uid)
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(metadata.name),
            "namespace": metadata.namespace,
            "labels": {
                **common.labels(config.instance, COMPONENT_WORKER),
                LABEL_SESSION: metadata.name,
                LABEL_POOL: session.spec.pool,
            },
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": str(HTTP_PORT)},
            "ownerReferences": owner.references(),
        },
        "spec": _spec(session, config),
    }
    fingerprint = common.digest([manifest["metadata"]["labels"], manifest["spec"], config.telegram.checksum])
    manifest["metadata"]["annotations"][ANNOTATION_SPEC_HASH] = fingerprint
    return manifest


def spec_hash(manifest: Manifest) -> str:
    """The hash that `worker_pod` wrote."""
    return str(manifest["metadata"]["annotations"][ANNOTATION_SPEC_HASH])


def _spec(session: WorkerSession, config: OperatorConfig) -> Manifest:
    spec, secret = session.spec, session.spec.session_secret_ref
    return {
        "restartPolicy": "Always",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": max(
            config.workers.termination_grace_seconds, spec.drain.timeout_seconds + STOP_SECONDS
        ),
        "securityContext": common.POD_SECURITY,
        "containers": [_container(session, config)],
        "volumes": [
            {
                "name": "session",
                "secret": {
                    "secretName": secret.name,
                    "items": [{"key": secret.key, "path": SESSION_FILE_KEY}],
                    "defaultMode": 0o440,
                },
            },
            {"name": "tmp", "emptyDir": {}},
        ],
        **common.filled(
            imagePullSecrets=[pull.model_dump() for pull in config.image_pull_secrets],
            nodeSelector=spec.node_selector,
            tolerations=list(spec.tolerations),
            priorityClassName=spec.priority_class_name,
        ),
    }


def _container(session: WorkerSession, config: OperatorConfig) -> Manifest:
    own = session.spec.resources
    resources = own if own.requests or own.limits else config.workers.resources
    return {
        "name": "worker",
        "image": config.workers.image,
        "imagePullPolicy": config.workers.image_pull_policy,
        "env": _environment(session, config),
        "envFrom": [
            {"configMapRef": {"name": config.telegram.config_map}},
            {"secretRef": {"name": config.telegram.secret}},
        ],
        "ports": [{"name": "http", "containerPort": HTTP_PORT}],
        "startupProbe": common.probe("/healthz", "http", period=2, failures=60),
        "livenessProbe": common.probe("/healthz", "http", period=15, failures=4),
        "readinessProbe": common.probe("/readyz", "http", period=3, failures=2),
        "securityContext": common.CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "session", "mountPath": SESSION_MOUNT, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod, not of this machine
        ],
        **common.filled(resources=common.filled(requests=resources.requests, limits=resources.limits)),
    }


def _environment(session: WorkerSession, config: OperatorConfig) -> list[Manifest]:
    fixed = {
        "WORKER_NAME": session.metadata.name,
        "TG_SESSION_FILE": f"{SESSION_MOUNT}/{SESSION_FILE_KEY}",
        "SESSION_REVISION": session.spec.session_secret_ref.revision,
        "MAX_STREAMS": str(session.spec.limits.max_concurrent_streams),
        **_streaming(config.workers.streaming),
        # where a worker finds the others: it fetches the rest of a slice through them when its own account cannot
        "WORKERS_ADDRESS": f"{WORKERS_SERVICE}.{session.metadata.namespace}.svc:{HTTP_PORT}",
        "COOLDOWN_MIN_SECONDS": str(session.spec.cooldown.min_seconds),
        "COOLDOWN_JITTER_PERCENT": str(session.spec.cooldown.jitter_percent),
        "DRAIN_TIMEOUT_SECONDS": str(session.spec.drain.timeout_seconds),
        "PORT": str(HTTP_PORT),
        "MONGODB_DATABASE": config.stores.mongodb_database,
    }
    stores = [common.secret_env(name, config.stores.secret) for name in ("MONGODB_URI", "REDIS_URL")]
    own = [common.own_field("POD_UID", "metadata.uid"), common.own_field("POD_IP", "status.podIP")]
    return [*common.env({**config.workers.env, **fixed}), *stores, *own]


def _streaming(streaming: Streaming) -> dict[str, str]:
    return {
        "STREAM_WINDOW": str(streaming.window),
        "MEDIA_SESSIONS": str(streaming.media_sessions),
        "READ_AHEAD": str(streaming.read_ahead).lower(),
        "HEDGE": str(streaming.hedge).lower(),
    }
