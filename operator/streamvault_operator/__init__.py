"""The operator: keeps worker pods, the edge and the catalogue in the state that WorkerSessions and Titles declare."""
