"""kopf's settings, with the reason for each one that differs from its default."""

from collections.abc import Iterable
from typing import Any

import kopf

from streamvault_common.keys import (
    COMPONENT_EDGE,
    COMPONENT_WORKER,
    FIELD_MANAGER,
    GROUP,
    KOPF_FINALIZER,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
)


class Unused(kopf.AnnotationsDiffBaseStorage):
    """For every event kopf prepares what handlers of changes would compare: there are none, and it costs 2 ms."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        """Nothing to compare."""
        return kopf.BodyEssence()


def kopf_settings() -> kopf.OperatorSettings:
    """Settings for `kopf.operator`."""
    settings = kopf.OperatorSettings()
    # namespaced rights only: the kinds are known, and the CRDs are checked at start
    settings.scanning.disabled = True
    # one replica; peering would let a stray object pause it
    settings.peering.standalone = True
    settings.persistence.finalizer = KOPF_FINALIZER
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP, v1=False)
    settings.persistence.diffbase_storage = Unused(prefix=GROUP, v1=False)
    # belt and braces beside kopf's own detection of stalled watches
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 10
    # memory: 20,000 objects in one list cost 60 MiB more; and a chunk's objects are handled in one turn of the loop
    settings.watching.chunk_size = 100
    settings.watching.label_selectors["pods"] = f"{LABEL_COMPONENT} in ({COMPONENT_WORKER}, {COMPONENT_EDGE})"
    for kind in ("services", "configmaps", "statefulsets"):
        settings.watching.label_selectors[kind] = f"{LABEL_MANAGED_BY}={FIELD_MANAGER}"
    # kopf keeps a task with its last event for every object for so long: at a start, of thousands at a time
    settings.queueing.idle_timeout = 0.5
    settings.networking.request_timeout = 30
    settings.posting.loggers = False
    settings.posting.reporting_component = FIELD_MANAGER
    settings.execution.default_backoff = 15
    return settings
