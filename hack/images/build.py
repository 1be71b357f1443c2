#!/usr/bin/env python3
"""Build the named images (all without a name) and load them into the running cluster; writes build/images.json.

hack/images/build.py worker manager
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streamvault_dev.cluster.choice import choose as choose_cluster
from streamvault_dev.cluster.interface import ClusterError
from streamvault_dev.commands import CommandError
from streamvault_dev.images import build, builders, catalogue
from streamvault_dev.images.platforms import native_architecture


def main() -> None:
    """Same parts as `make up`, for one image and without the rest."""
    architecture = native_architecture()
    plan = catalogue.Plan(architecture)
    builder = builders.choose(architecture)
    cluster = choose_cluster(os.environ)
    specs = tuple(catalogue.spec_of(name) for name in sys.argv[1:]) or catalogue.IMAGES
    build.build(plan, builder, list(specs))
    if references := build.unloaded(plan, cluster, specs):
        build.load(builder, cluster, references)
    for spec in specs:
        print(plan.reference(spec))
    build.write_values(plan, specs)


if __name__ == "__main__":
    try:
        main()
    except (CommandError, ClusterError, catalogue.CatalogueError) as error:
        sys.exit(f"error: {error}")
