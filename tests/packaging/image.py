"""A container file carried out where no engine runs: its commands and copies, with a folder for the root."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Image:
    """What an engine would keep: where its commands run, their environment, which they are, and as whom they run."""

    folder: Path
    environment: dict[str, str]
    command: list[str]
    health: list[str]
    user: str
    stages: int

    def check(self, environment):
        """Do the health check, within its own limit; whether the container is well."""
        try:
            done = subprocess.run(self.health, env=environment, capture_output=True, check=False, timeout=3)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def instructions(project):
    """Return the lines of the container file, each as its word and the rest."""
    text = (project / "Dockerfile").read_text().replace("\\\n", "")
    lines = (line.strip() for line in text.splitlines())
    return [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]


def compose(project):
    """Return the services of the compose file, with whatever it takes from the shell's environment left as it is."""
    return yaml.safe_load((project / "compose.yaml").read_text())["services"]


def build(project, root, environment):
    """Carry the container file out; what it writes at the root of an image is written into `root`."""
    own, folder, stages, user, said = dict(environment), root, 0, "root", {}

    def inside(text):
        return re.sub(r"(?<![\w./])/(venv|build|application)\b", rf"{root}/\1", text)

    for word, rest in instructions(project):
        match word:
            case "FROM":
                folder, stages, user = root, stages + 1, "root"
            case "WORKDIR":
                folder = root / rest.removeprefix("/")
                folder.mkdir()
            case "COPY" if not rest.startswith("--from=build /venv /venv"):
                copy(project, folder, *rest.split())
            # Nobody's account is made on this machine.
            case "RUN" if not rest.startswith("useradd "):
                subprocess.run(inside(rest), shell=True, cwd=folder, env=own, check=True, capture_output=True)
            case "ENV":
                name, _, value = rest.partition("=")
                own[name] = inside(value).replace("$PATH", own["PATH"])
            case "USER":
                user = rest
            case "CMD" | "HEALTHCHECK":
                said[word] = json.loads(rest[rest.index("[") :])
    return Image(folder, own, said["CMD"], said["HEALTHCHECK"], user, stages)


def copy(project, folder, *paths):
    *sources, target = paths
    for source in sources:
        if (project / source).is_dir():
            shutil.copytree(project / source, folder / target)
        else:
            shutil.copy(project / source, folder / target)
