"""examples/rows against a real PostgreSQL, with TLS and a password, and the emulator's queue. Where there is no PostgreSQL
(Debian's package `postgresql`), they are skipped."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pg8000.dbapi
import pytest

PROGRAM = Path(__file__).parents[2] / "examples/rows"
PASSWORD = "with 'quotes' and ü"


def binaries() -> Path | None:
    """Where PostgreSQL's programs are: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL isn't installed")


def eventually(check: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return answer


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def certificate(folder: Path, name: str) -> Path:
    """One that signs itself, for localhost, with its key beside it."""
    made = folder / f"{name}.crt"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-nodes"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", folder / f"{name}.key", "-out", made, *subject]
    subprocess.run(command, check=True, capture_output=True)
    return made


class Database:
    def __init__(self, folder: Path) -> None:
        self.port, self.authority = free_port(), certificate(folder, "server")
        self.other_authority = certificate(folder, "other")
        (folder / "password").write_text(PASSWORD)
        # It refuses to run as root.
        someone: dict[str, Any] = {}
        if os.getuid() == 0:
            someone = {"user": "postgres", "group": "postgres", "extra_groups": []}
            owner = pwd.getpwnam("postgres")
            for path in [folder, *folder.iterdir()]:
                os.chown(path, owner.pw_uid, owner.pw_gid)
            # pytest's folders are for their owner alone.
            for path in [folder.parent, folder.parent.parent]:
                path.chmod(0o711)
        (folder / "server.key").chmod(0o600)
        tools = binaries()
        assert tools
        data = folder / "data"
        made = [tools / "initdb", "-D", data, "-U", "worker", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
        subprocess.run([*made, "-E", "UTF8", "--locale=C"], check=True, capture_output=True, cwd=folder, **someone)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": str(folder / "server.crt"),
            "ssl_key_file": str(folder / "server.key"),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with open(folder / "log", "w") as log:
            command = [tools / "postgres", "-D", data, *options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **someone)
        eventually(lambda: answers(self.port), "the start of PostgreSQL")

    def rows(self) -> list[str]:
        """The bodies, and none before somebody has made the table."""
        login = {"user": "worker", "password": PASSWORD, "database": "postgres"}
        connection = pg8000.dbapi.connect(host="127.0.0.1", port=self.port, **login)
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT body FROM jobs ORDER BY body")
            return [body for (body,) in cursor.fetchall()]
        except pg8000.dbapi.DatabaseError:
            return []
        finally:
            connection.close()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    there = Database(tmp_path_factory.mktemp("postgresql"))
    yield there
    # A fast shutdown (https://www.postgresql.org/docs/current/server-shutdown.html).
    there.process.send_signal(signal.SIGINT)
    there.process.wait(30)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = free_port(), tmp_path_factory.mktemp("ministack")
    more = {"MINISTACK_HOST": "127.0.0.1", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with open(folder / "log", "w") as log:
        ministack = Path(sys.executable).parent / "ministack"
        process = subprocess.Popen([ministack], env=os.environ | more, cwd=folder, stdout=log, stderr=log)
    eventually(lambda: answers(port), "the start of ministack")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


class Place:
    """A queue, and the program as it lies on an instance, with the database's authority in it."""

    def __init__(self, database: Database, endpoint: str, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "us-east-2",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "DATABASE_HOST": "localhost",
            "DATABASE_PORT": str(database.port),
            "DATABASE_NAME": "postgres",
            "DATABASE_LOGIN": json.dumps({"username": "worker", "password": PASSWORD}),
        }
        self.sqs = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name="us-east-2",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.queue = self.sqs.create_queue(QueueName=folder.name)["QueueUrl"]
        self.environment["QFLEET_QUEUE_URL"] = self.queue
        for name in ["rows.py", "run"]:
            shutil.copy(PROGRAM / name, folder)
        shutil.copy(database.authority, folder / "rds.pem")
        self.started: list[subprocess.Popen[bytes]] = []

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def start(self, **more: str) -> subprocess.Popen[bytes]:
        with open(self.folder / "log", "ab") as log:
            command = [self.folder / "run"]
            process = subprocess.Popen(command, env=self.environment | more, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def said(self) -> str:
        return (self.folder / "log").read_text()

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def place(database: Database, endpoint: str, tmp_path: Path) -> Iterator[Place]:
    there = Place(database, endpoint, tmp_path)
    yield there
    for process in there.started:
        process.kill()
        process.wait(30)


def test_two_workers_that_start_at_once_write_one_row_for_each_message(place: Place) -> None:
    bodies = [f"job {number:02}, ü '; DROP TABLE jobs" for number in range(20)]
    place.send(*bodies)
    workers = [place.start(), place.start()]
    eventually(lambda: place.left() == 0, "the queue is empty")
    for worker in workers:
        worker.terminate()
        # It may be in a long poll of 20 s.
        assert worker.wait(40) == 0, place.said()
    assert [row for row in place.database.rows() if row in bodies] == bodies
    assert PASSWORD not in place.said()


def test_a_message_that_comes_twice_is_one_row(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(place.folder))
    for name in ("HOST", "PORT", "NAME", "LOGIN"):
        monkeypatch.setenv(f"DATABASE_{name}", place.environment[f"DATABASE_{name}"])
    import rows

    connection = rows.connect()
    for body in ("twice", "twice, and the second one differs"):
        rows.write(connection, {"MessageId": "one", "Body": body})
    connection.close()
    assert [row for row in place.database.rows() if row.startswith("twice")] == ["twice"]


def test_a_login_that_is_refused_ends_it_and_its_message_waits(place: Place) -> None:
    place.send("never written")
    worker = place.start(DATABASE_LOGIN=json.dumps({"username": "worker", "password": "old"}))
    assert worker.wait(60) == 1
    assert "the database refuses the login" in place.said() and "old" not in place.said()
    assert (place.left(), "never written" in place.database.rows()) == (1, False)


def test_a_server_of_another_authority_is_not_told_the_password(place: Place) -> None:
    shutil.copy(place.database.other_authority, place.folder / "rds.pem")
    place.send("not for strangers")
    place.start()
    eventually(lambda: "next try in 2 s" in place.said(), "a second try")
    assert "CERTIFICATE_VERIFY_FAILED" in place.said()
    assert "not for strangers" not in place.database.rows()
