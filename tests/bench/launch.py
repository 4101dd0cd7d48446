"""Runs a command and writes what it took to a file descriptor: launch.py FD COMMAND…

Linux counts the memory of the process that starts another one as that one's own until it has begun. So nothing is
imported here that isn't needed: run with `python -I -S`, this is a small process to be started from.
"""

import os
import sys
import time

told, command = int(sys.argv[1]), sys.argv[2:]
began = time.time()
process = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(process, 0)
ended = time.time()
figures = (os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss, began, ended)
os.write(told, " ".join(map(repr, figures)).encode())
