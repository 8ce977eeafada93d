"""A decoder process that misbehaves on command, over the protocol of the real one."""

import os
import signal
import time

from medvis.data import worker


def handle(head, data):  # noqa: C901, PLR0912  one deed a branch
    deed = bytes(data[:9])
    if deed == b"sleep   !":
        time.sleep(600)
    elif deed == b"spin    !":
        while True:
            pass
    elif deed == b"abort   !":
        os.abort()
    elif deed == b"segfault!":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif deed == b"stop    !":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif deed == b"memory  !":
        return {"hoard": len(bytearray(3 << 30))}, []
    elif deed == b"raise   !":
        raise RuntimeError("SEEDTOKEN")
    elif deed == b"print   !":
        print("SEEDTOKEN" * 1000)  # noqa: T201
        os.write(1, b"SEEDTOKEN")
    elif deed == b"leave   !":
        os._exit(3)
    elif deed == b"babble  !":
        return {"refused": "SEEDTOKEN", "facts": {}}, []
    elif deed == b"gossip  !":
        return {"refused": "wrong-modality", "facts": {"modality": "SEEDTOKEN"}}, []
    elif deed == b"files   !":
        with open("/tmp/hostile-decoder-was-here", "wb") as file:  # noqa: PTH123
            file.write(b"x" * 10)
    return {"length": len(data)}, [memoryview(data)]


if __name__ == "__main__":
    worker.serve(handle)
