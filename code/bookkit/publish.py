"""Stamp the address of the published repository everywhere, and find strays.

The one setting is `repository.url` in _config.yml. Every other mention is a copy of it.
"""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from bookkit.pages import ROOT, Fault

PLACEHOLDER_OWNER = "your_name"
PROJECT = "glass-box-transformer"
SKIPPED = {".git", ".venv", "_build", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
VALID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}/(?!\.)[A-Za-z0-9._-]{1,100}")


def current_repository(root: Path = ROOT) -> str:
    """Read owner/name from the one setting in _config.yml."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    html = config.get("html") or {}
    found = config.get("repository") or html.get("repository") or {}
    url = found.get("url", "")
    match = re.fullmatch(r"https://github\.com/([^/\s]+/[^/\s]+?)(?:\.git)?/?", url)
    if not match:
        raise ValueError(
            "_config.yml has no repository.url of the form https://github.com/owner/name "
            f"(found {url!r}). Restore it: everything else is stamped from it."
        )
    return match[1]


def tracked_files(root: Path = ROOT) -> list[Path]:
    """List the project's own files: what git tracks or would add, or all that is not generated."""
    command = ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        paths = [root / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = list(root.rglob("*"))
    keep = [p for p in paths if p.is_file() and not SKIPPED & set(p.relative_to(root).parts)]
    return sorted(set(keep))


def read_text(path: Path) -> str | None:
    """Return the text of a file byte for byte, or None if it is not text."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def restamp(text: str, old: str, new: str) -> str:
    """Replace one address by another: owner/name, its GitHub Pages, and the folder of a clone."""
    (old_owner, old_name), (new_owner, new_name) = old.split("/"), new.split("/")
    before, after = r"(?<![A-Za-z0-9._-])", r"(?![A-Za-z0-9_-])"
    forms = {
        old: new,
        f"{old_owner}.github.io/{old_name}": f"{new_owner}.github.io/{new_name}",
        f"cd {old_name}": f"cd {new_name}",
    }
    for form, replacement in forms.items():
        text = re.sub(before + re.escape(form) + after, lambda _, r=replacement: r, text)
    return text


def publish_to(repository: str, root: Path = ROOT) -> list[Path]:
    """Stamp `repository` ('owner/name') into every file that names the current one."""
    if not VALID.fullmatch(repository):
        raise ValueError(
            f"{repository!r} is not a GitHub repository. Give owner/name, for example "
            "jane/attention-course: no address in front, letters, digits and single hyphens only "
            "in the owner's name."
        )
    old, changed = current_repository(root), []
    for path in tracked_files(root):
        text = read_text(path)
        stamped = text and restamp(text, old, repository)
        if stamped != text:
            path.write_bytes(stamped.encode("utf-8"))
            changed.append(path)
    return changed


def stray_forms(name: str) -> list[re.Pattern]:
    """List how an address can stand in a file: on GitHub, in a URL of GitHub Pages, in Colab.

    The repository may have had two names: the one it has, and the one it was made under.
    """
    names = f"(?:{re.escape(name)}|{PROJECT})(?![A-Za-z0-9_-])"
    forms = (
        rf"\b({PLACEHOLDER_OWNER}/[A-Za-z0-9._-]*[A-Za-z0-9])",
        rf"github(?:usercontent)?\.com/(?:repos/)?([A-Za-z0-9_-]+/{names})",
        rf"colab\.research\.google\.com/github/([A-Za-z0-9_-]+/{names})",
        rf"\b([A-Za-z0-9_-]+\.github\.io/{names})",
    )
    return [re.compile(form) for form in forms]


def stray_addresses(root: Path = ROOT) -> list[Fault]:
    """Find addresses of the project that are not the one in _config.yml."""
    current = current_repository(root)
    owner, name = current.split("/")
    right = {current, f"{owner}.github.io/{name}"}
    faults, forms = [], stray_forms(name)
    for path in tracked_files(root):
        for number, line in enumerate((read_text(path) or "").splitlines(), 1):
            found = {match[1] for form in forms for match in form.finditer(line)}
            faults += [
                Fault(
                    path.relative_to(root).as_posix(),
                    f"line {number}",
                    f"names the repository {wrong}, and _config.yml says {current}. "
                    "Write the one in _config.yml, or run `make publish-to REPO=owner/name`.",
                )
                for wrong in sorted(found - right)
            ]
    return faults


def main(repository: str, root: Path = ROOT) -> int:
    """Stamp, say what changed, and return the exit code."""
    try:
        changed = publish_to(repository, root)
    except (ValueError, OSError) as error:
        print(f"publish-to: {error}", file=sys.stderr)
        return 1
    for path in changed:
        print(path.relative_to(root).as_posix())
    print(f"{len(changed)} files stamped with {repository}." if changed else "Nothing to change.")
    return 0
