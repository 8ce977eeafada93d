"""One page a file: `show()` lays it out; TITLE, GROUP and ORDER place it in the navigation.

A page imports streamlit, `app.*`, `medvis.explain` and `medvis.types`, and computes nothing. It asks
`app.state` for the session and the study; a study that is not here, or whatever else has a name in
`medvis.errors`, may be raised: the frame around the pages tells it.
"""
