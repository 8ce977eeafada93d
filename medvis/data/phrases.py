# ruff: noqa: E501 - a sentence reads better on one line
"""What simulated reports are made of: the many ways to say each fact. Data, no code.

`[a|b|]` chooses one, nested as deep as wanted; `{slot}` is filled from the fact; `a(n)` becomes a or an.
Slots: place, size, kind, either, change, ratio, mm. `{change}` begins with a comma where there is a comparison.
"""

SEEN = "[There is|There is|The film shows|One sees|Note is made of]"

# How each finding is described, when it is certain.
SPECIFIC: dict[str, tuple[str, ...]] = {
    "consolidation": (
        SEEN
        + " {size} {kind:consolidation|airspace consolidation|airspace disease} [in|of|within] the {place}{change}.",
        SEEN
        + " a(n) {size} {kind:opacity|airspace opacity|parenchymal opacity|alveolar opacity} in the {place}"
        "[, in keeping with consolidation|, compatible with consolidation|]{change}.",
        "{size} {place} {kind:consolidation|airspace consolidation|airspace opacity}{change}.",
        "The {place} [is|appears] {degree} {kind:consolidated}{change}.",
        "[The {place} vessels are obscured by|Vessels of the {place} are lost in] {size} {kind:consolidation|airspace opacity}"
        "{change}.",
    ),
    "nodule": (
        SEEN
        + " a {mm} mm {kind:nodule|pulmonary nodule|rounded nodule|nodular opacity} in the {place}{change}.",
        "A [rounded |well-defined |solitary |]{kind:nodule|pulmonary nodule} of {mm} mm [projects over|lies in|is seen in] the"
        " {place}{change}.",
        "[Solitary|Single|] {mm} mm {place} {kind:nodule|pulmonary nodule|nodular density}{change}.",
        "{size} {kind:nodule} in the {place}, [about|approximately|measuring] {mm} mm{change}.",
    ),
    "mass": (
        SEEN
        + " a {mm} mm [lobulated |rounded |large |]{kind:mass|soft tissue mass|pulmonary mass} in the {place}{change}.",
        "A [lobulated|large rounded|bulky] {kind:mass|mass-like opacity} of [about|approximately] {mm} mm"
        " [occupies|lies in|is centred in|projects over] the {place}{change}.",
        "{mm} mm {place} {kind:mass|lung mass}{change}.",
    ),
    "granuloma": (
        SEEN
        + " a {kind:calcified granuloma|small calcified granuloma|dense calcified nodule} in the {place}{change}.",
        "[Calcific density|Dense calcified focus] in the {place}, a(n) [old|healed|] {kind:granuloma}{change}.",
        "{place} {kind:calcified granuloma|granuloma}{change}.",
    ),
    "effusion": (
        SEEN + " a {size} {place} {kind:pleural effusion|effusion}{change}.",
        "{size} {place} {kind:pleural effusion|pleural fluid collection}{change}.",
        "The {place} costophrenic angle is [blunted|obscured|filled in] by a {size} {kind:effusion|pleural effusion}{change}.",
        "[Meniscus|A meniscus is seen] at the {place} base [from|due to] a {size} {kind:pleural effusion}{change}.",
        "A {size} amount of {kind:pleural fluid} [layers|has collected] at the {place} base{change}.",
    ),
    "pneumothorax": (
        SEEN + " a {size} {place} [apical |]{kind:pneumothorax}{change}.",
        "{size} {place} {kind:pneumothorax}[ with a visible pleural line|, the pleural line is visible|]{change}.",
        "A pleural line [is seen|is visible] at the {place} apex, a {size} {kind:pneumothorax}{change}.",
        "The {place} lung is [partly collapsed|retracted] by a {size} {kind:pneumothorax}{change}.",
    ),
    "oedema": (
        SEEN + " {size} {kind:pulmonary edema|interstitial edema|edema}[ with septal lines|]{change}.",
        "[Perihilar haze|Bilateral perihilar haziness] and [septal lines|Kerley B lines][,|] [in keeping with|due to|from] {size}"
        " {kind:pulmonary edema|edema}{change}.",
        "[Vascular|Perivascular] [indistinctness|haziness] [in keeping with|from] {size} {kind:pulmonary edema}{change}.",
        "{size} {kind:pulmonary edema} [in both lungs|bilaterally|on both sides|]{change}.",
    ),
    "atelectasis": (
        SEEN
        + " {size} {kind:plate atelectasis|linear atelectasis|discoid atelectasis|subsegmental atelectasis} at the {place}"
        " base{change}.",
        "{size} {kind:linear atelectasis|bandlike atelectasis|atelectasis} [in the {place} lower lung|at the {place} base|"
        "above the {place} hemidiaphragm]{change}.",
        "{place} basal {kind:atelectasis|linear atelectasis}{change}.",
        "A [linear|bandlike|platelike] opacity at the {place} base is {size} {kind:atelectasis}{change}.",
    ),
    "cardiomegaly": (
        "[The heart is|The cardiac silhouette is] {degree} {kind:enlarged}, [with a cardiothoracic ratio of {ratio}|"
        "cardiothoracic ratio {ratio}]{change}.",
        "{size} {kind:cardiomegaly}[ with a cardiothoracic ratio of {ratio}|]{change}.",
        SEEN
        + " {size} {kind:cardiomegaly|enlargement of the heart|enlargement of the cardiac silhouette}{change}.",
        "{degree} {kind:enlarged} [cardiac silhouette|heart|cardiac shadow]{change}.",
    ),
    "elevated hemidiaphragm": (
        "The {place} {kind:hemidiaphragm} is {degree} elevated{change}.",
        SEEN + " {size} {kind:elevation} of the {place} hemidiaphragm{change}.",
        "{size} {kind:elevation} of the {place} hemidiaphragm[ with a clear costophrenic angle|]{change}.",
    ),
}

# How a finding is described when the sentence leaves open whether it is there.
HEDGED: dict[str, tuple[str, ...]] = {
    "probable": (
        "[Probable|Likely|Suspected|Presumed] {size} {where}.",
        "[Findings|Appearances] [suggest|are suggestive of] {an} {size} {where}.",
        "{size} {where} is [likely|probable|suspected].",
        "There is [probably|likely] {an} {size} {where}.",
    ),
    "possible": (
        "[Possible|Questionable|Equivocal] {size} {where}.",
        "{size} {where} [cannot be excluded|cannot be ruled out|is possible|is questioned].",
        "There may be {an} {size} {where}.",
        "[Subtle change|Faint change], [which may represent|which could reflect|possibly] {an} {size} {where}.",
    ),
}
# Its noun phrase, without article, so that it fits every hedge.
WHERE: dict[str, tuple[str, ...]] = {
    "consolidation": (
        "{place} {kind:consolidation|airspace opacity}",
        "{kind:consolidation|airspace disease} in the {place}",
    ),
    "nodule": ("{place} {kind:nodule|pulmonary nodule}", "{kind:nodule|nodular opacity} in the {place}"),
    "mass": ("{place} {kind:mass|lung mass}", "{kind:mass} in the {place}"),
    "granuloma": ("{place} {kind:calcified granuloma|granuloma}",),
    "effusion": ("{place} {kind:pleural effusion|effusion}", "{kind:pleural effusion} on the {place}"),
    "pneumothorax": ("{place} {kind:pneumothorax|apical pneumothorax}", "{kind:pneumothorax} on the {place}"),
    "oedema": ("{kind:pulmonary edema|interstitial edema|edema}",),
    "atelectasis": (
        "{place} basal {kind:atelectasis|linear atelectasis}",
        "{kind:atelectasis} at the {place} base",
    ),
    "elevated hemidiaphragm": ("{kind:elevation} of the {place} hemidiaphragm",),
}
# One thing is there; the sentence leaves open which.
EITHER = (
    "[Opacity|An opacity|A {size} opacity] in the {place} [may represent|could represent|may reflect|could be] {kind} or {either}.",
    "{size} {place} opacity, [{kind} versus {either}|possibly {kind} or {either}|which may be {kind} or {either}].",
    "Differential for the {size} {place} opacity [includes|is] {kind} and {either}.",
)
EITHER_GENERAL = (
    "{side} opacity, possibly {kind} or {either}.",
    "[Opacity|Lung opacity], possibly {kind} or {either}.",
)
# Gone since the last film.
RESOLVED = (
    "[The previously seen|The previously described|The prior] {place} {noun} has [resolved|cleared].",
    "[Interval|Complete] resolution of [the|] {place} {noun}.",
    "The {place} {noun} is no longer [seen|visible].",
)

# What the impression makes of it: shorter and more general.
GENERAL: dict[str, tuple[str, ...]] = {
    "consolidation": (
        "{side} {kind:pneumonia|consolidation|airspace disease}{change}.",
        "{kind:Pneumonia|Consolidation|Airspace disease}{change}.",
        "{place} {kind:pneumonia|consolidation}{change}.",
        "[Findings in keeping with|Findings of] [{side} |]{kind:pneumonia|consolidation}{change}.",
    ),
    "nodule": (
        "{side} [lung|pulmonary] {kind:nodule}{change}[. CT is recommended|].",
        "{kind:Pulmonary nodule|Lung nodule|Solitary nodule}{change}.",
        "{place} {kind:nodule}{change}.",
    ),
    "mass": (
        "{side} [lung|pulmonary] {kind:mass}{change}[. CT is recommended|].",
        "{kind:Pulmonary mass|Lung mass}{change}.",
        "{place} {kind:mass}{change}[. Further work-up is advised|].",
    ),
    "granuloma": (
        "[Old|Prior|Healed] {kind:granulomatous disease}{change}.",
        "{kind:Calcified granuloma}{change}.",
    ),
    "effusion": (
        "{place} {kind:pleural effusion|effusion}{change}.",
        "{kind:Pleural effusion|Pleural fluid}{change}.",
        "{size} {place} {kind:effusion}{change}.",
    ),
    "pneumothorax": (
        "{place} {kind:pneumothorax}{change}.",
        "{kind:Pneumothorax}{change}.",
        "{size} {kind:pneumothorax}{change}.",
    ),
    "oedema": (
        "{kind:Pulmonary edema|Edema|Congestion|Pulmonary congestion}{change}.",
        "{size} {kind:pulmonary edema}{change}.",
        "[Findings of|Picture of] {kind:heart failure|pulmonary edema|fluid overload}{change}.",
    ),
    "atelectasis": (
        "{place} basal {kind:atelectasis}{change}.",
        "{kind:Atelectasis}{change}.",
        "[Minor|Linear] {kind:atelectasis}{change}.",
    ),
    "cardiomegaly": (
        "{kind:Cardiomegaly}{change}.",
        "{kind:Enlarged heart}{change}.",
        "{size} {kind:cardiomegaly}{change}.",
    ),
    "elevated hemidiaphragm": (
        "{kind:Elevated} {place} hemidiaphragm{change}.",
        "{place} hemidiaphragm {kind:elevation}{change}.",
    ),
}

# What is denied, and with it which findings.
_SIGN = "[No|There is no|No evidence of]"
DENIALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (_SIGN + " [focal |]consolidation.", ("consolidation",)),
    (_SIGN + " [focal airspace disease|focal airspace opacity|airspace consolidation].", ("consolidation",)),
    (_SIGN + " [pleural |]effusion.", ("effusion",)),
    (
        "[The costophrenic angles|Costophrenic angles|Both costophrenic angles] are [sharp|clear].",
        ("effusion",),
    ),
    (_SIGN + " pneumothorax.", ("pneumothorax",)),
    ("Pneumothorax is not [seen|identified].", ("pneumothorax",)),
    (_SIGN + " [pleural |]effusion or pneumothorax.", ("effusion", "pneumothorax")),
    (_SIGN + " pneumothorax or [pleural |]effusion.", ("pneumothorax", "effusion")),
    (
        _SIGN + " [focal |]consolidation, [pleural |]effusion[,|] or pneumothorax.",
        ("consolidation", "effusion", "pneumothorax"),
    ),
    (
        "[The lungs are|Lungs are|Both lungs are] [clear|clear bilaterally].",
        ("consolidation", "nodule", "mass", "granuloma", "oedema", "atelectasis"),
    ),
    (_SIGN + " [pulmonary |]edema.", ("oedema",)),
    (
        "[Pulmonary vascularity|The pulmonary vasculature] is [normal|within normal limits|unremarkable].",
        ("oedema",),
    ),
    (_SIGN + " [suspicious |][pulmonary |lung |]nodule or mass.", ("nodule", "mass")),
    (_SIGN + " [pulmonary |]mass.", ("mass",)),
    (_SIGN + " atelectasis.", ("atelectasis",)),
    (
        "[The diaphragm is|The hemidiaphragms are|Both hemidiaphragms are] [normal in position|normally placed].",
        ("elevated hemidiaphragm",),
    ),
    (
        "[The heart|Heart size|The cardiac silhouette|Cardiac size] is [normal|within normal limits].",
        ("cardiomegaly",),
    ),
    ("The heart is normal in size[, with a cardiothoracic ratio of {ratio}|].", ("cardiomegaly",)),
    (
        "[The cardiomediastinal silhouette|Cardiomediastinal silhouette] is [normal|unremarkable|within normal limits].",
        ("cardiomegaly",),
    ),
    ("The heart is not enlarged.", ("cardiomegaly",)),
)
BORDERLINE = "[Heart size|The cardiac silhouette] is at the upper limit of normal."
NEUTRAL = (
    "[The bones|Osseous structures|The osseous structures|Visualized bones] are [intact|unremarkable|grossly intact].",
    "[The trachea|Trachea] is [midline|in the midline|central].",
    "[Upper abdomen|The visualized upper abdomen] is unremarkable.",
    "[Soft tissues|The soft tissues] are unremarkable.",
)
NOTHING = (
    "No acute [cardiopulmonary|] [process|disease|abnormality|findings].",
    "[Normal|Unremarkable] [chest|chest radiograph|chest film|study|examination].",
    "No [evidence of|] active [chest|cardiopulmonary|lung] disease.",
    "No acute [intrathoracic|thoracic] [process|abnormality].",
    "[Clear lungs|Negative chest|Lungs clear].",
)
# Whole normal reports that many patients share, with what they deny.
_ALL = ("consolidation", "effusion", "pneumothorax")
BOILERPLATE: tuple[tuple[tuple[tuple[str, tuple[str, ...]], ...], str], ...] = (
    (
        (
            (
                "The lungs are clear.",
                ("consolidation", "nodule", "mass", "granuloma", "oedema", "atelectasis"),
            ),
            ("No pleural effusion or pneumothorax.", ("effusion", "pneumothorax")),
            ("The heart is normal in size.", ("cardiomegaly",)),
            ("The osseous structures are intact.", ()),
        ),
        "No acute cardiopulmonary process.",
    ),
    (
        (
            ("The cardiomediastinal silhouette is within normal limits.", ("cardiomegaly",)),
            ("No focal consolidation, pleural effusion or pneumothorax.", _ALL),
        ),
        "No acute cardiopulmonary abnormality.",
    ),
    (
        (
            ("Heart size is normal.", ("cardiomegaly",)),
            (
                "The lungs are clear.",
                ("consolidation", "nodule", "mass", "granuloma", "oedema", "atelectasis"),
            ),
            ("There is no pneumothorax or effusion.", ("pneumothorax", "effusion")),
        ),
        "Normal chest.",
    ),
    (
        (
            ("Heart size is within normal limits.", ("cardiomegaly",)),
            ("No focal airspace disease.", ("consolidation",)),
            ("No pneumothorax or pleural effusion.", ("pneumothorax", "effusion")),
        ),
        "No acute disease.",
    ),
    (
        (
            ("The heart is normal in size.", ("cardiomegaly",)),
            ("The pulmonary vasculature is unremarkable.", ("oedema",)),
            ("There is no focal consolidation, pleural effusion, or pneumothorax.", _ALL),
        ),
        "No evidence of active disease.",
    ),
)

# How large, in the words of each finding.
SIZES: dict[str, dict[str, tuple[str, ...]]] = {
    "consolidation": {
        "small": ("patchy", "subtle", "minor"),
        "moderate": ("moderate", "patchy", "focal", "confluent"),
        "large": ("extensive", "dense", "large"),
    },
    "effusion": {
        "small": ("small", "trace", "minimal"),
        "small to moderate": ("small to moderate", "small-to-moderate"),
        "moderate": ("moderate", "moderate-sized"),
        "large": ("large", "massive"),
    },
    "pneumothorax": {
        "small": ("small", "tiny", "minimal"),
        "moderate": ("moderate", "moderate-sized"),
        "large": ("large",),
    },
    "oedema": {
        "small": ("mild", "slight"),
        "moderate": ("moderate",),
        "large": ("severe", "marked", "florid"),
    },
    "atelectasis": {"small": ("minimal", "minor", "mild"), "moderate": ("moderate",), "large": ("marked",)},
    "cardiomegaly": {
        "small": ("mild", "slight"),
        "moderate": ("moderate",),
        "large": ("marked", "severe"),
    },
    "elevated hemidiaphragm": {"small": ("mild", "slight"), "moderate": ("moderate",), "large": ("marked",)},
    "nodule": {"small": ("small",), "moderate": ("",), "large": ("large",)},
    "mass": {"small": ("",), "moderate": ("",), "large": ("large",)},
    "granuloma": {"small": ("",), "moderate": ("",), "large": ("",)},
}
DEGREES: dict[str, dict[str, tuple[str, ...]]] = {
    "consolidation": {
        "small": ("partly",),
        "moderate": ("partly", "largely"),
        "large": ("completely", "densely"),
    },
    "": {"small": ("mildly", "slightly"), "moderate": ("moderately",), "large": ("markedly", "severely")},
}
CHANGES: dict[str, tuple[str, ...]] = {
    "": ("",),
    "new": (", new since the prior [film|study|radiograph]", ", which is new", ", new from prior"),
    "increased": (
        ", increased since the prior [film|study|radiograph]",
        ", larger than before",
        ", worse than on the prior",
    ),
    "decreased": (
        ", decreased since the prior [film|study|radiograph]",
        ", smaller than before",
        ", improved from prior",
    ),
    "unchanged": (
        ", unchanged [from|since] the prior [film|study|radiograph]",
        ", stable",
        ", similar to the prior film",
    ),
}
# More general names of each finding, most general first.
PATHS: dict[str, tuple[str, ...]] = {
    "consolidation": ("abnormal", "opacity", "consolidation"),
    "atelectasis": ("abnormal", "opacity", "atelectasis"),
    "oedema": ("abnormal", "opacity", "oedema"),
    "nodule": ("abnormal", "opacity", "lesion", "nodule"),
    "mass": ("abnormal", "opacity", "lesion", "mass"),
    "granuloma": ("abnormal", "opacity", "lesion", "granuloma"),
    "effusion": ("abnormal", "pleura", "effusion"),
    "pneumothorax": ("abnormal", "pleura", "pneumothorax"),
    "cardiomegaly": ("abnormal", "heart", "cardiomegaly"),
    "elevated hemidiaphragm": ("abnormal", "diaphragm", "elevated hemidiaphragm"),
}
