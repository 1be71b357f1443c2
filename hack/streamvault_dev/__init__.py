"""The driver behind the Makefile: from an empty Debian machine to a running StreamVault. Standard library only,
because it runs with the system's python3 before any environment exists."""
