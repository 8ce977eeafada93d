"""Findings as the two texts that a model is asked to choose between; every text is ours and is printed."""

from collections.abc import Iterable

from medvis.types import Study

# Labels whose own name makes no sentence, or whose denial is not "no ...".
_SPELT: dict[str, tuple[str, str]] = {
    "no finding": ("no acute cardiopulmonary abnormality", "abnormal chest radiograph"),
    "normal": ("no acute cardiopulmonary abnormality", "abnormal chest radiograph"),
    "abnormal": ("abnormal chest radiograph", "no acute cardiopulmonary abnormality"),
    "covid-19": ("covid-19 pneumonia", "no covid-19 pneumonia"),
    "ards": ("acute respiratory distress syndrome", "no acute respiratory distress syndrome"),
    "sars": ("severe acute respiratory syndrome", "no severe acute respiratory syndrome"),
    "mers": ("middle east respiratory syndrome", "no middle east respiratory syndrome"),
    "effusion": ("pleural effusion", "no pleural effusion"),
    "edema": ("pulmonary edema", "no pulmonary edema"),
    "mass": ("lung mass", "no lung mass"),
    "nodule": ("lung nodule", "no lung nodule"),
    "infiltration": ("pulmonary infiltrate", "no pulmonary infiltrate"),
    "fibrosis": ("pulmonary fibrosis", "no pulmonary fibrosis"),
    "hernia": ("hiatal hernia", "no hiatal hernia"),
}
# Labels that name what a pneumonia comes from.
_PNEUMONIAS = frozenset({
    "aspergillosis", "aspiration", "bacterial", "chlamydophila", "e.coli", "eosinophilic", "fungal", "h1n1",
    "herpes", "influenza", "klebsiella", "legionella", "lipoid", "mrsa", "mycoplasma", "nocardia",
    "organising", "pneumocystis", "staphylococcus", "streptococcus", "varicella", "viral",
})  # fmt: skip


def pair(finding: str) -> tuple[str, str]:
    """Return the text that says a finding is there and the one that says it is not.

    >>> pair("Pleural_Thickening")
    ('pleural thickening', 'no pleural thickening')

    Source: the pair "{}" / "no {}" is CheXzero's.
    """
    name = " ".join(finding.replace("_", " ").split()).lower()
    if name in _PNEUMONIAS:
        name = f"{name} pneumonia"
    return _SPELT.get(name, (name, f"no {name}"))


def findings(studies: Iterable[Study]) -> tuple[str, ...]:
    """Return the names of all labels that the studies know, sorted."""
    return tuple(sorted({name for study in studies for name in study.labels}))


def texts(names: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of all pairs, each once."""
    return tuple(dict.fromkeys(text for name in names for text in pair(name)))
