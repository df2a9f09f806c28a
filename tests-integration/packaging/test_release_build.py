import subprocess
from pathlib import Path

from packaging.version import Version

from tools.release.steps import build_from_tag
from tools.wheels.contents import content_problems
from tools.wheels.wheel import wheels_in

PACKAGE = Path(__file__).parents[2] / "packages" / "saigon-orm"
IDENTITY = ["-c", "user.name=A maintainer", "-c", "user.email=maintainer@example.com"]


def test_tagged_package_builds_as_a_sound_wheel(registry: None, tmp_path: Path) -> None:
    root, out = tmp_path / "repository", tmp_path / "dist"
    package = root / "packages" / "saigon-orm"
    package.parent.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", root], check=True)
    _copy_tracked(PACKAGE, package)
    commit = ["commit", "--quiet", "--no-gpg-sign", "--message", "Begin"]
    for command in (["add", "."], [*IDENTITY, *commit], ["tag", "saigon-orm-v0"]):
        subprocess.run(["git", *command], check=True, cwd=root)

    build_from_tag(root, "saigon-orm", "saigon-orm-v0", out)

    (wheel,) = wheels_in(out)
    assert wheel.version >= Version("0.1.0")
    assert content_problems(wheel) == []
    assert len(list(out.glob("saigon_orm-*.tar.gz"))) == 1


def _copy_tracked(source: Path, target: Path) -> None:
    """Copy what git knows of a folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], capture_output=True, check=True, cwd=source, text=True
    )
    for name in listed.stdout.split("\0")[:-1]:
        if (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((source / name).read_bytes())
