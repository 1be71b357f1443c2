"""The edge: a StatefulSet of nginx and its purge agent over one cache volume, its settings and its two Services."""

from streamvault_common.keys import (
    ANNOTATION_SPEC_HASH,
    COMPONENT_EDGE,
    EDGE_AGENT_PORT,
    EDGE_AGENT_SERVICE,
    EDGE_SERVICE,
    HTTP_PORT,
)
from streamvault_operator.config import Edge, OperatorConfig

from . import common
from .common import Manifest, Owner

CACHE_MOUNT = "/cache"
TERMINATION_GRACE_SECONDS = 60


def edge(config: OperatorConfig, edge_config: Edge, owner: Owner | None) -> list[Manifest]:
    """Every object of the edge in the order of creation; for server-side apply."""
    settings = _settings(config, edge_config, owner)
    return [
        settings,
        _viewer_service(config, edge_config, owner),
        _agent_service(config, owner),
        _stateful_set(config, edge_config, owner, settings),
    ]


def _metadata(config: OperatorConfig, name: str, owner: Owner | None) -> Manifest:
    metadata: Manifest = {"name": name, "labels": common.labels(config.instance, COMPONENT_EDGE)}
    return {**metadata, "ownerReferences": owner.references()} if owner else metadata


def _settings(config: OperatorConfig, edge_config: Edge, owner: Owner | None) -> Manifest:
    cache, tiers = edge_config.cache, edge_config.tiers
    data = {
        "CACHE_MAX_SIZE": cache.max_size,
        "CACHE_MIN_FREE": cache.min_free,
        "CACHE_INACTIVE": cache.inactive,
        "CACHE_KEYS_ZONE": cache.keys_zone,
        "IMAGE_CACHE_MAX_SIZE": cache.images_max_size,
        "TAKEDOWN_STATUS": str(config.takedown.status),
        "TAKEDOWN_BLOCKED_BY": config.takedown.blocked_by,
    }
    for name, tier in (("GUEST", tiers.guest), ("MEMBER", tiers.member), ("PREMIUM", tiers.premium)):
        data |= {f"RATE_{name}": tier.rate, f"CONNECTIONS_{name}": str(tier.connections)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(config, EDGE_SERVICE, owner),
        "data": {**data, **edge_config.env},
    }


def _viewer_service(config: OperatorConfig, edge_config: Edge, owner: Owner | None) -> Manifest:
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(config, EDGE_SERVICE, owner),
        "spec": {
            "type": edge_config.service.type,
            "selector": common.selector(config.instance, COMPONENT_EDGE),
            "ports": [{**port, **common.filled(nodePort=edge_config.service.node_port)}],
        },
    }


def _agent_service(config: OperatorConfig, owner: Owner | None) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(config, EDGE_AGENT_SERVICE, owner),
        "spec": {
            "clusterIP": "None",
            # a purge must reach an edge whose nginx is not ready
            "publishNotReadyAddresses": True,
            "selector": common.selector(config.instance, COMPONENT_EDGE),
            "ports": [{"name": "agent", "port": EDGE_AGENT_PORT, "targetPort": "agent", "protocol": "TCP"}],
        },
    }


def _stateful_set(config: OperatorConfig, edge_config: Edge, owner: Owner | None, settings: Manifest) -> Manifest:
    annotations = {
        ANNOTATION_SPEC_HASH: common.digest([settings["data"], edge_config.secrets_checksum]),
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(EDGE_AGENT_PORT),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _metadata(config, EDGE_SERVICE, owner),
        "spec": {
            "replicas": edge_config.replicas,
            "serviceName": EDGE_AGENT_SERVICE,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": common.selector(config.instance, COMPONENT_EDGE)},
            "template": {
                "metadata": {"labels": common.labels(config.instance, COMPONENT_EDGE), "annotations": annotations},
                "spec": _pod(config, edge_config),
            },
            "volumeClaimTemplates": [_claim(edge_config)],
        },
    }


def _pod(config: OperatorConfig, edge_config: Edge) -> Manifest:
    tolerations = [item.model_dump(by_alias=True, exclude_none=True) for item in edge_config.tolerations]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": TERMINATION_GRACE_SECONDS,
        "securityContext": common.POD_SECURITY,
        "containers": [_nginx(edge_config), _agent(edge_config)],
        "volumes": [{"name": "nginx-tmp", "emptyDir": {}}, {"name": "agent-tmp", "emptyDir": {}}],
        **common.filled(
            imagePullSecrets=[pull.model_dump() for pull in config.image_pull_secrets],
            nodeSelector=edge_config.node_selector,
            tolerations=tolerations,
        ),
    }


def _nginx(edge_config: Edge) -> Manifest:
    resources = edge_config.resources
    return {
        "name": "nginx",
        "image": edge_config.image,
        "imagePullPolicy": edge_config.image_pull_policy,
        "env": [common.secret_env("LINK_KEYS", edge_config.link_keys_secret)],
        "envFrom": [{"configMapRef": {"name": EDGE_SERVICE}}],
        "ports": [{"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"}],
        "startupProbe": common.probe("/healthz", "http", period=1, failures=60),
        "livenessProbe": common.probe("/healthz", "http", period=15, failures=4),
        "readinessProbe": common.probe("/healthz", "http", period=5, failures=2),
        "securityContext": common.CONTAINER_SECURITY,
        "volumeMounts": _mounts("nginx-tmp"),
        **common.filled(resources=common.filled(requests=resources.requests, limits=resources.limits)),
    }


def _agent(edge_config: Edge) -> Manifest:
    resources = edge_config.agent_resources
    return {
        "name": "agent",
        "image": edge_config.agent_image,
        "imagePullPolicy": edge_config.image_pull_policy,
        "env": [
            common.secret_env("EDGE_AGENT_TOKEN", edge_config.agent_token_secret),
            *common.env({"CACHE_ROOT": CACHE_MOUNT, "PORT": str(EDGE_AGENT_PORT)}),
        ],
        "ports": [{"name": "agent", "containerPort": EDGE_AGENT_PORT, "protocol": "TCP"}],
        "startupProbe": common.probe("/healthz", "agent", period=2, failures=60),
        "livenessProbe": common.probe("/healthz", "agent", period=15, failures=4),
        "readinessProbe": common.probe("/readyz", "agent", period=5, failures=2),
        "securityContext": common.CONTAINER_SECURITY,
        "volumeMounts": _mounts("agent-tmp"),
        **common.filled(resources=common.filled(requests=resources.requests, limits=resources.limits)),
    }


def _mounts(tmp: str) -> list[Manifest]:
    return [{"name": "cache", "mountPath": CACHE_MOUNT}, {"name": tmp, "mountPath": "/tmp"}]  # noqa: S108


def _claim(edge_config: Edge) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "cache"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": edge_config.cache.size}},
            **common.filled(storageClassName=edge_config.cache.storage_class_name),
        },
    }
