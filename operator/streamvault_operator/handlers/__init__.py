"""What kopf calls: each handler only names the object whose reconciliation is due."""
