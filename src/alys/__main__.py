"""``python -m alys`` is the command ``alys``."""

import sys

from alys.cli.front import main

if __name__ == "__main__":
    sys.exit(main())
