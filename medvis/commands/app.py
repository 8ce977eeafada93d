"""Opens the app on your cohorts and runs."""

import os
import subprocess
import sys
from dataclasses import dataclass

import tyro


@dataclass(frozen=True)
class App:
    """Serve the app on this machine until it is stopped with Ctrl-C."""

    port: int = 8501
    """Port on the loopback address."""
    run: str = ""
    """Run to open first; the newest one if empty."""
    browser: bool = True
    """Open the page in the browser."""


def main(words: list[str]) -> int:
    """Serve until stopped; the status is the server's."""
    return serve(tyro.cli(App, args=words, prog="medvis app"))


def serve(options: App) -> int:
    """Start the server in this process's place and wait for it."""
    from app import serve as server

    environment = {**os.environ, "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1")}
    if options.run:
        environment["MEDVIS_RUN"] = options.run
    argv = server.arguments(options.port, browser=options.browser)
    sys.stderr.write(f"medvis: the app opens at http://127.0.0.1:{options.port} (stop it with Ctrl-C)\n")
    return subprocess.call([sys.executable, *argv], env=environment)
