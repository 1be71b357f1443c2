"""Which Titles owe nothing when an operator that has just started sees them."""

from collections.abc import Mapping
from typing import Any

from streamvault_common.keys import PURGE_FINALIZER
from streamvault_common.models import TitlePhase, TitleState

from .conditions import Truth

SETTLED = {TitleState.PUBLISHED: TitlePhase.PUBLISHED, TitleState.UNLISTED: TitlePhase.UNLISTED}


def settled(meta: Mapping[str, Any], spec: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Whether the status tells that everything was done for exactly this declaration, and nothing is asked for since.

    Whether MongoDB still holds what was done is compared for all titles at once (`comparison.py`).
    """
    if "deletionTimestamp" in meta or PURGE_FINALIZER not in meta.get("finalizers", []) or spec.get("suspend"):
        return False
    if status.get("observedGeneration") != meta.get("generation"):
        return False
    if not any(one["type"] == "Ready" and one["status"] == Truth.TRUE for one in status.get("conditions", [])):
        return False  # a file that was added later still waits, although the title stays on the air
    return status.get("phase") == SETTLED.get(spec.get("state", TitleState.PUBLISHED))
