"""Labels that a text names are those it asserts; in doubt none."""

import pytest

from medvis.explain.mentions import mentioned

NAMES = ("Edema", "Effusion", "Mass", "No Finding", "Nodule", "Pleural_Thickening", "Pneumothorax")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Small left pleural effusion, no pneumothorax.", ["Effusion"]),
        ("No effusion or pneumothorax", []),
        ("effusion without pneumothorax", ["Effusion"]),
        ("pneumothorax is not seen", []),
        ("Pneumothorax but no effusion", ["Pneumothorax"]),
        ("no edema but a nodule", ["Nodule"]),
        ("large effusion, no edema, nodule", ["Effusion"]),
        ("possible EDEMA", ["Edema"]),
        ("Nodules. Masses! Pleural\nthickening?", ["Mass", "Nodule", "Pleural_Thickening"]),
        ("no acute cardiopulmonary abnormality", ["No Finding"]),
        ("demassification of noduled effusional ground", []),
        ("", []),
        ("(.*+?[", []),
    ],
)
def test_a_text_names_what_it_asserts(text: str, named: list[str]) -> None:
    assert list(mentioned(text, NAMES)) == named
