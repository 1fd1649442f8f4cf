"""Archives whose bytes depend on their contents only: sorted, without owners, all with one time."""

import gzip
import hashlib
import io
import os
import pathlib
import stat
import tarfile


def entry(name, time, mode, kind=tarfile.REGTYPE, owner=(0, 0)):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, time
    info.uid, info.gid = owner
    return info


class Tar:
    """A tar file in memory or on disk. Parents come first because names are sorted when it is written."""

    def __init__(self, time):
        self.time = time
        self.entries = {}

    def directory(self, name, mode=0o755, owner=(0, 0)):
        self.entries.setdefault(name.rstrip("/"), (entry(name, self.time, mode, tarfile.DIRTYPE, owner), None))

    def parents(self, name):
        for parent in reversed(pathlib.PurePosixPath(name).parents[:-1]):
            self.directory(str(parent))

    def file(self, name, data, mode=0o644, owner=(0, 0)):
        self.parents(name)
        info = entry(name, self.time, mode, owner=owner)
        info.size = len(data)
        self.entries[name] = (info, data)

    def link(self, name, target):
        self.parents(name)
        info = entry(name, self.time, 0o777, tarfile.SYMTYPE)
        info.linkname = target
        self.entries[name] = (info, None)

    def tree(self, folder, prefix=""):
        """Everything in `folder`, under the names that it has there. Permissions are the owner's; nothing is writable by others."""
        for path in sorted(pathlib.Path(folder).rglob("*")):
            name = prefix + path.relative_to(folder).as_posix()
            if path.is_symlink():
                self.link(name, os.readlink(path))
            elif path.is_dir():
                self.directory(name, stat.S_IMODE(path.stat().st_mode))
            else:
                self.file(name, path.read_bytes(), stat.S_IMODE(path.stat().st_mode))

    def data(self):
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(self.entries):
                info, data = self.entries[name]
                archive.addfile(info, io.BytesIO(data) if data is not None else None)
        return target.getvalue()


def compressed(data, level=9):
    """gzip without a time and a name."""
    return gzip.compress(data, compresslevel=level, mtime=0)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def sums(folder):
    """The contents of SHA256SUMS for the files in `folder`."""
    lines = [f"{digest(path.read_bytes())}  {path.name}\n" for path in sorted(folder.iterdir())
             if path.is_file() and path.name != "SHA256SUMS"]
    return "".join(lines)
