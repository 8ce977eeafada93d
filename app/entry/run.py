"""What `streamlit run` is given: it draws the app once for every change.

It does not lie beside `pages/`, whose files Streamlit would otherwise run as scripts of their own: a deep
link that is the first of a fresh server would then end on an empty page.
"""

import sys
from pathlib import Path

if (root := str(Path(__file__).parents[2])) not in sys.path:
    sys.path.insert(0, root)

from app.main import main

main()
