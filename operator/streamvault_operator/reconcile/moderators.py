"""Which sessions may delete messages now."""

from streamvault_common.models import Role, SessionPhase
from streamvault_operator.deps import Deps
from streamvault_operator.io.kube import WORKER_SESSION


async def active_moderators(deps: Deps) -> list[str]:
    """Names of the sessions with the role Moderate that are in service, in a fixed order."""
    found = await deps.kube.select(WORKER_SESSION)
    return sorted(
        session["metadata"]["name"]
        for session in found
        if Role.MODERATE in session["spec"].get("roles", [])
        and session.get("status", {}).get("phase") == SessionPhase.ACTIVE
        and "deletionTimestamp" not in session["metadata"]
    )
