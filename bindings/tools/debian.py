#!/usr/bin/env python3
"""Debian packages in a private folder: nothing is installed, nothing of the system changes.

    debian.py lock SUITE [-PACKAGE…] PACKAGE… > LOCK
                                           resolves packages and all that they need, from a signed index, but for those
                                           with a dash
    debian.py unpack LOCK CACHE ROOT       fetches exactly those, checks their hashes, unpacks them

A lock has one line for each package: its SHA-256 and its path on a mirror. What a mirror no longer has is taken from the
archive of all that ever was.
"""

import hashlib
import lzma
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARCHIVE = "https://snapshot.debian.org/archive/debian"
# When the locks were made: the archive's day to ask for.
DAY = "20261124T000000Z"


def mirror():
    """The mirror that this machine's own apt uses, else Debian's."""
    if given := os.environ.get("DEBIAN_MIRROR"):
        return given
    for file in [*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")]:
        text = file.read_text() if file.exists() else ""
        if found := re.search(r"(?m)^(?:URIs: *|deb (?:\[[^]]*\] )?)(\S+/debian)\b", text):
            return found[1]
    return "https://deb.debian.org/debian"


def fetch(url, to):
    partial = to.with_name(to.name + ".part")
    command = ["curl", "--fail", "--silent", "--show-error", "--location", "--retry", "3", "--output", partial, url]
    subprocess.run(command, check=True)
    partial.rename(to)


def digest(file):
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def index(suite):
    """All packages of a suite, by name, and who provides what."""
    with tempfile.TemporaryDirectory() as folder:
        release, packed = Path(folder, "InRelease"), Path(folder, "Packages.xz")
        fetch(f"{mirror()}/dists/{suite}/InRelease", release)
        subprocess.run(["gpgv", "--quiet", "--keyring", KEYRING, release], check=True)
        fetch(f"{mirror()}/dists/{suite}/main/binary-amd64/Packages.xz", packed)
        signed = rf"(?m)^ {digest(packed)} +\d+ main/binary-amd64/Packages\.xz$"
        if not re.search(signed, release.read_text()):
            sys.exit("the index is not the one that was signed")
        text = lzma.decompress(packed.read_bytes()).decode()
    packages, provided = {}, {}
    for stanza in text.split("\n\n"):
        fields = dict(re.findall(r"(?m)^(\S+): (.*)$", stanza))
        if name := fields.get("Package"):
            packages.setdefault(name, fields)
            for other in fields.get("Provides", "").split(","):
                provided.setdefault(re.sub(r"[ (].*", "", other.strip()), []).append(name)
    return packages, provided


def lock(suite, wanted):
    packages, provided = index(suite)
    unwanted = {name[1:] for name in wanted if name.startswith("-")}
    chosen, left = {}, [name for name in wanted if not name.startswith("-")]
    while left:
        name = left.pop()
        name = name if name in packages else min(provided.get(name, [name]))
        if name in chosen or name not in packages:
            continue
        chosen[name] = packages[name]
        for field in ("Pre-Depends", "Depends"):
            for needed in filter(None, packages[name].get(field, "").split(",")):
                choices = [re.sub(r"[ (:].*", "", choice.strip()) for choice in needed.split("|")]
                if not any(choice in chosen or choice in unwanted for choice in choices):
                    left.append(next((choice for choice in choices if choice in packages), choices[0]))
    for _, fields in sorted(chosen.items()):
        print(fields["SHA256"], fields["Filename"])


def unpack(lock, cache, root):
    cache.mkdir(parents=True, exist_ok=True)
    files = []
    for line in lock.read_text().split("\n"):
        if not line or line.startswith("#"):
            continue
        sha256, path = line.split()
        file = cache / Path(path).name
        for source in (mirror(), f"{ARCHIVE}/{DAY}"):
            if file.exists() and digest(file) == sha256:
                break
            try:
                fetch(f"{source}/{path}", file)
            except subprocess.CalledProcessError:
                continue
        if not file.exists() or digest(file) != sha256:
            sys.exit(f"{path} can't be had, or is not what it was")
        files.append(file)
    # First where links stand, so that packages that still use /bin and /lib unpack through them.
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    unneeded = [f"--exclude=./usr/share/{name}" for name in ("doc", "man", "locale")]
    for file in files:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", file], stdout=subprocess.PIPE) as packed:
            tar = ["tar", "--extract", "--directory", root, "--keep-directory-symlink", *unneeded]
            subprocess.run(tar, stdin=packed.stdout, check=True)
    (root / "complete").touch()


match sys.argv[1:]:
    case ["lock", suite, *wanted] if wanted:
        lock(suite, wanted)
    case ["unpack", lock_file, cache, root]:
        unpack(Path(lock_file), Path(cache), Path(root))
    case _:
        sys.exit(__doc__)
