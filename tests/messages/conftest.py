"""The scripts that render docs/messages.md are no package, and read the rooms' sources."""

import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

for folder in ("hack/tools", "gateway", "operator", "predictors"):
    sys.path.insert(0, str(REPO / folder))
