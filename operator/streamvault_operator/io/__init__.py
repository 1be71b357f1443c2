"""The only modules that talk to Kubernetes, MongoDB, Redis, the workers and the edge."""
