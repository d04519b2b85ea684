"""What files a child may reach, by Landlock (Linux 5.13 and newer; landlock(7)): a wall that a process builds around
itself and all that it starts, without any right.

It may read programs, libraries and the folder of temporary files, and write only in its own part of that. So a `.env`,
a token, a database or a mailbox of the same user is out of its reach; and, since the kernel lets nobody look out of
such a wall into other processes, so are the worker's memory, its environment and its open connections.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from struct import pack

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every machine
_ASK_VERSION, _BENEATH_PATH = 1, 1
# Rights, each one bit (linux/landlock.h).
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_CHANGE_FOLDER = sum(1 << bit for bit in range(4, 13))  # removing and making what may lie in a folder
_CONNECT_AND_BIND = 3  # TCP
_UNIX_SOCKETS_AND_SIGNALS = 3  # of processes outside
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE  # the rights that make sense for what is no folder
_HANDLED = _READ | _WRITE_FILE | _CHANGE_FOLDER
NET_SINCE, SCOPES_SINCE = 4, 6  # versions

# Where programs and libraries lie. Of /etc only what the loader and the clock need: settings lie there too. What /proc
# tells of other processes beyond their command lines, the wall itself keeps away.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/sys", "/proc")
OF_DEV = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
OF_ETC = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/alternatives")
BESIDE_BIN = ("lib", "lib64", "share/tessdata", "share/catdoc")  # what programs need that lie elsewhere


def version() -> int:
    """Return which version of Landlock the kernel has; 0 for none."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def wall_in(project: Path, own_folder: Path) -> bool:
    """Build the wall; return False where the kernel has none. Cannot be taken back. Needs PR_SET_NO_NEW_PRIVS.

    `project`: of which the code is read, and no more; `own_folder`: below the folder of temporary files.
    """
    known = version()
    if not known:
        return False
    asked = pack("QQQ", _HANDLED, _CONNECT_AND_BIND, _UNIX_SOCKETS_AND_SIGNALS)
    size = 8 if known < NET_SINCE else 16 if known < SCOPES_SINCE else 24
    ruleset = _call(_CREATE_RULESET, asked, size, 0)
    if ruleset < 0:
        return False
    try:
        _allow(ruleset, _readable(project, own_folder), _READ)
        _allow(ruleset, (own_folder, Path("/dev/null")), _HANDLED)
        return _call(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _readable(project: Path, own_folder: Path) -> Iterable[Path]:
    """Return what may be read; what is not there is passed over later."""
    python = [sys.prefix, sys.base_prefix, *(path for path in sys.path if path and Path(path) != project)]
    programs = [path for path in os.environ.get("PATH", "").split(os.pathsep) if path.startswith("/")]
    beside = [str(Path(path).parent / name) for path in programs if Path(path).name == "bin" for name in BESIDE_BIN]
    languages = os.environ.get("TESSDATA_PREFIX") or "/usr/share"
    named = dict.fromkeys((*SYSTEM, *OF_DEV, *OF_ETC, *python, *programs, *beside, languages))
    return (project / "src", own_folder.parent, *map(Path, named))


def _allow(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not on this machine
        fitting = rights if path.is_dir() else rights & _OF_FILES
        _call(_ADD_RULE, ruleset, _BENEATH_PATH, pack("=Qi", fitting, descriptor), 0)
        os.close(descriptor)


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    passed = [argument if isinstance(argument, bytes | None) else ctypes.c_long(argument) for argument in arguments]
    return int(libc.syscall(ctypes.c_long(number), *passed))
