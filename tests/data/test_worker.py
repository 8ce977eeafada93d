"""Whatever a decoder does, the next film is read: hang, abort, stop, take all memory, talk out of turn."""

import os
import threading
import time
from pathlib import Path

import pytest

from medvis.data import pipes
from medvis.data.verdict import Refused
from medvis.data.worker import Pool, Worker


@pytest.fixture(scope="module")
def worker():
    hostile = Worker("hostile_decoder")
    yield hostile
    hostile.stop()


def verdict(worker, deed, seconds=0.5):
    with pytest.raises(Refused) as caught:
        worker.ask({}, deed, seconds=seconds)
    return caught.value.code


DEEDS = {
    b"sleep   !": "too-slow",
    b"spin    !": "too-slow",
    b"stop    !": "too-slow",
    b"abort   !": "decoder-died",
    b"segfault!": "decoder-died",
    b"leave   !": "decoder-died",
    b"babble  !": "decoder-died",
    b"gossip  !": "decoder-died",
    b"memory  !": "memory",
    b"raise   !": "damaged",
}


@pytest.mark.parametrize("deed", DEEDS)
def test_the_next_good_file_is_answered_after_any_deed(worker, deed):
    assert verdict(worker, deed, seconds=0.5 if DEEDS[deed] == "too-slow" else 20.0) == DEEDS[deed]
    answer, payload = worker.ask({}, b"good", seconds=20.0)
    assert answer == {"length": 4}
    assert payload == b"good"


def test_a_decoder_that_spins_is_stopped_by_its_processor_time():
    patient = Worker("hostile_decoder", patience=900.0)
    began = time.monotonic()
    assert verdict(patient, b"spin    !", seconds=0.1) == "too-slow"
    assert time.monotonic() - began < 80, "only the wall clock stopped it"
    assert patient.ask({}, b"good", seconds=20.0)[1] == b"good"
    patient.stop()


def test_a_verdict_never_repeats_what_a_decoder_said(worker):
    with pytest.raises(Refused) as caught:
        worker.ask({}, b"raise   !", seconds=20.0)
    assert "SEEDTOKEN" not in f"{caught.value!r} {caught.value.facts} {caught.value.__cause__!r}"


def test_what_a_decoder_prints_is_no_answer(worker):
    assert worker.ask({}, b"print   !", seconds=20.0)[0] == {"length": 9}


def test_the_process_can_write_no_file(worker):
    with pytest.raises(Refused):
        worker.ask({}, b"files   !", seconds=20.0)
    left = Path("/tmp/hostile-decoder-was-here")
    assert not left.exists() or left.stat().st_size == 0
    left.unlink(missing_ok=True)


def test_a_killed_process_leaves_no_zombie_and_no_child(worker):
    worker.ask({}, b"good", seconds=20.0)
    child = worker._process.pid
    worker.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_large_files_pass_both_ways(worker):
    data = os.urandom(12 << 20)
    assert worker.ask({}, data, seconds=60.0)[1] == data


def test_a_stopped_process_that_does_not_read_is_given_up_on_time(worker):
    worker.ask({}, b"good", seconds=20.0)
    os.kill(worker._process.pid, 19)  # SIGSTOP
    began = time.monotonic()
    assert verdict(worker, b"x" * (4 << 20), seconds=0.5) == "too-slow"
    assert time.monotonic() - began < 5


def test_a_fork_starts_a_process_of_its_own(worker):
    worker.ask({}, b"good", seconds=20.0)
    parents = worker._process.pid
    child = os.fork()
    if child == 0:
        good = worker.ask({}, b"fork", seconds=60.0)[1] == b"fork" and worker._process.pid != parents
        worker.stop()
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert worker.ask({}, b"good", seconds=20.0)[1] == b"good"
    assert worker._process.pid == parents


def test_a_module_that_cannot_start_is_said():
    assert verdict(Worker("no_such_module_anywhere"), b"x") == "no-worker"


def test_threads_share_two_processes_and_get_their_own_answers():
    pool = Pool(2, "hostile_decoder")
    wrong = []

    def ask(number):
        for turn in range(10):
            data = bytes([number, turn]) * 500
            if pool.ask({}, data, seconds=60.0)[1] != data:
                wrong.append((number, turn))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.stop()
    assert not wrong


@pytest.mark.parametrize(
    "head",
    [b"[]", b'"x"', b"{}", b'{"bytes": -1}', b'{"bytes": 1e99}', b"[" * 60000, b"\xff", b'{"bytes": 5'],
)
def test_what_is_no_message_is_told_apart(head):
    reading, writing = os.pipe()
    os.write(writing, len(head).to_bytes(4, "big") + head)
    os.close(writing)
    with pytest.raises(ValueError):  # noqa: PT011  whichever it is, the worker is replaced
        pipes.receive(reading)
    os.close(reading)


def test_the_other_side_of_a_closed_pipe_is_gone():
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(EOFError):
        pipes.receive(reading)
    os.close(reading)
