"""A Kubernetes to install into: the user's own, k3s, or one built from Go modules. Only `choice` tells them apart."""
