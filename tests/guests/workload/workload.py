# SPDX-License-Identifier: Apache-2.0
"""What runs in the guest: redis with data, and a Python handler that has been run before, so that
its files are in the page cache. Commands are lines on the serial console:

  python WORD   run handler.py in a new interpreter; "ANSWER digest"
  redis N       get N keys in an order that N gives; "ANSWER digest"
  poweroff
"""
import hashlib
import os
import random
import socket
import subprocess
import sys
import time

from redis import Redis

SOCKET = "/run/redis"
KEYS = 8192
VALUE_SIZE = 4096  # 32 MiB in all


def start_redis():
    """A connection to it."""
    subprocess.Popen(["redis-server", "--unixsocket", SOCKET, "--port", "0", "--save", "",
                      "--appendonly", "no", "--dir", "/run"], stdout=subprocess.DEVNULL)
    while True:
        try:
            stream = socket.socket(socket.AF_UNIX)
            stream.connect(SOCKET)
            return Redis(stream)
        except OSError:
            time.sleep(0.1)


def value(key):
    """Not compressible, and not the same in any two pages."""
    return random.Random(key).randbytes(VALUE_SIZE)


def fill(redis):
    for key in range(KEYS):
        redis.call("SET", f"key:{key}", value(key))


def ask_redis(redis, count):
    digest = hashlib.sha256()
    for key in random.Random(count).sample(range(KEYS), count):
        digest.update(redis.call("GET", f"key:{key}"))
    return f"ANSWER {digest.hexdigest()}"


def ask_python(word):
    done = subprocess.run([sys.executable, "/handler.py", word], stdout=subprocess.PIPE, text=True,
                          check=True)
    return done.stdout.strip()


def main():
    redis = start_redis()
    fill(redis)
    ask_python("warm")
    print("READY", flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "python":
            print(ask_python(argument), flush=True)
        elif command == "redis":
            print(ask_redis(redis, int(argument)), flush=True)
        elif command == "poweroff":
            subprocess.run(["busybox", "poweroff", "-f"], check=False)
        else:
            print("ERROR what?", flush=True)


if os.getpid() == 1:
    main()
