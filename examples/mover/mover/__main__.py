import os
import sys

from mover import log, secrets
from mover.settings import Settings, SettingsError
from mover.worker import Worker


def main() -> int:
    log.to_stdout()
    try:
        secrets.read()
        settings = Settings.from_environment()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return Worker(settings).run()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: that would wait for copies whose messages have been given back.
    os._exit(code)
