"""A real Chromium on a real server, for every test in this folder."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from serving import app_url, browser_context_args, browser_type_launch_args, home_folder, page

__all__ = ["app_url", "browser_context_args", "browser_type_launch_args", "home_folder", "page"]
