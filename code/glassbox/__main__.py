"""What `python -m glassbox` runs."""

import sys

from glassbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
