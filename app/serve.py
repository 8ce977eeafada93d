"""How the app is started: the words after `python`, the same from every working directory."""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CONFIG = HERE.parent / ".streamlit" / "config.toml"


def arguments(port: int, *, browser: bool = True) -> list[str]:
    """Return the arguments of the Python interpreter that serve the app on the loopback address.

    >>> arguments(8501)[:3]
    ['-m', 'streamlit', 'run']

    Args:
        port: Port to listen on.
        browser: Whether to open the page in the person's browser.
    """
    options = {
        **_flat(tomllib.loads(CONFIG.read_text())),
        "server.headless": not browser,
        "server.port": port,
    }
    words = [
        f"--{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in options.items()
    ]
    return ["-m", "streamlit", "run", str(HERE / "entry" / "run.py"), *words]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested options as dotted names; lists stay in the file, flags cannot carry them."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            found[prefix + name] = value
    return found
