"""The operator's configuration: the chart's `config.yaml` (what to render) and the environment (where things are).

Both are read once, at start; the chart restarts the operator when `config.yaml` changes.
"""

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_settings import SettingsConfigDict

from streamvault_common.settings import StoreSettings

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class InvalidConfig(ValueError):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """`config.yaml` cannot be used; the message names the file and the entries."""


class ConfigModel(BaseModel):
    """A section of `config.yaml`: camelCase, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class SecretName(ConfigModel):
    name: str


class ResourceList(ConfigModel):
    """Requests and limits in Kubernetes quantities."""

    requests: dict[str, str] = Field(default_factory=dict)
    limits: dict[str, str] = Field(default_factory=dict)


class Toleration(ConfigModel):
    """A toleration as in a pod spec."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: int | None = None


class Stores(ConfigModel):
    """Where workers find MongoDB and Redis; `secret` has the keys MONGODB_URI and REDIS_URL."""

    secret: str
    mongodb_database: str = "streamvault"


class Telegram(ConfigModel):
    """Application identity; `checksum` changes when any of it does, which rolls the workers."""

    config_map: str
    secret: str
    checksum: str = ""


class Pool(ConfigModel):
    """How many sessions of a pool serve at once, and for how long; the times hold for sessions without their own."""

    min_active: int = Field(default=1, ge=0)
    max_active: int = Field(default=64, ge=1)
    max_active_seconds: int = Field(default=0, ge=0)
    rest_seconds: int = Field(default=3600, ge=0)
    jitter_percent: int = Field(default=10, ge=0, le=100)

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.min_active > self.max_active:
            raise ValueError(f"minActive {self.min_active} is more than maxActive {self.max_active}")
        return self


class Streaming(ConfigModel):
    """How every worker reads: pieces of 1 MiB ahead of a viewer, connections for files per data centre."""

    window: int = Field(default=8, ge=1, le=16)
    media_sessions: int = Field(default=2, ge=1, le=8)
    read_ahead: bool = True
    hedge: bool = False


class Workers(ConfigModel):
    """What every worker pod has in common."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    env: dict[str, str] = Field(default_factory=dict)
    resources: ResourceList = ResourceList()
    termination_grace_seconds: int = Field(default=150, ge=1)
    streaming: Streaming = Streaming()
    pools: dict[str, Pool] = Field(default_factory=dict)


class Takedown(ConfigModel):
    """How what was taken down is answered: 410, or 451 with the address of who asked for it (RFC 7725)."""

    status: Literal[410, 451] = 410
    blocked_by: str = ""


class EdgeService(ConfigModel):
    """How viewers reach the edge."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    node_port: int | None = None


class EdgeCache(ConfigModel):
    """The slice cache: its volume, and nginx's limits in nginx's words."""

    size: str = "10Gi"
    storage_class_name: str = ""
    max_size: str = "8g"
    min_free: str = "512m"
    inactive: str = "30d"
    keys_zone: str = "64m"
    images_max_size: str = "512m"


class EdgeTier(ConfigModel):
    """Limits of one tier of viewers: rate per connection (`0` = none), connections per user."""

    rate: str = "0"
    connections: int = 12


class EdgeTiers(ConfigModel):
    guest: EdgeTier = EdgeTier()
    member: EdgeTier = EdgeTier()
    premium: EdgeTier = EdgeTier()


class Edge(ConfigModel):
    """The edge StatefulSet, its Services and its cache."""

    image: str
    agent_image: str
    image_pull_policy: str = "IfNotPresent"
    replicas: int = Field(default=1, ge=0)
    service: EdgeService = EdgeService()
    cache: EdgeCache = EdgeCache()
    tiers: EdgeTiers = EdgeTiers()
    link_keys_secret: str
    agent_token_secret: str
    secrets_checksum: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    resources: ResourceList = ResourceList()
    agent_resources: ResourceList = ResourceList()
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


class OperatorConfig(ConfigModel):
    """The whole `config.yaml`; without `edge` or `ownerDeployment` the operator leaves the edge alone."""

    instance: str
    owner_deployment: str | None = None
    image_pull_secrets: tuple[SecretName, ...] = ()
    stores: Stores
    telegram: Telegram
    workers: Workers
    takedown: Takedown = Takedown()
    edge: Edge | None = None


class OperatorSettings(StoreSettings):
    """The operator's environment."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    streamvault_config: Path = Path("/etc/streamvault/config.yaml")
    pod_namespace: str = ""
    pod_name: str = "operator"
    edge_agent_token: SecretStr = SecretStr("")
    operator_version: str = "unknown"
    port: int = 8080
    log_level: str = "INFO"

    @property
    def namespace(self) -> str:
        """The only namespace that the operator looks at: POD_NAMESPACE, else the service account's."""
        if self.pod_namespace:
            return self.pod_namespace
        if SERVICE_ACCOUNT_NAMESPACE.exists():
            return SERVICE_ACCOUNT_NAMESPACE.read_text(encoding="ascii").strip()
        raise InvalidConfig("set POD_NAMESPACE to the namespace that the operator shall look after")


def load(path: Path) -> OperatorConfig:
    """Read `config.yaml`; raises InvalidConfig."""
    try:
        return OperatorConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidConfig(
            f"{path}: {error.strerror}; set STREAMVAULT_CONFIG to the operator's config.yaml"
        ) from error
    except (yaml.YAMLError, ValidationError) as error:
        raise InvalidConfig(f"{path}: {error}") from error
