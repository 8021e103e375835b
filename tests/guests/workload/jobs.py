# SPDX-License-Identifier: Apache-2.0
"""What runs in the guest of test_jobs.py: nginx (files that may be read and written, port 80) and
redis (port 6379) on its network, and handler.py over vsock (port 5000: a line there is answered with
a line). Commands are lines on the serial console:

  load         write and read back blocks of the second disk for a while; "LOAD 0" if all were right
  poweroff
"""
import os
import socket
import subprocess
import sys
import threading
import time

import handler

PORT = 5000
FILES = "/run/files"
# 4096 blocks are written for 34 s, and then read.
LOAD = ["fio", "--name=load", "--filename=/dev/vdb", "--direct=1", "--ioengine=libaio",
        "--iodepth=8", "--rw=randwrite", "--bs=4k", "--size=16m", "--rate_iops=120",
        "--verify=crc32c", "--verify_fatal=1", "--verify_state_save=0", "--output=/run/load"]


def serve_function():
    listener = socket.socket(socket.AF_VSOCK)
    listener.bind((socket.VMADDR_CID_ANY, PORT))
    listener.listen()
    while True:
        connection = listener.accept()[0]
        try:
            with connection, connection.makefile("rw") as stream:
                stream.write(handler.handle(stream.readline().strip()) + "\n")
        except OSError:
            pass  # of a machine before the last thaw


def start(*command):
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/run")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


def load():
    print("LOAD", subprocess.run(LOAD, cwd="/run", check=False).returncode, flush=True)


def main():
    os.mkdir(FILES)
    start("nginx", "-c", "/nginx.conf")
    start("redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "",
          "--appendonly", "no")
    threading.Thread(target=serve_function, daemon=True).start()
    while not (answers(80) and answers(6379)):
        time.sleep(0.1)
    print("READY", flush=True)
    for line in sys.stdin:
        command = line.strip()
        if command == "load":
            threading.Thread(target=load).start()
        elif command == "poweroff":
            subprocess.run(["busybox", "poweroff", "-f"], check=False)
        else:
            print("ERROR what?", flush=True)


main()
