"""Many histories: `python -m tests.simulation 20000`, from a seed on: `--from 500`; one with its story: `--seed 7`."""

import argparse
import logging
import sys

import structlog

from tests.simulation.histories import history


def main() -> int:
    """Runs them; the exit status says whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1_000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if arguments.seed is not None:
        told = history(arguments.seed)
        sys.stdout.write("\n".join([*told.story, *told.wrong, ""]))
        return bool(told.wrong)
    bad = 0
    for seed in range(arguments.first, arguments.first + arguments.count):
        told = history(seed)
        if told.wrong:
            bad += 1
            sys.stdout.write(f"seed {seed} ({told.temper}): {'; '.join(told.wrong)}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{bad} of {arguments.count} histories are wrong\n")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
