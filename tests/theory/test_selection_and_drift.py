"""Selection and drift in haploid populations of constant size, against theory.

Everything is bred by :func:`evosim.evolution.breed`. Where the exact form is known the test is
|z| < 4 against it; tolerances are the ones that the sources' approximations allow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from breeding import GAUSSIAN, UNIFORM, UNMATED, UNMUTATED, evolve, with_genes
from scipy import optimize, stats

from evosim import evolution
from evosim.metrics.popgen import effective_size, price
from evosim.rng import Purpose, key
from evosim.scenario import Scenario

ROULETTE = {"operator": "selRoulette"}
INTENSITY = {2: 0.5642, 3: 0.8463, 5: 1.1630, 7: 1.3522}
"""Selection intensity of tournaments: the expected largest of k standard normals."""


def tournament(k: int) -> dict[str, Any]:
    return {"operator": "selTournament", "tournsize": k}


def clones(select: dict[str, Any], n_loci: int = 1) -> Scenario:
    """Selection alone: neither mating nor mutation."""
    return with_genes(n_loci, select=select, mate=UNMATED, mutate=UNMUTATED)


def z_of_mean(values: Any, expected: float) -> float:
    """How many standard errors the mean of independent values is away from an expectation."""
    values = np.asarray(values, np.float64)
    return float((values.mean() - expected) / (values.std(ddof=1) / math.sqrt(len(values))))


# --- 4 intensity of selection ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "intensity"),
    [
        *((tournament(k), i) for k, i in INTENSITY.items()),
        ({"operator": "selBest", "share": 0.5}, 0.798),
    ],
)
def test_the_intensity_of_selection_is_that_of_order_statistics(
    select: dict[str, Any], intensity: float
) -> None:
    """Blickle & Thiele 1996, Evol. Comput. 4 (tournament, truncation): i(k) = .5642 .8463 1.1630
    1.3522 for k = 2 3 5 7, truncation .5: .798; N = 1000, +-.02."""
    made, rng = clones(select, 0), np.random.default_rng(4)
    seen = []
    for seed in range(60):
        scores = rng.normal(size=1000)
        parents = evolution.breed(made, np.zeros((1000, 0)), scores, seed).parents[:, 0]
        seen.append((scores[parents].mean() - scores.mean()) / scores.std())
    assert abs(np.mean(seen) - intensity) < 0.02


# --- 5 and 7 takeover and fixation ----------------------------------------------------------


def wright_fisher(n: int, share: Any) -> np.ndarray:
    """The exact transition matrix [n + 1, n + 1]: j carriers leave Binomial(n, share(j))."""
    j = np.arange(n + 1)
    return np.asarray(stats.binom.pmf(j[None, :], n, share(j)[:, None]), np.float64)


def fixation(matrix: np.ndarray) -> np.ndarray:
    """The chance of fixation from each number of carriers."""
    n = len(matrix) - 1
    inner = matrix[1:n, 1:n]
    chance = np.linalg.solve(np.eye(n - 1) - inner, matrix[1:n, n])
    return np.concatenate([[0.0], chance, [1.0]])


def takeover_time(matrix: np.ndarray) -> float:
    """Expected generations from one carrier to fixation, given fixation (Doob's transform)."""
    n = len(matrix) - 1
    h = fixation(matrix)[1:n]
    inner = matrix[1:n, 1:n] * h[None, :] / h[:, None]
    return float(np.linalg.solve(np.eye(n - 1) - inner, np.ones(n - 1))[0])


def better_wins(n: int, k: int) -> np.ndarray:
    """The transition matrix of a strictly better allele under tournaments of k."""
    return wright_fisher(n, lambda j: 1.0 - (1.0 - j / n) ** k)


def spread(made: Scenario, n: int, scores: tuple[float, float], seed: int) -> tuple[bool, int]:
    """Whether one carrier's allele is fixed in the end, and after how many generations."""
    genomes = np.zeros((n, 1))
    genomes[0] = 1.0
    generation = 0
    while 0 < genomes.sum() < n:
        score = np.where(genomes[:, 0] == 1.0, scores[1], scores[0])
        step = key(seed, Purpose.BREED, generation)
        genomes = evolution.breed(made, genomes, score, step).genomes
        generation += 1
    return bool(genomes[0, 0]), generation


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 3, 5])
def test_takeover_takes_log_n_plus_log_log_n_generations_given_survival(k: int) -> None:
    """Goldberg & Deb 1991, FOGA 1, tournaments: (ln N + ln ln N) / ln k, within 15 %;
    and |z| < 4 against the exact Markov chain."""
    n = 1000
    runs = [spread(clones(tournament(k)), n, (0.0, 1.0), seed) for seed in range(60)]
    times = [time for fixed, time in runs if fixed]
    assert abs(np.mean(times) / ((math.log(n) + math.log(math.log(n))) / math.log(k)) - 1) < 0.15
    assert abs(z_of_mean(times, takeover_time(better_wins(n, k)))) < 4


@pytest.mark.parametrize(("k", "pi"), [(2, 0.797), (3, 0.940)])
def test_a_better_allele_fixes_with_the_chance_that_its_branching_process_survives(
    k: int, pi: float
) -> None:
    """1 - pi = exp(-k pi) (Haldane 1927 for Poisson offspring of mean k): .797 for k = 2, .940
    for k = 3; runs |z| < 4 against the exact chain of N = 60, which agrees within .01."""
    n, runs = 60, 400
    exact = fixation(better_wins(n, k))[1]
    assert abs((1 - pi) - math.exp(-k * pi)) < 2e-3
    assert abs(exact - pi) < 0.01
    fixed = [spread(clones(tournament(k)), n, (0.0, 1.0), seed)[0] for seed in range(runs)]
    assert abs(np.mean(fixed) - exact) / math.sqrt(exact * (1 - exact) / runs) < 4


@pytest.mark.slow
@pytest.mark.parametrize("s", [0.0, 0.2])
def test_an_allele_under_roulette_fixes_as_in_the_exact_wright_fisher_chain(s: float) -> None:
    """Ewens 2004, Mathematical Population Genetics, ch. 1: binomial sampling of j (1 + s) /
    (j (1 + s) + N - j); the exact matrix, not Kimura's approximation."""
    n, runs = 20, 800
    matrix = wright_fisher(n, lambda j: j * (1 + s) / (j * (1 + s) + n - j))
    exact = fixation(matrix)[1]
    assert s or abs(exact - 1 / n) < 1e-12
    fixed = [spread(clones(ROULETTE), n, (1.0, 1.0 + s), seed)[0] for seed in range(runs)]
    assert abs(np.mean(fixed) - exact) / math.sqrt(exact * (1 - exact) / runs) < 4


# --- 6 drift --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "scores", "effective"),
    [
        (tournament(3), "tied", lambda n, _: n),
        ({"operator": "selRandom"}, "distinct", lambda n, _: n),
        (tournament(2), "distinct", lambda n, _: n * 3 / 4),
        (tournament(3), "distinct", lambda n, _: n * 5 / 9),
        (tournament(7), "distinct", lambda n, _: n * 13 / 49),
        (ROULETTE, "lognormal", lambda n, cv2: n / (1 + cv2)),
        ({"operator": "selBest", "share": 0.4}, "distinct", lambda n, _: n * 0.4),
    ],
)
def test_the_pedigree_loses_heterozygosity_as_the_variance_of_shares_says(
    select: dict[str, Any], scores: str, effective: Any
) -> None:
    """C = sum p_i^2 = 1/Ne from the recorded parents: N tied; N (2k-1)/k^2 for tournaments on
    distinct scores that are not heritable; N/(1 + CV^2) for roulette (Crow & Kimura 1970, ch. 7).
    """
    n, generations = 120, 150
    made = with_genes(3, select=select)
    rng = np.random.default_rng(6)
    drawn = {
        "tied": lambda: np.zeros(n),
        "distinct": lambda: rng.permutation(n).astype(float),
        "lognormal": lambda: rng.lognormal(size=n),
    }[scores]
    cv2 = []

    def score(genomes: np.ndarray, generation: int) -> np.ndarray:
        values = drawn()
        cv2.append(values.var() / values.mean() ** 2 if values.any() else 0.0)
        return values

    course = evolve(made, rng.random((n, 3)), score, generations=generations, seed=6)
    lost = effective_size.coalescence_probability(course.parents)[1:]
    theory = np.array([1 / effective(n, c) for c in cv2[:-1]])
    exact = [np.sum(evolution.expected_shares(made, s) ** 2) for s in course.score[:-1]]
    assert np.allclose(theory, exact, rtol=2e-3)
    assert abs(z_of_mean(lost - exact, 0.0)) < 4


def test_genes_drift_by_as_much_as_the_pedigree_says() -> None:
    """Variance of the change of a neutral frequency: C x (1 - x) for unlinked loci
    (Crow & Kimura 1970); 300 loci at 1/2 in one generation of tournaments, |z| < 4."""
    n, n_loci = 200, 300
    made = with_genes(n_loci, select=tournament(3), mutate=UNMUTATED)
    rng = np.random.default_rng(7)
    squares = []
    for seed in range(20):
        alleles = np.tile(np.arange(n) % 2, (n_loci, 1))
        genomes = rng.permuted(alleles, axis=1).T.astype(float)
        born = evolution.breed(made, genomes, rng.random(n), seed)
        squares.append(np.mean((born.genomes.mean(axis=0) - 0.5) ** 2))
    p = np.diff((np.arange(n + 1) / n) ** 3)
    # sampling of N children by p, of alleles that are a random half of the parents:
    # (sum p^2 - 1/N) from p, (1 - sum p^2)/N from sampling, each times x (1 - x) N/(N - 1)
    expected = (np.sum(p**2) - 1 / n + (1 - np.sum(p**2)) / n) * 0.25 * n / (n - 1)
    assert abs(z_of_mean(squares, expected)) < 4


def test_stochastic_universal_sampling_on_equal_scores_has_no_drift_at_all() -> None:
    """Baker 1987: everyone expects one child and has one; Ne is infinite."""
    made = with_genes(2, select={"operator": "selStochasticUniversalSampling"})
    genomes = np.random.default_rng(8).random((50, 2))
    course = evolve(made, genomes, lambda g, _: np.full(len(g), 2.0), generations=20, seed=8)
    assert np.all(effective_size.coalescence_probability(course.parents)[1:] == 0.0)
    assert np.all(effective_size.inbreeding_size(course.parents)[1:] == np.inf)


# --- 8 quantitative genetics ----------------------------------------------------------------


@pytest.mark.parametrize("mate", [UNMATED, UNIFORM])
@pytest.mark.parametrize("heritability", [0.2, 0.5, 1.0])
def test_the_response_to_selection_is_heritability_times_the_differential(
    mate: dict[str, Any], heritability: float
) -> None:
    """Breeder's equation (Lush 1937; Falconer & Mackay 1996, ch. 11): R = h^2 S, S = i sigma_P.

    A trait of four genes and noise, tournaments of 3. |z| < 4, as E[R - h^2 S] = 0 exactly.
    """
    made = with_genes(4, bounds=(-1, 1), select=tournament(3), mate=mate, mutate=UNMUTATED)
    rng = np.random.default_rng(9)
    response, differential = [], []
    sigma_a = 0.15 * 2
    sigma_p = sigma_a / math.sqrt(heritability)
    for seed in range(60):
        genomes = rng.normal(0, 0.15, (800, 4))
        trait = genomes.sum(axis=1)
        noise = rng.normal(0, 1, 800) * math.sqrt(sigma_p**2 - sigma_a**2)
        born = evolution.breed(made, genomes, trait + noise, seed)
        response.append(born.genomes.sum(axis=1).mean() - trait.mean())
        parents = born.parents[:, 0]
        differential.append((trait + noise)[parents].mean() - (trait + noise).mean())
    assert abs(np.mean(differential) / (INTENSITY[3] * sigma_p) - 1) < 0.02
    gap = np.array(response) - heritability * np.array(differential)
    if heritability == 1.0:
        assert np.max(np.abs(gap)) < 1e-12
    else:
        assert abs(z_of_mean(gap, 0.0)) < 4


def stabilizing(genomes: np.ndarray, omega: float) -> np.ndarray:
    """Fitness exp(-(z - 1/2)^2 / (2 omega^2)) of the only gene."""
    return np.exp(-((genomes[:, 0] - 0.5) ** 2) / (2 * omega**2))


def test_gaussian_stabilizing_selection_pulls_the_mean_as_lande_has_it() -> None:
    """Lande 1976, Evolution 30: the mean moves by -V / (omega^2 + V) of its distance to
    the optimum in a generation, the variance becomes V omega^2 / (V + omega^2). |z| < 4."""
    omega, sd, away, n = 0.1, 0.08, 0.1, 400
    made, rng = clones(ROULETTE), np.random.default_rng(10)
    moved, spread_after = [], []
    for seed in range(120):
        genomes = rng.normal(0.5 + away, sd, (n, 1))
        genomes = np.clip(genomes, 0, 1)
        born = evolution.breed(made, genomes, stabilizing(genomes, omega), seed).genomes
        moved.append(born.mean() - genomes.mean())
        spread_after.append(born.var(ddof=1))
    pull = sd**2 / (omega**2 + sd**2)
    assert abs(z_of_mean(moved, -pull * away)) < 4
    assert abs(np.mean(spread_after) / (sd**2 * omega**2 / (sd**2 + omega**2)) - 1) < 0.04


@pytest.mark.slow
def test_mutation_keeps_the_variance_that_stabilizing_selection_takes() -> None:
    """Lande 1976: without recombination V = V omega^2 / (V + omega^2) + sigma_m^2 at
    equilibrium; N = 400, within 5 %."""
    omega, sigma_m = 0.1, 0.03
    mutate = {**GAUSSIAN, "sigma": sigma_m, "indpb": 1.0}
    made = with_genes(1, select=ROULETTE, mate=UNMATED, mutate=mutate)
    course = evolve(
        made,
        np.full((400, 1), 0.5),
        lambda genomes, _: stabilizing(genomes, omega),
        generations=260,
        seed=11,
    )
    variance = course.genome[40:, :, 0].var(axis=1, ddof=1).mean()
    m2 = sigma_m**2
    expected = m2 / 2 + math.sqrt(m2**2 / 4 + m2 * omega**2)
    assert abs(variance / expected - 1) < 0.05


@pytest.mark.slow
def test_mutation_and_selection_balance_at_u_over_s() -> None:
    """Haldane 1927; Crow & Kimura 1970, ch. 6: q = u/s in haploids, within 10 %; |z| < 4 against
    the fixed point with back mutation.

    Below 1/2 a gene is the bad allele. A mutation lands anywhere, so u = v = indpb / 2.
    """
    u, s, n, burn = 0.02, 0.4, 400, 40
    mutate = {**GAUSSIAN, "sigma": 10.0, "indpb": 2 * u}
    made = with_genes(1, select=ROULETTE, mate=UNMATED, mutate=mutate)
    course = evolve(
        made,
        np.full((n, 1), 0.9),
        lambda genomes, _: np.where(genomes[:, 0] < 0.5, 1 - s, 1.0),
        generations=burn + 600,
        seed=12,
    )
    q = (course.genome[burn:, :, 0] < 0.5).mean(axis=1)

    def change(x: float) -> float:
        return (1 - 2 * u) * x * (1 - s) / (1 - s * x) + u - x

    exact = optimize.brentq(change, 0.0, 0.5)
    batches = q.reshape(20, 30).mean(axis=1)  # of 12 times the relaxation time: independent
    assert abs(z_of_mean(batches, exact)) < 4
    assert abs(exact / (u / s) - 1) < 0.1
    assert abs(q.mean() / (u / s) - 1) < 0.1


# --- 9 the Price equation -------------------------------------------------------------------


def test_the_price_equation_holds_in_every_generation_of_a_run() -> None:
    """Price 1970, Nature 227: change = selection + drift + transmission, to 1e-12; and under
    selection of one gene, selection is what moves it."""
    phases = [
        {"generations": 25, "train": "wild"},
        {"generations": 5, "train": "wild", "select": False},
        {"generations": 20, "train": "wild"},
    ]
    made = with_genes(5, bounds=(-1, 1), timeline=phases, mate={**UNIFORM, "chance": 0.9})
    genomes = np.random.default_rng(13).uniform(-1, 1, (101, 5))
    course = evolve(made, genomes, lambda genes, _: genes[:, 0], generations=50, seed=13)
    parts = price.price_series(made, *course)
    gap = parts.change - parts.selection - parts.drift - parts.transmission
    assert np.max(np.abs(gap)) < 1e-12
    bred = np.array([made.phase_at(g).select for g in range(49)])
    assert np.all(parts.selection[bred, 0] > 0)
    assert parts.selection[:25, 0].sum() > 3 * abs(parts.drift[:25, 0].sum())
    assert not np.any(np.array(parts)[:, ~bred])


# --- 10 OneMax ------------------------------------------------------------------------------


def test_onemax_under_uniform_crossover_follows_the_sine() -> None:
    """Mühlenbein & Schlierkamp-Voosen 1993, Evol. Comput. 1: p(t) = (1 + sin(i t / sqrt(l)))/2,
    l = 100, N = 1000, k = 2, within .04 until it reaches 1."""
    n, n_loci, k = 1000, 100, 2
    made = with_genes(n_loci, select=tournament(k), mate=UNIFORM, mutate=UNMUTATED)
    genomes = np.random.default_rng(14).integers(0, 2, (n, n_loci)).astype(float)
    last = int(math.pi / 2 * math.sqrt(n_loci) / INTENSITY[k])
    course = evolve(made, genomes, lambda g, _: g.sum(axis=1), generations=last + 1, seed=14)
    t = np.arange(last + 1)
    theory = (1 + np.sin(INTENSITY[k] * t / math.sqrt(n_loci))) / 2
    assert np.max(np.abs(course.genome.mean(axis=(1, 2)) - theory)) < 0.04
