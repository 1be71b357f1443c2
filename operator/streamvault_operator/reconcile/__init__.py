"""Observe, decide, act, write status: one module per resource."""
