"""Search: exact against brute force in float64, honest about what it leaves out."""

import math
from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from medvis.explain.retrieval import Exclude, Excluded, Query, present, related, reranked, search
from medvis.store.matrix import Column, Matrix, Rows, fold, scannable
from medvis.store.publish import publish
from medvis.store.schema import About
from medvis.store.store import Store
from medvis.types import Hit, Study


def column(names: list[str]) -> Column:
    known = sorted(set(names))
    return Column(torch.tensor([known.index(name) for name in names], dtype=torch.int32), tuple(known))


def gallery(
    mean: Float[Tensor, "n d"],
    *,
    geometry: str = "lorentz",
    curv: float = 1.0,
    study: list[str] | None = None,
    patient: list[str] | None = None,
    ref: list[str] | None = None,
    text: list[str] | None = None,
) -> Matrix:
    n = len(mean)
    texts = column(text or [""] * n)
    order, start, vector = fold(texts)
    vectors = scannable(mean, geometry, curv)[order.long()[start[:-1].long()]].T.contiguous()
    return Matrix(
        vectors, start, order, vector,
        column(["film"] * n), column(study or [f"s{i:05d}" for i in range(n)]),
        column(patient or [f"p{i:05d}" for i in range(n)]), column(ref or ["film0"] * n), texts,
        float(vectors.norm(dim=0).max()) if n else 0.0, geometry, curv if geometry == "lorentz" else 0.0,
    )  # fmt: skip


def points(
    n: int, d: int, radius: float, generator: torch.Generator, curv: float = 1.0
) -> Float[Tensor, "n d"]:
    way = torch.nn.functional.normalize(torch.randn(n, d, generator=generator, dtype=torch.double), dim=1)
    length = radius * torch.rand(n, 1, generator=generator, dtype=torch.double)
    return (way * (math.sqrt(curv) * length).sinh() / math.sqrt(curv)).float()


def nearest(mean: Float[Tensor, "n d"], query: Float[Tensor, " d"], curv: float, k: int) -> list[int]:
    """Return the order by the textbook's arccosh of the Lorentz product, in 60 digits."""
    import mpmath

    mpmath.mp.dps = 60
    q, c = [mpmath.mpf(float(value)) for value in query], mpmath.mpf(curv)
    q0 = mpmath.sqrt(1 / c + sum(value**2 for value in q))
    found = []
    for at, x in enumerate(mean.tolist()):
        x0 = mpmath.sqrt(1 / c + sum(mpmath.mpf(value) ** 2 for value in x))
        product = sum(mpmath.mpf(a) * b for a, b in zip(x, q, strict=True)) - x0 * q0
        found.append((mpmath.acosh(mpmath.mpf(max(1, -c * product))), at))
    return [at for _, at in sorted(found)[:k]]


@pytest.mark.parametrize("curv", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("radius", [0.5, 3.0, 9.0])
def test_search_ranks_as_exact_distances_do(radius: float, curv: float, generator: torch.Generator) -> None:
    mean = points(500, 6, radius, generator, curv)
    near = mean[17] + 1e-4 * mean[17].norm() * torch.randn(40, 6, generator=generator)
    mean = torch.cat([mean, near])
    found = search(gallery(mean, curv=curv), Query(mean[17]), k=30, keep=40)
    assert [int(hit.study[1:]) for hit in found.hits] == nearest(mean, mean[17], curv, 30)


def test_far_from_the_root_more_is_kept_until_the_list_is_proven(generator: torch.Generator) -> None:
    near = points(3000, 8, 0.5, generator)
    far = (near[:1] + 1e-4 * near[:1].norm() * torch.randn(3000, 8, generator=generator)) * 1e4
    easy = search(gallery(near), Query(near[0]), k=5, keep=2000)
    hard = search(gallery(far), Query(far[0]), k=5, keep=50)
    assert easy.proven == 2000, "near the root the float32 scan proves itself"
    assert hard.proven == 3000, "at radius 8 and more it cannot, so everything is ranked in float64"
    assert [int(hit.study[1:]) for hit in hard.hits] == nearest(far, far[0], 1.0, 5)


def test_the_float32_scan_alone_would_have_been_wrong_there(generator: torch.Generator) -> None:
    way = torch.nn.functional.normalize(torch.randn(1, 8, generator=generator), dim=1)
    far = (way + 1e-4 * torch.randn(3000, 8, generator=generator)) * math.sinh(9.0)
    matrix = gallery(far)
    query = torch.cat([far[0], -(1 + far[0].double().square().sum()).sqrt().float()[None]])
    assert (query @ matrix.vectors).topk(5).indices.tolist() != nearest(far, far[0], 1.0, 5)


def test_on_the_sphere_the_score_is_the_cosine_of_whatever_length_the_query_has(
    generator: torch.Generator,
) -> None:
    mean = torch.nn.functional.normalize(torch.randn(200, 5, generator=generator), dim=1)
    found = search(gallery(mean, geometry="sphere"), Query(3.0 * mean[4]), k=200)
    cosine = torch.cosine_similarity(mean.double(), mean[4].double()[None])
    assert [int(hit.study[1:]) for hit in found.hits] == cosine.argsort(descending=True).tolist()
    assert found.hits[0].score == pytest.approx(1.0, abs=1e-7)


def test_the_score_is_minus_the_distance() -> None:
    mean = torch.tensor([[math.sinh(1.0), 0.0], [math.sinh(-2.0), 0.0]])
    found = search(gallery(mean), Query(torch.tensor([0.0, 0.0])))
    assert [hit.score for hit in found.hits] == pytest.approx([-1.0, -2.0], rel=1e-6)


def test_percentiles_are_the_shares_that_score_lower_and_ties_share_theirs() -> None:
    mean = torch.tensor([[0.1], [0.2], [0.2], [0.3], [0.4]])
    found = search(gallery(mean), Query(torch.tensor([0.0])))
    assert [hit.percentile for hit in found.hits] == pytest.approx([80.0, 40.0, 40.0, 20.0, 0.0])
    assert [hit.study for hit in found.hits] == [f"s{i:05d}" for i in range(5)], "ties come in their order"


def five() -> Matrix:
    """The query's film, its other film, its patient's earlier study, a copy of its report, a stranger."""
    return gallery(
        torch.tensor([[0.0], [0.1], [0.2], [0.3], [0.4]]),
        study=["a", "a", "b", "c", "d"],
        patient=["P", "P", "P", "Q", "R"],
        ref=["film0", "film1", "film0", "film0", "film0"],
        text=["t", "u", "v", "t", "w"],
    )


QUERY = Query(torch.tensor([0.0]), study="a", ref="film0", patient="P", text="t")


def test_what_would_be_found_for_the_wrong_reason_is_left_out_and_counted() -> None:
    found = search(five(), QUERY)
    assert [hit.study for hit in found.hits] == ["d"]
    assert found.excluded == Excluded(itself=1, own=1, patient=1, text=1)
    assert found.pool == 1
    assert found.hits[0].percentile == 0.0


@pytest.mark.parametrize(
    ("exclude", "studies"),
    [
        (Exclude(own=False), ["a", "d"]),
        (Exclude(patient=False), ["b", "d"]),
        (Exclude(text=False), ["c", "d"]),
        (Exclude(own=False, patient=False, text=False), ["c", "a", "b", "d"]),
    ],
)
def test_each_reason_can_be_waived(exclude: Exclude, studies: list[str]) -> None:
    found = search(five(), QUERY, exclude=exclude)
    assert [hit.study for hit in found.hits] == studies
    assert found.excluded.itself == 1, "the query itself never comes back"


def test_the_own_study_is_placed_even_where_it_is_left_out() -> None:
    mean = torch.tensor([[0.5], [0.1], [0.2], [0.6]])
    matrix = gallery(mean, study=["a", "b", "c", "d"], ref=["report"] * 4, text=["t", "u", "v", "w"])
    query = Query(torch.tensor([0.0]), study="a", ref="film0")
    out, listed = search(matrix, query), search(matrix, query, exclude=Exclude(own=False))
    assert out.own is not None
    assert (out.own.rank, out.own.ref) == (3, "report")
    assert out.own.percentile == pytest.approx(100 / 3)
    assert listed.own is not None
    assert (listed.own.rank, listed.hits[2].study) == (3, "a")
    assert listed.own.percentile == listed.hits[2].percentile == 25.0
    assert search(matrix, Query(torch.tensor([0.0]))).own is None


def test_items_of_the_same_text_are_one_hit_with_its_copies() -> None:
    matrix = gallery(
        torch.tensor([[0.1], [0.2], [0.1], [0.1], [0.3]]),
        study=["a", "b", "c", "d", "e"],
        patient=["A", "B", "C", "D", "E"],
        ref=["f0"] * 5,
        text=["normal", "x", "normal", "normal", "y"],
    )
    found = search(matrix, Query(torch.tensor([0.0]), patient="A"))
    assert [(hit.study, hit.copies, hit.rank) for hit in found.hits] == [
        ("c", 1, 1),
        ("b", 0, 2),
        ("e", 0, 3),
    ]
    assert (found.pool, found.excluded.patient) == (4, 1)
    assert [hit.percentile for hit in found.hits] == [50.0, 25.0, 0.0]


def test_nothing_left_is_an_empty_list_with_its_counts() -> None:
    matrix = gallery(torch.tensor([[0.1], [0.2]]), patient=["P", "P"])
    found = search(matrix, Query(torch.tensor([0.0]), patient="P"))
    assert (found.hits, found.pool, found.excluded.patient) == ((), 0, 2)
    empty = search(gallery(torch.empty(0, 3)), Query(torch.zeros(3)))
    assert (empty.hits, empty.pool) == ((), 0)


@pytest.mark.parametrize("vector", [torch.zeros(3), torch.tensor([math.nan])])
def test_a_query_that_does_not_fit_is_refused(vector: Tensor) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        search(five(), Query(vector))


def test_search_works_on_a_published_store(tmp_path: Path, generator: torch.Generator) -> None:
    mean = points(300, 4, 2.0, generator)
    about = About("r" * 64, "c" * 64, "toy", "lorentz", 4, 1.0, False)
    study = tuple(f"s{i:05d}" for i in range(300))
    film = Rows(
        ("film",) * 300, study, study, ("test",) * 300, ("film0",) * 300, ("",) * 300, mean, None, mean[:, 0]
    )
    publish(tmp_path, "c" * 64, [film], about)
    with Store.open(tmp_path, "c" * 64) as store:
        found = search(store.matrix(["film"]), Query(mean[3]), k=9)
    assert [int(hit.study[1:]) for hit in found.hits] == nearest(mean, mean[3], 1.0, 9)


def test_relations_come_from_patients_and_present_findings_only() -> None:
    studies = {
        "a": Study("a", "P", "test"),
        "b": Study("b", "Q", "test", labels={"effusion": 1, "mass": 0}),
        "c": Study("c", "R", "test", labels={"effusion": -1, "mass": 1}),
        "d": Study("d", "P", "test", labels={"effusion": 1}),
    }
    hits = [Hit(name, "film0", 0.0, rank, 0.0) for rank, name in enumerate(studies, start=1)]
    found = related(hits, patient="P", findings=["effusion"], study=studies.__getitem__)
    assert [hit.relation for hit in found] == ["same patient", "same finding", "other", "same patient"]
    typed = related(hits, patient="", findings=[], study=studies.__getitem__)
    assert {hit.relation for hit in typed} == {"other"}, "a typed text has no patient"
    assert present(studies["c"]) == {"mass"}


def test_reranking_sorts_by_the_new_scores_and_renumbers() -> None:
    hits = [Hit(name, "film0", 0.0, rank, 50.0) for rank, name in enumerate("abc", start=1)]
    found = reranked(hits, torch.tensor([0.1, 0.9, 0.9]))
    assert [(hit.study, hit.rank) for hit in found] == [("b", 1), ("c", 2), ("a", 3)]
    assert found[0].score == pytest.approx(0.9)
