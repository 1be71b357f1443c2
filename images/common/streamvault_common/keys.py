"""Every string that crosses a process: Kubernetes names, Redis keys, HTTP headers, paths and ports."""

GROUP = "streamvault.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
WORKER_SESSIONS = "workersessions"
TITLES = "titles"
FIELD_MANAGER = "streamvault-operator"

KOPF_FINALIZER = f"{GROUP}/kopf"
PURGE_FINALIZER = f"{GROUP}/purge"
DRAIN_FINALIZER = f"{GROUP}/drain"
"""Keeps a deleted WorkerSession until its pod has finished what viewers are reading."""

LABEL_NAME = "app.kubernetes.io/name"
LABEL_INSTANCE = "app.kubernetes.io/instance"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_SESSION = f"{GROUP}/session"
LABEL_POOL = f"{GROUP}/pool"
LABEL_ALLOW_DELETE = f"{GROUP}/allow-delete"
"""With the value `true`, a Title may be deleted without a takedown before."""
ANNOTATION_SPEC_HASH = f"{GROUP}/spec-hash"

APP_NAME = "streamvault"
COMPONENT_WORKER = "worker"
COMPONENT_EDGE = "edge"
WORKERS_SERVICE = "workers"
EDGE_SERVICE = "edge"
EDGE_AGENT_SERVICE = "edge-agent"

HTTP_PORT = 8080
EDGE_AGENT_PORT = 8081

MIB = 1024 * 1024
SLICE_BYTES = 8 * MIB
"""Size of one cache slice of the edge; part of every cache key, so a change empties the cache."""
AFFINITY_BYTES = 256 * MIB
"""Slices of one such block of a file are asked from the same worker, which can therefore read ahead within it."""
PIECE_BYTES = MIB
"""Largest `limit` of one `upload.getFile`, and the alignment that a range must not cross."""

HEADER_REQUEST_ID = "X-Request-Id"
HEADER_CACHE = "X-Cache"
HEADER_FILE_KIND = "X-File-Kind"
"""Which kind the edge's route serves; a worker answers 404 for a file of another kind, so that the unsigned image
route never gives out a film."""
HEADER_RELAY = "X-Relay"
"""A worker asks another one for bytes that its own account cannot get; the edge never lets it through from outside."""

SESSION_FILE_KEY = "session"
SESSION_MOUNT = "/run/secrets/telegram"

HEARTBEAT_SECONDS = 5
HEARTBEAT_TTL_SECONDS = 60


def pod_name(session: str) -> str:
    """Name of the only pod that may use a WorkerSession."""
    return f"ws-{session}"


def session_key(session: str) -> str:
    """Redis hash with the worker's last `SessionReport`; expires when the worker is silent."""
    return f"sv:session:{session}"


def verdict_key(session: str) -> str:
    """Redis hash `{reason, message, at, revision}`: why this session string can never work again; never expires."""
    return f"sv:session:{session}:verdict"


def drain_key(session: str) -> str:
    """Redis string, present while the worker must take no new reads."""
    return f"sv:session:{session}:drain"


def lease_key(session: str) -> str:
    """Redis string, the uid of the pod that may use the session; expires HEARTBEAT_TTL_SECONDS after its last beat."""
    return f"sv:session:{session}:lease"


def flood_key(session: str) -> str:
    """Redis hash `{at, seconds}`: the last wait that the server ordered, for a worker that restarts meanwhile."""
    return f"sv:session:{session}:flood"


PEERS_SECONDS = 30 * 24 * 3600
"""For how long access hashes are remembered after they were last read from the account's dialogs."""


def peers_key(session: str) -> str:
    """Redis hash channel id -> access hash, and `account`, a hash of the user id for which alone they are valid."""
    return f"sv:session:{session}:peers"


LOCATION_SECONDS = 3600
"""For how long the place of a document is remembered; Telegram's file references are seen to last a few hours."""


def location_key(session: str, channel_id: int, message_id: int) -> str:
    """Redis string, JSON: where a message's document lies for this session's account, and since when that is known."""
    return f"sv:session:{session}:location:{channel_id}:{message_id}"


def requests_key(session: str) -> str:
    """Redis stream of requests to one worker (delete messages, resolve files, scan channels)."""
    return f"sv:session:{session}:requests"


def reply_key(request_id: str) -> str:
    """Redis list with the one reply to a request; expires after REPLY_SECONDS."""
    return f"sv:reply:{request_id}"


REPLY_SECONDS = 60


EVENTS_STREAM = "sv:events"
"""Redis stream of events for people; the manager posts it to the Admin Channel."""
EVENTS_MAXLEN = 10_000

TAKEDOWN_CHANNEL = "sv:takedown"
"""Redis pub/sub channel that names each fid as it is withdrawn."""


def blocked_key(fid: str) -> str:
    """Redis string, present from the moment a stored file is withdrawn."""
    return f"sv:blocked:{fid}"
