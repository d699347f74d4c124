"""Runs a command and prints what it cost: exit code, wall seconds, CPU seconds, peak resident KiB (bytes on macOS).

A process of its own, and a small one: the kernel counts what a parent holds when it starts a child into the child's
peak, so that a large parent would hide how little memory the child uses. Hence also no imports but these.

    python -I -S launch.py LOG COMMAND...
"""

import os
import sys
import time

log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
nothing = os.open(os.devnull, os.O_RDONLY)
redirect = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
start = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=redirect)
# wait4 gives the resources of this child alone.
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - start
print(os.waitstatus_to_exitcode(status), wall, used.ru_utime + used.ru_stime, used.ru_maxrss)
