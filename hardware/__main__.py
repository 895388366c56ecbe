"""Makes ``python -m hardware`` run :mod:`hardware.commands`."""

import sys

from hardware.commands import main

sys.exit(main(sys.argv[1:]))
