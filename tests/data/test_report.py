import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvis.data import certainty, report
from medvis.types import Report

MIMIC = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___ year old woman with cough  // pneumonia?

 COMPARISON:  ___.

 FINDINGS:

 The cardiac silhouette is at the upper limits
 of normal in size.  There is no effusion.

 IMPRESSION:

 1. Mild cardiomegaly.
 2. No pneumonia.

 NOTIFICATION:  Findings were discussed with Dr. ___ at 9:30 a.m.
"""


def texts(findings: str, impression: str = "") -> list[str]:
    return [sentence.text for sentence in report.sentences(Report(findings, impression))]


def test_sections_of_a_report_of_the_mimic_layout() -> None:
    found = report.sections(MIMIC)
    assert found.findings == (
        "The cardiac silhouette is at the upper limits of normal in size. There is no effusion."
    )
    assert found.impression == "1. Mild cardiomegaly.\n2. No pneumonia."


@pytest.mark.parametrize(
    "text",
    [
        "FINDINGS: Clear lungs. IMPRESSION: Normal.",
        "FINIDNGS: Clear lungs. IMPRSSION: Normal.",
        "Findings: Clear lungs.\nImpression : Normal.",
        "History: cough. Findings: Clear lungs. Impression: Normal.",
        "COMPARISON: NONE FINDINGS: Clear lungs. CONCLUSION: Normal.",
        "Comparison to the study of 2004 IMPRESSION: Normal. FINDINGS: Clear lungs.",
        "FINDINGS\n\nClear lungs.\n\nIMPRESSION\n\nNormal.",
        "IMPRESSION: Normal. TECHNIQUE: PA. FINDING: Clear lungs. RECOMMENDATION(S): none.",
    ],
)
def test_headings_are_found_however_they_are_written(text: str) -> None:
    found = report.sections(text)
    assert (found.findings, found.impression) == ("Clear lungs.", "Normal.")


def test_subheadings_stay_in_their_section() -> None:
    assert (
        report.sections("FINDINGS: LUNGS: Clear. HEART: Normal.").findings == "LUNGS: Clear. HEART: Normal."
    )


def test_without_headings_everything_is_findings() -> None:
    assert report.sections("Clear\n lungs.") == Report("Clear lungs.", "")


def test_unheaded_paragraphs_below_other_headings_are_findings() -> None:
    text = "INDICATION: cough\n\nThe lungs are clear.\n"
    assert report.sections(text) == Report("The lungs are clear.", "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Seen by Dr. Smith at 9 a.m. today. Heart 5.5 cm. Clear.",
         ["Seen by Dr. Smith at 9 a.m. today.", "Heart 5.5 cm.", "Clear."]),
        ("Told to Dr. J. K. Smith. Clear.", ["Told to Dr. J. K. Smith.", "Clear."]),
        ("1. Chest. No disease 2. No nodules. 3. Normal",
         ["Chest.", "No disease", "No nodules.", "Normal"]),
        ("(1) No disease (2) Nodule of 2.5 mm. (3) Normal",
         ["No disease", "Nodule of 2.5 mm.", "Normal"]),
        ("Compare with image 2. Clear.", ["Compare with image 2.", "Clear."]),
        ("Lungs clear.No effusion.", ["Lungs clear.", "No effusion."]),
        ("Lungs clear.. . Normal. .", ["Lungs clear..", "Normal."]),
        ("The XXXX are normal. XXXX XXXX. ___. Clear XXXX.", ["The XXXX are normal.", "Clear XXXX."]),
        ("- Lungs clear\n- No effusion", ["Lungs clear", "No effusion"]),
        ("Small nodule (?) on the left. Is it new? Yes!",
         ["Small nodule (?) on the left.", "Is it new?", "Yes!"]),
        ("Opacity, e.g. atelectasis vs. scar. the rest is clear.",
         ["Opacity, e.g. atelectasis vs. scar.", "the rest is clear."]),
        ("T. spine degenerates. Heart size is normal", ["T. spine degenerates.", "Heart size is normal"]),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_would_end_them(text: str, wanted: list[str]) -> None:
    assert texts(text) == wanted


def test_ids_count_within_each_section() -> None:
    found = report.sentences(Report("Clear. Normal heart.", "Normal."))
    assert [sentence.id for sentence in found] == ["f0", "f1", "i0"]
    assert [sentence.section for sentence in found] == ["findings", "findings", "impression"]


@given(st.text(st.sampled_from(list("aB1. ,;:!?()-\n_Xé\t•*µ中")), max_size=80))
def test_spans_point_into_the_section(text: str) -> None:
    last = 0
    for sentence in report.sentences(Report(text, "")):
        assert text[sentence.start : sentence.start + len(sentence.text)] == sentence.text
        assert sentence.start >= last, "sentences overlap"
        last = sentence.start + len(sentence.text)
        assert [word.text for word in sentence.words] == re.findall(r"\w+", sentence.text)
        for word in sentence.words:
            assert text[word.start : word.stop] == word.text


@given(st.text(max_size=60))
def test_only_blanks_list_numbers_and_no_other_word_is_lost(text: str) -> None:
    kept = sum(len(sentence.words) for sentence in report.sentences(Report(text, "")))
    dropped = re.findall(r"[Xx]{2,}|_+|\d{1,2}", text)
    assert kept >= len(re.findall(r"\w+", text)) - len(dropped)


def test_the_hash_is_of_the_words_not_of_the_setting() -> None:
    assert report.text_hash("No  Effusion.\n") == report.text_hash("no effusion.")
    assert report.text_hash("no effusion.") != report.text_hash("no effusions.")


def test_control_characters_become_spaces() -> None:
    assert report.squeeze("a\x00b\ud800c\r\nd") == "a b c d"


@pytest.mark.parametrize(
    ("sentence", "negated", "uncertain"),
    [
        ("No focal consolidation, pleural effusion, or pneumothorax.", True, False),
        ("The heart is normal in size without effusion.", True, False),
        ("There are no XXXX of a pleural effusion.", True, False),
        ("The heart is not enlarged.", True, False),
        ("The effusion has resolved.", True, False),
        ("A pneumothorax is not seen.", True, False),
        ("No suspicious nodules and no findings to suggest edema.", True, False),
        ("Cardiomegaly without edema.", False, False),
        ("No effusion, but there is consolidation.", False, False),
        ("No effusion is seen and mild edema is present.", False, False),
        ("No acute disease, stable cardiomegaly.", False, False),
        ("Opacity on the frontal view which is not evident on the lateral.", False, False),
        ("No significant interval change in the large effusion.", False, False),
        ("No change.", False, False),
        ("No prior films available for comparison.", False, False),
        ("The lung bases are not well seen.", False, False),
        ("The effusion has not significantly changed.", False, False),
        ("Heart size is normal.", False, False),
        ("Right effusion.", False, False),
        ("Opacity may represent pneumonia.", False, True),
        ("Pneumonia cannot be excluded.", False, True),
        ("Difficult to exclude a small effusion.", False, True),
        ("Basilar atelectasis or scarring.", False, True),
        ("Atelectasis versus pneumonia.", False, True),
        ("No effusion or pneumothorax; possible small nodule.", False, True),
        ("Pneumonia is unlikely.", False, True),
        ("CT may be helpful.", False, False),
        ("Follow-up in 6 weeks is suggested.", False, False),
        ("Film of May 2014.", False, False),
        ("", False, False),
    ],
)
def test_what_a_sentence_denies_and_hedges(sentence: str, negated: bool, uncertain: bool) -> None:
    assert certainty.judge(sentence) == (negated, uncertain)
    assert certainty.judge(sentence.upper()) == (negated, uncertain)


CUES = st.sampled_from(
    ["no", "or", ",", "may", "effusion", "not", "seen", "XXXX", ";", "if", "stable", "excluded"]
)


@given(st.lists(CUES, max_size=30))
def test_nothing_is_denied_or_hedged_without_a_cue(words: list[str]) -> None:
    negated, uncertain = certainty.judge(" ".join(words))
    assert not (negated and "effusion" in words and not {"no", "not"} & set(words))
    assert not (uncertain and not {"may", "or", "excluded"} & set(words))


@pytest.mark.parametrize(
    "text", ["no " * 30_000, "1. " * 30_000, "effusion or " * 10_000, "if, " * 20_000, "A:" * 40_000]
)
def test_long_nonsense_takes_little_time(text: str) -> None:
    began = time.monotonic()
    report.sentences(report.sections(text))
    assert time.monotonic() - began < 5


def test_a_third_of_real_sentences_deny_and_few_hedge(prepared: Path) -> None:
    import csv

    with (prepared / "iu_reports" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        found = [
            sentence
            for row in csv.DictReader(file)
            for sentence in report.sentences(Report(row["findings"], row["impression"]))
        ]
    assert len(found) > 18_000
    assert sum(sentence.text[0].isspace() for sentence in found) == 0
    starts = [
        sentence
        for sentence in found
        if re.match(r"(There is )?[Nn]o (pleural|focal|acute)\b", sentence.text)
    ]
    assert sum(sentence.negated for sentence in starts) / len(starts) > 0.97
