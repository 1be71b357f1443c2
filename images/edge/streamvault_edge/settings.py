"""What the agent reads from its environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from streamvault_common.keys import EDGE_AGENT_PORT
from streamvault_common.settings import LogSettings

MIN_TOKEN_CHARACTERS = 16


class AgentSettings(LogSettings):
    """Settings of the agent; the token has no default, because everything that purges must be asked for by name."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    edge_agent_token: SecretStr = Field(min_length=MIN_TOKEN_CHARACTERS)
    cache_root: Path = Path("/cache")
    nginx_status_url: str = "http://127.0.0.1:8082/status"
    port: int = Field(default=EDGE_AGENT_PORT, gt=0, lt=65536)
