"""A worker is an ordinary process to the code in it: signals, children, start method, shared memory, ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from launcher.devices.cpu_quota import num_cores
from launcher.executors import rendezvous
from tests.launcher.cases.scripts import launch
from tests.launcher.conftest import Workplace
from tests.launcher.faults import endings


def test_57_a_forked_child_is_terminated_as_alone(place: Workplace) -> None:
    result = launch(
        place,
        """
        def serve():
            while True:
                time.sleep(1)
        def run(config: dict, run):
            run.log(1, loss=1.0)
            for method in ("fork", "spawn", "forkserver"):
                child = multiprocessing.get_context(method).Process(target=serve, daemon=True)
                child.start()
                if method != "fork":
                    time.sleep(0.3)
                child.terminate()
                child.join()
                run.info(**{method: child.exitcode})
        """,
        kill_after_s=20,
    )
    assert result.code == 0, result.err
    assert place.history("a").info == {"fork": -15, "spawn": -15, "forkserver": -15}


def test_F1_children_have_the_signals_that_they_have_alone(place: Workplace) -> None:
    source = """
        TELL = ("import signal, os; print(*(int(signal.getsignal(n) is h) for n, h in ((2, signal.default_int_handler),"
                "(15, signal.SIG_DFL), (1, signal.SIG_DFL), (12, signal.SIG_DFL), (17, signal.SIG_DFL))),"
                "signal.set_wakeup_fd(-1), len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),"
                "open('/proc/self/status').read().split('SigIgn:')[1].split()[0], os.read(0, 1))")
        def fork(out):
            pid = os.fork()
            if pid == 0:
                os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT), 1)
                exec(TELL)
                sys.stdout.flush()
                os._exit(0)
            os.waitpid(pid, 0)
        def main():
            fork("fork.txt")
            thread = threading.Thread(target=fork, args=("thread.txt",))
            thread.start(), thread.join()
            with open("exec.txt", "w") as out:
                subprocess.run([sys.executable, "-c", TELL], stdout=out, check=True)
        def run(config: dict, run):
            main()
            run.log(1, loss=1.0)
        if __name__ == "__main__":
            main()
        """
    assert launch(place, source).code == 0, place.log("a")
    names = ("fork.txt", "thread.txt", "exec.txt")
    seen = {name: (place.folder / name).read_text() for name in names}
    alone = place.folder / "alone"
    alone.mkdir()
    subprocess.run([sys.executable, "../script.py"], cwd=alone, check=True, stdin=subprocess.DEVNULL)
    assert seen == {name: (alone / name).read_text() for name in names}


def test_F1_pools_in_a_loop_end_each_time(place: Workplace) -> None:
    result = launch(
        place,
        """
        def run(config: dict, run):
            for step in range(1, 61):
                with multiprocessing.Pool(2) as pool:
                    run.log(step, loss=sum(pool.map(abs, [-1, 2])))
        """,
        kill_after_s=20,
    )
    assert result.code == 0, result.err
    assert len(place.history("a").steps) == 60


def test_26_a_pool_at_work_does_not_hold_the_slot(place: Workplace) -> None:
    result = launch(
        place,
        """
        POOLS = []
        def run(config: dict, run):
            run.log(1, loss=1.0)
            if config["name"] == "a":
                with multiprocessing.Pool(2) as pool:
                    pool.map_async(time.sleep, [300] * 4)
                    time.sleep(0.1)
            POOLS.append(multiprocessing.Pool(2))
            POOLS[0].map_async(time.sleep, [300] * 4)
            child = multiprocessing.Process(target=time.sleep, args=(300,), daemon=True)
            child.start()
            time.sleep(0.1)
        """,
        "a",
        "b",
        grace_s=300,
    )
    assert result.code == 0, result.err
    assert endings(place) == {"a": "done", "b": "done"}


def test_07_the_target_chooses_its_start_method(place: Workplace) -> None:
    result = launch(
        place,
        """
        def child(queue):
            queue.put(multiprocessing.get_start_method())
        def run(config: dict, run):
            run.info(first=str(multiprocessing.get_start_method(allow_none=True)))
            multiprocessing.set_start_method("spawn")
            queue = multiprocessing.SimpleQueue()
            process = multiprocessing.Process(target=child, args=(queue,))
            process.start()
            run.info(child=queue.get(), name=multiprocessing.current_process().name)
            process.join()
            try:
                multiprocessing.set_start_method("fork")
            except RuntimeError as error:
                run.info(again=str(error))
            multiprocessing.set_start_method("fork", force=True)
            run.log(1, loss=1.0)
        """,
    )
    assert result.code == 0, result.err
    expected = {"first": "None", "child": "spawn", "name": "MainProcess", "again": "context has already been set"}
    assert place.history("a").info == expected


def test_08_shared_memory_is_freed_with_its_worker(place: Workplace) -> None:
    before = set(os.listdir("/dev/shm"))
    result = launch(
        place,
        """
        from multiprocessing.shared_memory import SharedMemory
        def run(config: dict, run):
            if config["name"] == "last":
                time.sleep(0.5)
                run.info(left=" ".join(os.listdir("/dev/shm")))
                return
            memory = SharedMemory(create=True, size=1 << 20)
            run.info(memory=memory.name)
            run.log(1, loss=1.0)
            if config["name"] == "fails":
                raise ValueError("told to fail")
            if config["name"] == "killed":
                time.sleep(0.2)  # for the tracker to know of it
                os.kill(os.getpid(), signal.SIGKILL)
        """,
        "forgets",
        "fails",
        "killed",
        "last",
    )
    assert endings(place) == {"forgets": "done", "fails": "failed", "killed": "killed", "last": "done"}
    left = set(place.history("last").info["left"].split())
    names = {place.history(name).info["memory"].lstrip("/") for name in ("forgets", "fails", "killed")}
    assert len(names) == 3
    assert not names & left
    assert "resource_tracker" not in result.err
    assert set(os.listdir("/dev/shm")) <= before | left


def test_31_each_slot_has_a_port_of_its_own(place: Workplace) -> None:
    source = """
        def run(config: dict, run):
            run.info(address=os.environ["MASTER_ADDR"], port=os.environ["MASTER_PORT"])
            import socket
            server = socket.create_server(("127.0.0.1", int(os.environ["MASTER_PORT"])))
            run.log(1, loss=1.0)
            other = {"a": "b", "b": "a"}[config["name"]]
            Path(config["name"]).touch()
            while not Path(other).exists(): time.sleep(0.01)
        """
    if num_cores() < 2:
        pytest.skip("one core is all there is: no two slots")
    assert launch(place, source, "a", "b", options=("--parallel",)).code == 0
    ports = {place.history(name).info["port"] for name in "ab"}
    assert len(ports) == 2
    assert all(29500 <= int(port) < 32768 for port in ports)
    assert place.history("a").info["address"] == "127.0.0.1"


def test_31_a_port_that_is_taken_is_passed_over_and_one_that_is_set_is_left() -> None:
    first = rendezvous.environment(3, {})
    with socket.create_server(("", int(first["MASTER_PORT"]))):
        assert rendezvous.environment(3, {})["MASTER_PORT"] != first["MASTER_PORT"]
    assert rendezvous.environment(3, {"MASTER_PORT": "1"}) == {}
    assert rendezvous.environment(3, {"MASTER_ADDR": "host"})["MASTER_ADDR"] == "host"
