"""`python -m poolhouse.cli`, where the command itself is not on the path."""

import sys

from poolhouse.cli import main

sys.exit(main())
