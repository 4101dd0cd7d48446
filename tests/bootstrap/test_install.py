"""The `install` of each example, on what the families' images have of Python."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ["examples/mover", "examples/darkroom", "examples/fingerprint", "examples/web", "templates/init/worker"]

# Python as `install` sees it: `fits` says for which names it is new enough, and makes virtual environments.
PYTHON = """\
#!/bin/sh
echo "${0##*/} $*" >>"$ROOT/calls"
case $* in
  -c*) grep -qsx "${0##*/}" "$ROOT/fits" ;;
  "-m venv .venv") mkdir -p .venv/bin; for name in python pip; do cp "$0" ".venv/bin/$name"; done ;;
esac
"""
DNF = """\
#!/bin/sh
echo "dnf $*" >>"$ROOT/calls"
cp "$ROOT/bin/python3" "$ROOT/bin/python3.12"
"""
APT = """\
#!/bin/sh
echo "apt-get $*" >>"$ROOT/calls"
echo python3 >>"$ROOT/fits"
"""


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("manager", "fits", "expected"),
    [
        ("dnf", "", ["dnf install -y -q python3.12", "python3.12 -m venv .venv"]),
        ("apt-get", "", ["apt-get install -y -q python3-venv", "python3 -m venv .venv"]),
        ("none", "python3\n", ["python3 -m venv .venv"]),
    ],
    ids=["Amazon Linux", "Ubuntu", "an own image"],
)
def test_install_finds_or_brings_a_python(
    tmp_path: Path, program: str, manager: str, fits: str, expected: list[str]
) -> None:
    shutil.copytree(ROOT / program, tmp_path / "program")
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "cp", "dirname", "grep", "mkdir", "sh"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    for name, text in {"python3": PYTHON, "dnf": DNF, "apt-get": APT}.items():
        if name in ("python3", manager):
            (tmp_path / "bin" / name).write_text(text)
            (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "fits").write_text(fits)
    done = subprocess.run(
        [str(shutil.which("bash")), tmp_path / "program/install"],
        env={"PATH": str(tmp_path / "bin"), "ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    calls = [call for call in (tmp_path / "calls").read_text().splitlines() if " -c " not in call]
    assert calls[: len(expected)] == expected
    assert any("--requirement requirements.txt" in call for call in calls[len(expected) :]), calls
