"""Run the report's experiments one after another, each on its designated device, as the report did.

python jobs/run_experiments.py --devices 1,2,3,4,5
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it works without installing the launcher

from launcher import interpreter


def main() -> int:
    """Run the sweep on the devices of the command line and return the exit code."""
    interpreter.check()
    from launcher import LauncherError, load, run  # an old Python cannot read these modules

    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--devices", help="GPU ids as nvidia-smi shows them, one an experiment in turn; or cpu")
    options = parser.parse_args()
    try:
        return run(load(Path(__file__).with_name("report.toml")), devices=options.devices).exit_code
    except LauncherError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
