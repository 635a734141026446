"""Which system calls a worker may make: names with their numbers on x86-64 and on arm64.

All others are refused, those of kernels to come included: a list of what is allowed ages safely.
What Landlock does not look at (modes, owners, times, attributes of files, `truncate` by name on
older kernels) is not on the list either: files of the same user would be in its reach. Nor is
`openat2`, whose flags the filter cannot see: programs take `openat` instead.
The numbers are the kernel's and never change; "-" where an architecture does not have the call.
"""

ALLOWED = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69,
pwritev 296 70, preadv2 327 286, pwritev2 328 287, lseek 8 62,
creat 85 -, close 3 57, close_range 436 436, dup 32 23, dup2 33 -, dup3 292 24,
pipe 22 -, pipe2 293 59, poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72,
epoll_create 213 -, epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232 -,
epoll_pwait 281 22, epoll_pwait2 441 441, eventfd 284 -, eventfd2 290 19, timerfd_create 283 85,
timerfd_settime 286 86, timerfd_gettime 287 87, stat 4 -, lstat 6 -, fstat 5 80,
newfstatat 262 79, statx 332 291, statfs 137 43, fstatfs 138 44, access 21 -, faccessat 269 48,
faccessat2 439 439, readlink 89 -, readlinkat 267 78, getdents 78 -, getdents64 217 61,
getcwd 79 17, chdir 80 49, fchdir 81 50, umask 95 166, rename 82 -, renameat 264 38,
renameat2 316 276, mkdir 83 -, mkdirat 258 34, rmdir 84 -, link 86 -, linkat 265 37,
unlink 87 -, unlinkat 263 35, symlink 88 -, symlinkat 266 36, ftruncate 77 46,
fadvise64 221 223, fsync 74 82, fdatasync 75 83, sync_file_range 277 84,
sendfile 40 71, copy_file_range 326 285, mmap 9 222, munmap 11 215,
mremap 25 216, mprotect 10 226, madvise 28 233, msync 26 227, mincore 27 232, brk 12 214,
mseal 462 462, pkey_mprotect 329 288, pkey_alloc 330 289, pkey_free 331 290,
map_shadow_stack 453 453, futex 202 98, futex_waitv 449 449, futex_wait 455 455,
futex_wake 454 454, futex_requeue 456 456, set_robust_list 273 99, rseq 334 293,
membarrier 324 283, set_tid_address 218 96, arch_prctl 158 -, rt_sigaction 13 134,
rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136, rt_sigsuspend 130 133,
rt_sigtimedwait 128 137, sigaltstack 131 132, pause 34 -, alarm 37 -, getitimer 36 102,
setitimer 38 103, restart_syscall 219 128, nanosleep 35 101, clock_nanosleep 230 115,
clock_gettime 228 113, clock_getres 229 114, gettimeofday 96 169, time 201 -, times 100 153,
sched_yield 24 124, sched_getaffinity 204 123, sched_getparam 143 121,
sched_getscheduler 145 120, sched_get_priority_max 146 125, sched_get_priority_min 147 126,
getcpu 309 168, getpriority 140 141, getpid 39 172, gettid 186 178, getppid 110 173,
getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, getresuid 118 148,
getresgid 120 150, getgroups 115 158, getpgrp 111 -, getrlimit 97 163, getrusage 98 165,
uname 63 160, sysinfo 99 179, getrandom 318 278, wait4 61 260, waitid 247 95,
sendto 44 206, recvfrom 45 207, shutdown 48 210, exit 60 93, exit_group 231 94
"""
"""Harmless by themselves; where files are named, the file wall decides which."""

CHECKED = """
open 2 -, openat 257 56, kill 62 129, tgkill 234 131, clone 56 220, prctl 157 167,
prlimit64 302 261, sched_setaffinity 203 122, fcntl 72 25, ioctl 16 29
"""
"""Allowed with some arguments only; `seccomp.checks` says which."""

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""What `platform.machine()` says → the column in these tables, and the kernel's own name for it."""


def numbers(table: str, machine: str) -> dict[str, int]:
    """Name → number on one architecture."""
    column, _ = ARCHITECTURES[machine]
    rows = (row.split() for row in table.replace("\n", " ").split(","))
    return {name: int(pair[column]) for name, *pair in rows if pair[column] != "-"}
