"""How to read each figure, what the words mean, the limits, the keys and the papers."""

import streamlit as st

from app import state

TITLE, GROUP, ORDER = "Read me", "Evidence", 90

FIGURES = {
    "Film and word maps (Case)": (
        "where this run looks for a word that is pointed at. The number is attention in multiples of "
        "uniform: 1× is what a model that looks everywhere alike gives each cell, 5× is five times that. "
        "The scale is the same for every word, film and run, and opacity grows from zero with the value. "
        "The contour is the threshold. A denied sentence (⊘) has a dashed contour and no fill. Hatched means "
        "that the model never saw that part: unknown, not zero.",
        "the place of a finding. A map below 1.5× has no region that stands out and is not drawn. If it "
        "correlates above 0.9 with the report's other words, it hardly depends on the word.",
    ),
    "Disk (Hierarchy)": (
        "distances from the root, which are exact: rings count them. General items lie near the root, "
        "special ones further out. A contour is the two-dimensional slice of a density through its mean and "
        "holds 50 % or 95 % of that slice. Beside it stands the test in all dimensions: contained or not.",
        "a map of patients. Angles are a projection; what overlaps on the disk need not overlap in the "
        "model. A dashed contour says that drawing and truth disagree.",
    ),
    "Results (Retrieve)": (
        "an exact list in the order of the model's score. A percentile says how many items of this run's "
        "gallery score lower. ✓ same patient, ≈ same finding, – other. The patient's own films and identical "
        "texts are excluded, and counted.",
        "a probability, or as comparable between runs.",
    ),
}
GLOSSARY = {
    "Run": "A trained model with its settings. Its id is a hash of both, so a link keeps its meaning.",
    "Cohort": "Imported films and reports. Its hash covers what it holds.",
    "Density": "A place with a spread: the model's own uncertainty about where an item belongs.",
    "Global, query-conditioned, paired": "What an image's place depends on: the film alone; each text it is "
    "asked about; its own report. Paired places are never used in a score.",
    "Contained": "The divergence of special from general, plus two standard errors, is at most "
    "0.35 times the number of dimensions. The threshold is inferred.",
    "Root distance": "How far an item lies from the most general place.",
    "Display values": "Grey values as exported, not what the detector measured.",
}
KEYS = {
    "I": "invert the film", "Space": "reset window and view", "P (hold)": "peek below the map",
    "G": "native grid or smoothed", "T": "known boxes", "F": "fit", "Esc": "drop the selection",
    "Drag": "brightness (up and down) and contrast (left and right)", "Shift + drag": "move the film",
    "Wheel": "zoom at the pointer", "Arrows in the report": "by word and by sentence",
    "Enter": "keep a word's map; open the worklist's first study", "N, B": "next and previous study",
}  # fmt: skip
LIMITS = (
    "Nothing here is a diagnosis, and no part has been validated for clinical use.",
    "The methods are re-implementations from the papers; settings that a paper does not state are inferred, "
    "and no published number is quoted for them.",
    "Maps, densities and results describe this run on this cohort, not the patient.",
    "Films are shown as imported: 8-bit display values, never mirrored or rotated. Where directions are not "
    "stated, the page says so.",
    "Negation and uncertainty are found by rules and can be wrong.",
)


def show() -> None:
    """Lay out the explanations in a column that can be read."""
    with st.container(width=900):
        _column()


def _column() -> None:
    st.header("How to read each figure")
    for name, (reads, warns) in FIGURES.items():
        st.subheader(name)
        st.text(f"Read it as: {reads}")
        st.text(f"Do not read it as: {warns}")
    st.header("Words")
    st.table({"Word": list(GLOSSARY), "Meaning": list(GLOSSARY.values())}, hide_index=True)
    st.header("Keys")
    st.table({"Key": list(KEYS), "Does": list(KEYS.values())}, hide_index=True)
    st.header("Limits")
    for limit in LIMITS:
        st.text(f"• {limit}")
    st.header("Papers")
    _papers()
    st.header("Data shown here")
    _data()


def _papers() -> None:
    papers = state.papers()
    kinds = [
        "re-implementation, settings inferred" if one.inferred else "re-implementation"
        for one in papers.values()
    ]
    st.table(
        {
            "Method": [name.upper() for name in papers],
            "Paper": [one.title for one in papers.values()],
            "arXiv": [one.arxiv for one in papers.values()],
            "Here": kinds,
        },
        hide_index=True,
    )


def _data() -> None:
    """Name every licence of the cohort with how much is under it."""
    about = state.session().cohort.about
    for name, count in about.get("licences", {}).items():
        st.text(f"{name}: {count:,}")
    if about.get("division"):
        st.text(f"Sides: {about['division']}")
