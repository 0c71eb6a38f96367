"""Eight real cameras from advice to results; tests/real_cameras.py does it, and tells the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from real_cameras import main

if __name__ == "__main__":
    sys.exit(main())
