# Leaves, politely: SystemExit, which a kernel takes for its end.
import sys

sys.exit(0)
