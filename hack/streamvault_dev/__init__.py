"""The driver behind the Makefile: from an empty Debian machine to a running StreamVault. Standard library only,
because it runs with the system's python3 before any environment exists."""

import sys
from pathlib import Path

# Names that cross processes exist once, in a module that needs nothing but the standard library either.
sys.path.append(str(Path(__file__).resolve().parents[2] / "images/common"))
