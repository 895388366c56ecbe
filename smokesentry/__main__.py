"""``python -m smokesentry``: the same as the command ``smokesentry``."""

import sys

from smokesentry.cli import main

sys.exit(main())
