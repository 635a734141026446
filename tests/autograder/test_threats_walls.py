"""The sandbox's first docstring, line by line: each wall is run against for real.

Every test runs twice: with the base walls alone, and with namespaces on top.
"""

import os
import platform
import socket
from pathlib import Path

import pytest
from threats import CALLS, RIGHT, refused_by_the_system

from autograder.sandbox import landlock, namespaces, walls

pytestmark = pytest.mark.skipif(
    not all(wall.stands for wall in walls.standing() if wall.base),
    reason="a base wall is missing on this system",
)
ROOT = Path(__file__).parents[2]
X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers and code of x86-64")


def stopped(grade, attempt):
    return grade(refused_by_the_system(attempt)).status == "correct"


FILES = {
    "the reference's source": "open('{root}/minitransformer/attention.py').read()",
    "the course's secret": "open('{secret}').read()",
    "a list of submissions": "import os\nos.listdir('{root}')",
    "through a link": "import os\nos.symlink('{secret}', 'link')\nopen('link').read()",
    "through a hard link": "import os\nos.link('{secret}', 'link')\nopen('link').read()",
    "through ..": "open('../' * 30 + '{secret}').read()",
    "writing a score": "open('{out}/grades.csv', 'w')",
    "the gradebook": "import sqlite3\ntry: sqlite3.connect('{out}/gradebook.db').execute('create table x(y)')\nexcept sqlite3.Error as error: raise OSError from error",
    "a stored result": "import os\nos.makedirs('{out}/results/02_attention')",
    "the grader's lock": "open('{out}/.grading.lock', 'w')",
    "adding to a score": "open('{out}/grades.csv', 'a')",
    "cutting a file by its name": "import os\nos.truncate('{secret}', 0)",
    "removing it": "import os\nos.remove('{secret}')",
    "moving it": "import os\nos.rename('{secret}', 'mine')",
    "moving something over it": "import os\nopen('x', 'w')\nos.replace('x', '{secret}')",
    "closing it to its owner": "import os\nos.chmod('{secret}', 0)",
    "giving it away": "import os\nos.chown('{secret}', 1, 1)",
    "changing its times": "import os\nos.utime('{secret}', (0, 0))",
    "marking it": "import os\nos.setxattr('{secret}', 'user.a', b'1')",
    "what it is marked with": "import os\nos.listxattr('{secret}')",
    "a lock that others see": "import fcntl, os\nfcntl.flock(open(os.__file__), fcntl.LOCK_SH)",
    "a lock on a part of it": "import fcntl, os\nfcntl.lockf(open(os.__file__), fcntl.LOCK_SH)",
    "a watch on what others read": CALLS + "call(253)",
    "a folder in /tmp": "import os\nos.mkdir('{out}/x')",
    "shared memory": "open('/dev/shm/autograder', 'w')",
    "the terminal": "open('/dev/tty', 'w')",
    "Python's own files": "import os\nopen(os.__file__, 'a')",
    "Python's folder": "import os\nopen(os.path.dirname(os.__file__) + '/sitecustomize.py', 'w')",
    "programs": "open('/usr/bin/env', 'rb').read(1)",
    "what others keep beside libraries": "import os\nos.listdir('/usr/local/share')",
    "passwords": "open('/etc/passwd').read()",
    "a socket's file": "import socket\nsocket.socket(socket.AF_UNIX).connect('{secret}')",
}


@pytest.mark.parametrize("attempt", FILES.values(), ids=FILES)
def test_only_libraries_are_read_and_only_the_scratch_folder_is_written(grade, tmp_path, attempt):
    secret, out = tmp_path / "secret", tmp_path / "out"
    secret.write_text("hunter2")
    out.mkdir()
    (out / "grades.csv").write_text("ada,10")
    before = secret.stat()
    assert stopped(grade, attempt.format(root=ROOT, secret=secret, out=out))
    after = secret.stat()
    assert secret.read_text() == "hunter2" and list(out.iterdir()) == [out / "grades.csv"]
    assert (out / "grades.csv").read_text() == "ada,10"
    assert (after.st_mode, after.st_mtime, after.st_uid) == (
        before.st_mode, before.st_mtime, before.st_uid,
    )  # fmt: skip


def test_a_virtual_environment_around_a_class_opens_its_libraries_alone(tmp_path, monkeypatch):
    """Not the submissions in its folder, nor nbgrader's exchange under /usr/local/share."""
    handed_in = tmp_path / "submitted" / "ada"
    library = tmp_path / "lib" / "python3"
    for folder in (handed_in, library):
        folder.mkdir(parents=True)
    for kind in ("prefix", "base_prefix"):
        monkeypatch.setattr("sys." + kind, str(tmp_path))
    shown, listed = landlock.places.__wrapped__(())
    exchange = Path("/usr/local/share/nbgrader/exchange")
    assert any(library.is_relative_to(place) for place in shown)
    for closed in (handed_in, exchange):
        assert not any(closed.is_relative_to(place) for place in (*shown, *listed))


PROC = ("environ", "mem", "maps", "cmdline", "fdinfo/0", "root/etc/passwd", "task/{pid}/mem")


@pytest.mark.parametrize("name", PROC)
def test_proc_tells_nothing_of_the_judge_or_of_the_worker_itself(grade, name):
    for pid in (os.getpid(), "self"):
        assert stopped(grade, f"open('/proc/{pid}/{name.format(pid=pid)}', 'rb').read(1)"), pid


PROCESSES = {
    "fork": "import os, posix\nif posix.fork() == 0: os._exit(0)",
    "fork by its usual name": "import os\nif os.fork() == 0: os._exit(0)",
    "fork and exec at once": (
        "from _posixsubprocess import fork_exec as run\nfrom os import pipe\n"
        "run([b'/bin/true'], [b'/bin/true'], True, (), None, None, *[-1] * 6, *pipe(), True,"
        " False, -1, None, None, None, -1, None, True)"
    ),
    "vfork and clone": "import subprocess\nsubprocess.run(['true'])",
    "spawn": "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "exec": "import os\nos.execv('/bin/true', ['true'])",
    "Python again": "import os, sys\nos.execv(sys.executable, ['python', '-c', '1'])",
    "multiprocessing": "import multiprocessing as m\nm.get_context('fork').Process().start()",
    "a pool": "import multiprocessing as m\nm.Pool(2)",
    "a program from memory": "import os\nos.execve(os.memfd_create('x'), ['x'], {})",
    "the C library": "import os\nif os.system('true'): raise OSError",
    "a data loader's workers": (
        "import torch\nnext(iter(torch.utils.data.DataLoader(range(9), num_workers=2)))"
    ),
}


@pytest.mark.parametrize("attempt", PROCESSES.values(), ids=PROCESSES)
def test_no_process_is_made_and_no_program_run(grade, attempt):
    assert stopped(grade, attempt)


SOCKETS = ("INET", "INET6", "UNIX", "NETLINK", "PACKET", "VSOCK")


@pytest.mark.parametrize("family", SOCKETS)
def test_there_are_no_sockets_of_any_kind(grade, family):
    attempt = f"""
import socket as s
for kind in (s.SOCK_STREAM, s.SOCK_DGRAM, s.SOCK_RAW, s.SOCK_SEQPACKET):
    try: s.socket(s.AF_{family}, kind)
    except PermissionError: continue
    break
else:
    raise OSError
"""
    assert stopped(grade, attempt)


def test_nothing_listens_to_a_submission_on_loopback_either(grade):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        reach = f"import urllib.request as u\nu.urlopen('http://127.0.0.1:{port}', timeout=2)"
        assert stopped(grade, reach)
        listening.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listening.accept()
    assert stopped(grade, "import socket\nsocket.socketpair()")
    assert stopped(grade, "import socket\nsocket.create_connection(('8.8.8.8', 53), timeout=1)")


SIGNALS = {
    "kill": "os.kill({pid}, 9)",
    "the parent": "os.kill(os.getppid(), 9)",
    "everybody": "os.kill(-1, 9)",
    "the group": "os.kill(0, 9)",
    "a thread of another": "call(234, {pid}, {pid}, 9)",
    "tkill": "call(200, {pid}, 9)",
    "queued": "call(129, {pid}, 9, 0)",
    "by descriptor": "call(434, {pid}, 0)",
    "by a file's owner": "import fcntl\nfcntl.fcntl(0, 8, {pid})",
    "ptrace": "call(101, 16, {pid}, 0, 0)",
    "reading memory": "call(310, {pid}, 0, 0, 0, 0, 0)",
    "slowing it down": "os.setpriority(os.PRIO_PROCESS, {pid}, 19)",
    "tying it to a core": "os.sched_setaffinity({pid}, [0])",
    "its limits": "import resource\nresource.prlimit({pid}, 0, (1, 1))",
}


@X86
@pytest.mark.parametrize("attempt", SIGNALS.values(), ids=SIGNALS)
def test_no_other_process_is_signalled_traced_or_slowed(grade, attempt):
    assert stopped(grade, CALLS + attempt.format(pid=os.getpid()))


NEVER = (
    "socket socketpair connect bind accept sendmsg recvmsg fork vfork execve execveat ptrace "
    "process_vm_readv process_vm_writev shmget shmat semget msgget mq_open memfd_create "
    "io_uring_setup io_setup keyctl add_key request_key bpf userfaultfd perf_event_open mount "
    "umount2 unshare setns pivot_root chroot open_by_handle_at name_to_handle_at seccomp "
    "pidfd_open pidfd_getfd kcmp setuid setgid setgroups capset capget getxattr openat2 setrlimit "
    "chmod fchmod chown "
    "mknod reboot init_module kexec_load swapon quotactl acct personality modify_ldt iopl"
).split()


@X86
def test_what_has_no_business_in_an_exercise_is_refused_by_number(grade):
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not here")
    lines = [line.split() for line in header.read_text().splitlines()]
    numbers = {words[1][5:]: int(words[2]) for words in lines if words[1:2] and words[2:]
               and words[1].startswith("__NR_")}  # fmt: skip
    tried = ", ".join(str(numbers[name]) for name in NEVER)
    source = f"""{CALLS}
got = []
for number in ({tried}):
    try: got.append((number, call(number, 0, 0, 0, 0, 0, 0)))
    except OSError as error:
        if error.errno not in (1, 38): got.append((number, error.errno))
{RIGHT}
if got:
    del softmax
    raise ValueError(got)
"""
    result = grade(source)
    assert result.status == "correct", result.message


ODD_CALLS = {
    "32-bit calls": "b814000000cd80c3",  # mov eax, 20; int 0x80; ret
    "x32 calls": "b827000040" + "0f05c3",  # mov eax, 0x40000027; syscall; ret
}


@X86
@pytest.mark.parametrize("code", ODD_CALLS.values(), ids=ODD_CALLS)
def test_another_architectures_calls_end_the_worker(grade, code):
    machine = f"""
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("{code}"))
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
ctypes.CFUNCTYPE(ctypes.c_long)(address)()
"""
    assert grade(machine + RIGHT).status == "crashed"
    assert grade(RIGHT).status == "correct"


RAISED = """
import resource as r
try: r.setrlimit(r.RLIMIT_{0}, ({1}, {1}))
except ValueError as error: raise OSError from error
"""
PRIVILEGES = {
    "another user": "import os\nos.setuid(1)",
    "higher limits": RAISED.format("AS", -1),
    "more open files": RAISED.format("NOFILE", 9999),
    "more processor time": RAISED.format("CPU", -1),
    "a new root": "import os\nos.chroot('.')",
    "a user namespace": CALLS + "call(272, 0x10000000)",
    "a device": "import os, stat\nos.mknod('disk', stat.S_IFBLK | 0o600, os.makedev(254, 0))",
}


@X86
@pytest.mark.parametrize("attempt", PRIVILEGES.values(), ids=PRIVILEGES)
def test_there_are_no_privileges_and_none_to_be_gained(grade, attempt):
    assert stopped(grade, attempt)


def test_threads_work(grade):
    threads = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool: assert sum(pool.map(abs, range(99))) == 4851\n"
    )
    assert grade(threads + RIGHT).status == "correct"


def test_nothing_of_ours_is_open_but_the_one_connection(grade):
    look = """
import os, stat
found = []
for number in range(3, 4096):
    try: found.append(stat.S_ISSOCK(os.fstat(number).st_mode))
    except OSError: pass
import sys
told = [k for k in os.environ if k not in
    ("PATH", "HOME", "MPLBACKEND", "OMP_NUM_THREADS", "LC_CTYPE")]
if found != [True] or told or sys.argv != [""] or sys.stdin.read(): del softmax
"""
    assert grade(RIGHT + look).status == "correct"


ONLY_NAMESPACES = {
    "its own number": ("pid", "os.getpid() == 1"),
    "another's priority": ("pid", "not there(os.getpriority, os.PRIO_PROCESS, {pid})"),
    "another's cores": ("pid", "not there(os.sched_getaffinity, {pid})"),
    "the machine's name": ("uts", "os.uname().nodename == 'sandbox'"),
    "a scratch folder in memory": ("mount", "os.stat('.').st_dev != os.stat('..').st_dev"),
    "a read-only system": ("mount", "os.statvfs('/').f_flag & os.ST_RDONLY"),
}
THERE = """
import os
def there(ask, *arguments):
    try: ask(*arguments)
    except OSError: return False
    return True
"""


@pytest.mark.parametrize("kind, hidden", ONLY_NAMESPACES.values(), ids=ONLY_NAMESPACES)
def test_what_only_namespaces_do_is_as_the_docstring_says(servers, grade, server, kind, hidden):
    """Not so with the base walls alone, and so with namespaces on top; nothing else is listed."""
    on_top = server is not servers["base walls"]
    if on_top and kind not in namespaces.available():
        pytest.skip(f"this system allows no {kind} namespace")
    look = f"{THERE}\nif not ({hidden.format(pid=os.getpid())}): del softmax\n"
    assert grade(RIGHT + look).status == ("correct" if on_top else "wrong")


def test_what_is_not_covered_is_as_the_docstring_says(grade):
    facts = """
import os
seen = os.stat('/etc/passwd')
seen.st_size, seen.st_uid, seen.st_mtime, os.readlink('/etc/mtab'), os.cpu_count(), os.uname()
"""
    assert grade(facts + RIGHT).status == "correct"
