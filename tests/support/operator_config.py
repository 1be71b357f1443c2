"""The operator's configuration as the chart renders it, for tests."""

from typing import Any

from streamvault_operator.config import OperatorConfig

CONFIG: dict[str, Any] = {
    "instance": "streamvault",
    "ownerDeployment": "streamvault-operator",
    "imagePullSecrets": [],
    "stores": {"secret": "streamvault-stores", "mongodbDatabase": "streamvault"},
    "telegram": {"configMap": "streamvault-telegram", "secret": "streamvault-telegram", "checksum": "0" * 64},
    "workers": {
        "image": "localhost/streamvault/worker:1",
        "imagePullPolicy": "IfNotPresent",
        "env": {"LOG_LEVEL": "INFO"},
        "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "768Mi"}},
        "terminationGraceSeconds": 150,
        "pools": {"default": {"minActive": 1, "maxActive": 64}},
    },
    "edge": {
        "image": "localhost/streamvault/edge:1",
        "agentImage": "localhost/streamvault/edge-agent:1",
        "imagePullPolicy": "IfNotPresent",
        "replicas": 1,
        "service": {"type": "NodePort", "nodePort": 30080},
        "cache": {"size": "10Gi", "storageClassName": "local-path"},
        "linkKeysSecret": "streamvault-link-keys",
        "agentTokenSecret": "streamvault-edge-agent",
        "secretsChecksum": "1" * 64,
        "env": {"WORKER_PROCESSES": "1"},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "agentResources": {"requests": {"cpu": "5m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
        "nodeSelector": {},
        "tolerations": [],
    },
}


def config(**sections: Any) -> OperatorConfig:
    """The configuration with some top-level sections replaced."""
    return OperatorConfig.model_validate(CONFIG | sections)
