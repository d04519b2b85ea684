"""What a child may not do, set by itself before it reads the first file: kept by the kernel, and passed on to whatever
it starts.

No network: a seccomp filter refuses new sockets, also those of io_uring, and looking into other processes. It needs no
rights and is there on x86-64 and 64-bit ARM; elsewhere `has_no_network` says so, and `doctor` tells the operator. What
of the files it may reach: landlock.py.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
from contextlib import suppress
from pathlib import Path
from struct import pack

from src.attachments.sandbox import landlock

MB = 1024 * 1024
FILE_BYTES = 64 * MB  # that a child may write: pictures for OCR
OPEN_FILES = 256
NICENESS = 5  # weight 335 against the 1024 of others (sched_prio_to_weight, Linux)

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of classic BPF, linux/filter.h
_AT_NUMBER, _AT_ARCHITECTURE = 0, 4  # in struct seccomp_data
_X32_CALLS = 0x40000000  # another way to call the same on x86-64

# Architecture as the kernel numbers it, and the calls refused: socket, ptrace, process_vm_readv and _writev,
# io_uring_setup, pidfd_getfd (asm/unistd.h).
_CALLS = {
    "x86_64": (0xC000003E, (41, 101, 310, 311, 425, 438)),
    "aarch64": (0xC00000B7, (198, 117, 270, 271, 425, 438)),
}


def confine(address_space_bytes: int, *, project: Path, own_folder: Path) -> None:
    """Give up the network and other people's files, and bound what this process, and each it starts, may take.

    Cannot be taken back. `project` and `own_folder`: see `landlock.wall_in`.
    """
    for what, bound in (
        (resource.RLIMIT_AS, address_space_bytes),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        _, most = resource.getrlimit(what)
        bound = bound if most == resource.RLIM_INFINITY else min(bound, most)
        resource.setrlimit(what, (bound, bound))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _give_up_capabilities()
    landlock.wall_in(project, own_folder)
    _refuse_calls()


def yield_to_worker() -> None:
    """Let the worker and its neighbours go first where cores are short: reading an attachment may take its time.

    Not the last place: a quarter of a core that all want is enough for every bound in wall time. Where the kernel
    groups processes by session (autogroup), niceness counts within the group only, so the group is moved as well.
    """
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; end at once if it has."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def close_all_but(*kept: int) -> None:
    """Close what this process has open besides standard input, output and errors, and these."""
    below = 3
    for descriptor in (*sorted(kept), OPEN_FILES):
        os.closerange(below, descriptor)
        below = descriptor + 1


def bound_task(seconds: float) -> None:
    """Let this process have so much CPU and, at most, three times so much wall time from now on; it is killed then.

    The parent kills earlier; this is for a child whose parent is gone.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    bound = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (bound if most == resource.RLIM_INFINITY else min(bound, most), most))
    signal.setitimer(signal.ITIMER_REAL, seconds * 3)


def task_is_done() -> None:
    """Take back what `bound_task` set: the wait for the next task has no bound, and uses up none of its time."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))


def has_no_network() -> bool:
    """Tell whether `confine` takes the network away on this machine.

    A kernel that knows filters looks for the one at address 0, and finds a bad address; others refuse the mode itself.
    """
    if platform.machine() not in _CALLS:
        return False
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, 0)
    return ctypes.get_errno() == errno.EFAULT


def _give_up_capabilities() -> None:
    """Be like any other user, should this one be root: root may look into every process (capabilities(7))."""
    header = pack("II", _CAPABILITY_VERSION, 0)
    ctypes.CDLL(None, use_errno=True).capset(header, bytes(24))  # none effective, permitted or inherited


def _refuse_calls() -> None:
    known = _CALLS.get(platform.machine())
    if known is None:
        return
    architecture, calls = known
    steps = [
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        (_IF_EQUAL, 0, len(calls) + 3, architecture),
        (_LOAD, 0, 0, _AT_NUMBER),
        (_IF_AT_LEAST, len(calls) + 1, 0, _X32_CALLS),
        *((_IF_EQUAL, len(calls) - at, 0, call) for at, call in enumerate(calls)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = b"".join(pack("HBBI", *step) for step in steps)
    filter_ = ctypes.create_string_buffer(code, len(code))
    described = pack("HxxxxxxP", len(steps), ctypes.addressof(filter_))  # struct sock_fprog
    program = ctypes.create_string_buffer(described, len(described))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))


def _prctl(option: int, *arguments: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return int(libc.prctl(option, *padded))
