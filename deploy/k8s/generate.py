"""Renders every overlay into one committed file, which says what it was rendered from.

The files are for reading, reviewing and testing without kustomize (docs/decisions/0010-rendered-manifests.md): their
first lines hold a digest of the sources and one of the text below, so that `stale` finds by Python alone a file that
was not rendered again. Rendering itself needs `kubectl` 1.27 or `kustomize` 5, or newer; where neither is
installed, `--check` compares the digests only and says so.

Run: python -m deploy.k8s.generate [--check]
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
RENDERERS = (("kustomize", "build"), ("kubectl", "kustomize"))
HEAD_LINES = 3


def stale() -> list[Path]:
    """Rendered files that are missing, edited, of other sources than those here, or of no overlay."""
    wanted = _files()
    found = sorted(set(RENDERED.glob("*")) - wanted.keys())
    for path, overlay in wanted.items():
        text = path.read_text() if path.exists() else ""
        body = "".join(text.splitlines(keepends=True)[HEAD_LINES:])
        if not body or text != _head(overlay, body) + body:
            found.append(path)
    return found


def _files() -> dict[Path, str]:
    """The file of each overlay."""
    overlays = sorted(path.parent.name for path in OVERLAYS.glob("*/kustomization.yaml"))
    return {RENDERED / f"{overlay}.yaml": overlay for overlay in overlays}


def _head(overlay: str, body: str) -> str:
    return (
        f"# Rendered from overlays/{overlay} by `python -m deploy.k8s.generate`. Not to be edited.\n"
        f"# sources: {_sources(overlay)}\n"
        f"# text:    {hashlib.sha256(body.encode()).hexdigest()}\n"
    )


def _sources(overlay: str) -> str:
    """A digest of everything an overlay may be made of: the base and the overlay itself."""
    digest = hashlib.sha256()
    for folder in (HERE / "base", OVERLAYS / overlay):
        for path in sorted(folder.rglob("*.yaml")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(HERE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _renderer() -> tuple[str, ...] | None:
    return next((command for command in RENDERERS if shutil.which(command[0])), None)


def _render(command: tuple[str, ...], overlay: str) -> str:
    """The whole text of a rendered file, made by kustomize."""
    done = subprocess.run(  # noqa: S603 - one of RENDERERS, and a folder of ours
        [*command, str(OVERLAYS / overlay)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} {overlay} (kubectl 1.27 or kustomize 5 is needed): {done.stderr}")
    return _head(overlay, done.stdout) + done.stdout


def main() -> None:
    """Render, or with --check compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is not up to date")
    check = parser.parse_args().check
    renderer = _renderer()
    if renderer is None:
        differ, how = stale(), "neither kustomize nor kubectl is installed, so only digests were compared"
        wanted: dict[Path, str] = {}
    else:
        wanted = {path: _render(renderer, overlay) for path, overlay in _files().items()}
        differ, how = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text], ""
    if check or renderer is None:
        for path in differ:
            print(f"not what its overlay says: {path.name}", file=sys.stderr)
        if how:
            print(f"deploy/k8s: {how}", file=sys.stderr)
        sys.exit(1 if differ else 0)
    RENDERED.mkdir(exist_ok=True)
    for path in differ:
        path.write_text(wanted[path])


if __name__ == "__main__":
    main()
