"""MongoDB and Redis; the only modules of the worker that import their clients."""
