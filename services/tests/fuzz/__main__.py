"""`make fuzz`: the test of the same name with more requests, on private servers.

`python -m services.tests.fuzz [--cases N] [--seed N]`; a failure shows its request as a line of curl.
"""

import argparse
import sys
from collections.abc import Sequence

from deploy.local.testing import main as run_tests


def main(arguments: Sequence[str]) -> int:
    """Run it and return the exit code."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--cases", type=int, default=2000, help="least requests to each service (2000)")
    parser.add_argument("--seed", type=int, default=1, help="where the random values begin (1)")
    asked = parser.parse_args(arguments)
    counts = (f"--fuzz-cases={asked.cases}", f"--fuzz-seed={asked.seed}")
    return run_tests(["-n", "0", "-s", "services/tests/test_fuzz.py", *counts])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
