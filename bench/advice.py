"""How often the advice is right; tests/advice_scores.py does it, and tells the options."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from advice_scores import main

if __name__ == "__main__":
    sys.exit(main())
