"""Renders every overlay into one committed file, which says what it was rendered from.

The file is for reading, reviewing and testing without kustomize (docs/decisions/0010-rendered-manifests.md): its first
lines hold a digest of the sources and one of the text below them, so that `stale` can tell by Python alone that
somebody forgot to render. Rendering itself needs `kubectl` 1.27 or `kustomize` 5, or newer.

Run: python -m deploy.k8s.render [--check]
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OVERLAYS = HERE / "overlays"
RENDERED = HERE / "rendered"
COMMANDS = (("kustomize", "build"), ("kubectl", "kustomize"))


def overlays() -> list[str]:
    """The names of the overlays."""
    return sorted(path.parent.name for path in OVERLAYS.glob("*/kustomization.yaml"))


def head(overlay: str, body: str) -> str:
    """The first lines of a rendered file."""
    return (
        f"# Rendered from overlays/{overlay} by `python -m deploy.k8s.render`. Not to be edited.\n"
        f"# sources: {_sources(overlay)}\n"
        f"# text:    {hashlib.sha256(body.encode()).hexdigest()}\n"
    )


def stale() -> list[Path]:
    """Rendered files that are missing, edited, of other sources than those here, or of no overlay."""
    wanted = {RENDERED / f"{overlay}.yaml": overlay for overlay in overlays()}
    found = sorted(set(RENDERED.iterdir()) - wanted.keys())
    for path, overlay in wanted.items():
        text = path.read_text() if path.exists() else ""
        body = "".join(text.splitlines(keepends=True)[3:])
        if not body or text != head(overlay, body) + body:
            found.append(path)
    return found


def render(overlay: str) -> str:
    """The whole text of a rendered file, made by kustomize."""
    command = next((command for command in COMMANDS if shutil.which(command[0])), None)
    if command is None:
        sys.exit("Neither kustomize nor kubectl is installed: one of them is needed to render, none to check or test.")
    done = subprocess.run([*command, str(OVERLAYS / overlay)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} {overlay}: {done.stderr}")
    return head(overlay, done.stdout) + done.stdout


def _sources(overlay: str) -> str:
    """A digest of everything an overlay may be made of: the base and the overlay itself."""
    digest = hashlib.sha256()
    for folder in (HERE / "base", OVERLAYS / overlay):
        for path in sorted(folder.rglob("*.yaml")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def main() -> None:
    """Render, or with --check render and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is not up to date")
    check = parser.parse_args().check
    wanted = {RENDERED / f"{overlay}.yaml": render(overlay) for overlay in overlays()}
    differ = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if check:
        for path in differ:
            print(f"not what its overlay says: {path.name}", file=sys.stderr)
        sys.exit(1 if differ else 0)
    RENDERED.mkdir(exist_ok=True)
    for path in differ:
        path.write_text(wanted[path])


if __name__ == "__main__":
    main()
