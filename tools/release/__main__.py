"""Release one package: ``python -m tools.release saigon-orm 0.2.0 [--dry-run]``."""

import argparse
import datetime as dt
import sys
from pathlib import Path

from packaging.version import Version

from tools.release.errors import RefusedError
from tools.release.steps import build_from_tag, release
from tools.uv import UvError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the distribution, as saigon-orm")
    parser.add_argument("version", type=Version, help="the version to release, as 0.2.0")
    parser.add_argument("--dry-run", action="store_true", help="check, and change nothing")
    arguments = parser.parse_args()
    root, today = Path.cwd(), dt.datetime.now(dt.UTC).date()
    try:
        tag = release(
            root, arguments.name, arguments.version, date=today, dry_run=arguments.dry_run
        )
    except RefusedError as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 1
    if arguments.dry_run:
        print(f"{tag} could be released")
        return 0
    return _build(root, arguments.name, tag)


def _build(root: Path, name: str, tag: str) -> int:
    try:
        build_from_tag(root, name, tag, root / "dist")
    except UvError as error:
        print(f"{tag} is committed and tagged, but not built: {error}", file=sys.stderr)
        return 1
    print(f"{tag} is committed, tagged, and built in dist/; push the branch and the tag")
    return 0


if __name__ == "__main__":
    sys.exit(main())
