"""Makes this checkout importable in the environment that runs this, as an installation would, without build or network.

It writes what pyproject.toml says into site-packages: a path file for the source roots, and a small dist-info, so that
importlib.metadata finds the entry points. Beside the interpreter it puts the console scripts.
"""

import importlib.metadata
import json
import os
import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from {module} import {function}

sys.exit({function}())
"""  # sh sees an exec, Python a string: a path with spaces cannot stand behind #!


def link(pyproject: dict[str, Any], site: Path, scripts: Path) -> None:
    """Writes the path file, the dist-info and the scripts of one project."""
    project = pyproject["project"]
    name, version = project["name"], project["version"]
    for old in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(old)
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()

    packages = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    roots = sorted({str(ROOT / PurePosixPath(package).parent) for package in packages})
    groups = {"console_scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {requirement}" for requirement in project["dependencies"]),
    ]
    files = {
        site / f"{name}-checkout.pth": "\n".join(roots),
        info / "METADATA": "\n".join(metadata),
        info / "INSTALLER": "run",
        info / "direct_url.json": json.dumps({"url": ROOT.as_uri(), "dir_info": {"editable": True}}),
        info / "entry_points.txt": "\n".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
            for group, entries in groups.items()
        ),
    }
    for script, target in project.get("scripts", {}).items():
        module, _, function = target.partition(":")
        files[scripts / script] = SCRIPT.format(python=sys.executable, module=module, function=function)
    for path, text in files.items():
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    for script in project.get("scripts", {}):
        (scripts / script).chmod(0o755)
    record = [Path(os.path.relpath(path, site)).as_posix() for path in (*files, info / "RECORD")]
    (info / "RECORD").write_text("".join(f'"{path}",,\n' for path in record), encoding="utf-8")


if __name__ == "__main__":
    if sys.prefix == sys.base_prefix:
        sys.exit("link.py: run it with the Python of a virtual environment")
    link(
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")),
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("scripts")),
    )
    importlib.metadata.distribution("tradingd")
