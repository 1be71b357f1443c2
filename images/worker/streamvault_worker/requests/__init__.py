"""Requests of the operator and the manager to this worker's account, over Redis."""
