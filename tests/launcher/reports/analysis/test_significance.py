"""Statistics of a few seeds: against values of scipy and statsmodels, and at their limits.

scipy is no dependency of this project: `SCIPY_P` and `SCIPY_T` were printed by scipy 1.17.1 with numpy 2.4
(`2 * stats.t.sf(t, df)`, `stats.t.ppf(0.5 + confidence / 2, df)`), the values of Holm's method by statsmodels 0.15.0
(`multipletests(ps, method="holm")`).
"""

from __future__ import annotations

import math
import random

import pytest

from launcher.reports.analysis.significance import holm, mean_of, paired_difference
from launcher.reports.analysis.student_t import quantile, two_sided_p

T = (0.1, 1.5, 2.5, 4.0, 12.0)
SCIPY_P = {
    1: (0.936548965138893, 0.374334083621998, 0.242237883181687, 0.155958260754739, 0.0529293521191798),
    2: (0.92946543841414, 0.272393124891001, 0.129611720221511, 0.0571909584179366, 0.00687293367715846),
    3: (0.926652348800806, 0.230583865244823, 0.0877066470080656, 0.0280084560101462, 0.00124501580078934),
    4: (0.925155840939453, 0.208, 0.0667665448119881, 0.0161300899000925, 0.000276428548502973),
    5: (0.92423014115466, 0.193903680242473, 0.0544900993423763, 0.0103234154808315, 7.08949251716152e-05),
    6: (0.923601951898792, 0.184280736141482, 0.0465282322841673, 0.0071189779637481, 2.03074061953732e-05),
    7: (0.923148059604792, 0.17729848698997, 0.0409922185857529, 0.00518991334929681, 6.3583103781851e-06),
    9: (0.922536447956681, 0.167850656057075, 0.0338618276829857, 0.00311042831038585, 7.69988622298565e-07),
    12: (0.921995570456826, 0.159457503513207, 0.0279153995713252, 0.00176169624439503, 4.83592848664568e-08),
    19: (0.921391949765255, 0.150048530742272, 0.0217404111683974, 0.000766192337228645, 2.5908946372222e-10),
    30: (0.921009611790271, 0.144065929128646, 0.0181156490680667, 0.000381845636083756, 5.58018541519926e-13),
    59: (0.920683350101359, 0.138946925379604, 0.0152191419476338, 0.000178960678729729, 1.80040653867831e-17),
    199: (0.920444995533911, 0.135199237441558, 0.0132272599665077, 8.92765587568252e-05, 2.57996067479318e-25),
}  # fmt: skip
SCIPY_T = {  # for 90, 95 and 99 %
    1: (6.313751514675037, 12.706204736174694, 63.656741162871526),
    2: (2.9199855803537242, 4.302652729749462, 9.924843200918287),
    3: (2.3533634348018233, 3.1824463052837078, 5.840909309733355),
    4: (2.1318467863266495, 2.7764451051977934, 4.604094871349992),
    5: (2.0150483733330233, 2.5705818356363146, 4.032142983555228),
    6: (1.9431802805153042, 2.4469118511449786, 3.7074280213248065),
    7: (1.8945786050900062, 2.364624251592784, 3.4994832973504924),
    9: (1.833112932656237, 2.262157162798205, 3.249835541592126),
    12: (1.782287555649319, 2.1788128296672284, 3.0545395893929013),
    19: (1.7291328115213682, 2.0930240544083087, 2.8609346064649794),
    30: (1.697260886593957, 2.0422724563012378, 2.7499956535672254),
    59: (1.6710930321038946, 2.000995378088267, 2.6617587521629673),
    199: (1.6525467461665633, 1.9719565442517533, 2.600760216058516),
}


@pytest.mark.parametrize("df", SCIPY_P)
def test_p_values_and_quantiles_are_those_of_scipy(df: int) -> None:
    for t, p in zip(T, SCIPY_P[df], strict=True):
        assert two_sided_p(t, df) == pytest.approx(p, abs=1e-12, rel=0)
    for confidence, t in zip((0.9, 0.95, 0.99), SCIPY_T[df], strict=True):
        assert quantile(confidence, df) == pytest.approx(t, rel=1e-12)


def test_a_mean_has_the_interval_of_scipy() -> None:
    """Expected: `stats.t.interval(0.95, 4, loc=np.mean(x), scale=stats.sem(x))`."""
    mean = mean_of([5.31, 5.28, 5.36, 5.25, 5.33])
    assert mean is not None
    assert mean.value == pytest.approx(5.306, rel=1e-12)
    assert mean.sd == pytest.approx(0.042778499272414935, rel=1e-12)
    assert mean.interval == pytest.approx((5.2528834775562565, 5.359116522443744), rel=1e-12)


@pytest.mark.parametrize(
    ("own", "other", "t", "p", "low", "high"),
    [
        (
            [5.31, 5.28, 5.36, 5.25, 5.33], [5.40, 5.35, 5.46, 5.31, 5.47],
            -6.605215059283168, 0.0027226578274360787, -0.13067140545548206, -0.053328594544517584,
        ),
        (
            [0.81, 0.84, 0.79], [0.80, 0.80, 0.81],
            0.5773502691896247, 0.6220355269907734, -0.06452413135250985, 0.08452413135250979,
        ),
        (
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], [2.0, 1.0, 4.0, 3.0, 6.0, 5.0, 8.0, 7.0, 10.0, 12.0],
            -0.8181818181818181, 0.43438019708350006, -1.1294576263593419, 0.5294576263593418,
        ),
    ],
)  # fmt: skip
def test_a_paired_difference_is_that_of_scipy(
    own: list[float], other: list[float], t: float, p: float, low: float, high: float
) -> None:
    """Expected: `stats.ttest_rel(own, other)` and its `confidence_interval(0.95)`."""
    found = paired_difference(own, other)
    assert found is not None
    assert found.p == pytest.approx(p, abs=1e-12)
    assert found.mean.interval == pytest.approx((low, high), abs=1e-12)
    assert found.mean.standard_error is not None
    assert found.mean.value / found.mean.standard_error == pytest.approx(t, rel=1e-12)
    assert found.least_shown == pytest.approx((high - low) / 2, abs=1e-12)


def test_the_correlation_of_pairs_is_told_from_five_on() -> None:
    """Expected: `stats.pearsonr(own, other)`."""
    own, other = [5.31, 5.28, 5.36, 5.25, 5.33], [5.40, 5.35, 5.46, 5.31, 5.47]
    found, fewer = paired_difference(own, other), paired_difference(own[:4], other[:4])
    assert found is not None
    assert found.correlation == pytest.approx(0.9527822653708027, abs=1e-12)
    assert fewer is not None
    assert fewer.correlation is None


def test_pairs_are_counted_by_their_sign() -> None:
    found = paired_difference([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 3.0])
    assert found is not None
    assert (found.num, found.num_above, found.num_below, found.is_same) == (4, 2, 1, False)


@pytest.mark.parametrize(
    ("ps", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.9, 0.5, 0.01], [1.0, 1.0, 0.03]),
        ([0.02, 0.02, 0.02, 0.02], [0.08, 0.08, 0.08, 0.08]),
        (
            [0.0011, 0.012, 0.013, 0.2, 0.049, 0.7, 0.0004],
            [0.0066, 0.06, 0.06, 0.4, 0.14700000000000002, 0.7, 0.0028],
        ),
        ([], []),
        ([0.03], [0.03]),
    ],
)
def test_holms_values_are_those_of_statsmodels(ps: list[float], adjusted: list[float]) -> None:
    assert holm(ps) == pytest.approx(adjusted, rel=1e-12)


def test_holm_keeps_the_order_and_raises_no_value_less_than_itself() -> None:
    chance = random.Random(0)
    for _ in range(200):
        ps = [chance.random() ** 3 for _ in range(chance.randrange(1, 12))]
        adjusted = holm(ps)
        assert all(p <= found <= min(1.0, p * len(ps)) or found >= p for p, found in zip(ps, adjusted, strict=True))
        assert [adjusted[place] for place in sorted(range(len(ps)), key=ps.__getitem__)] == sorted(adjusted)


def test_one_value_has_no_spread_and_no_value_has_no_mean() -> None:
    one = mean_of([2.0])
    assert one is not None
    assert (one.value, one.sd, one.standard_error, one.margin, one.interval) == (2.0, None, None, None, None)
    assert mean_of([]) is None
    assert mean_of([1.0, math.nan]) is None
    assert mean_of([1.0, math.inf]) is None
    pair = paired_difference([1.0], [2.0])
    assert pair is not None
    assert (pair.p, pair.least_shown) == (None, None)
    assert paired_difference([], []) is None


def test_equal_values_have_exactly_their_value_and_no_spread() -> None:
    for value in (0.1, 0.0, -3.3e-310, 1e300):
        found = mean_of([value] * 7)
        assert found is not None
        assert (found.value, found.sd) == (value, 0.0)
    same = paired_difference([1.0, 2.0], [1.0, 2.0])
    assert same is not None
    assert (same.is_same, same.p) == (True, 1.0)
    shifted = paired_difference([1.0, 2.0], [2.0, 3.0])
    assert shifted is not None
    assert (shifted.p, shifted.has_spread) == (0.0, True)


def test_the_largest_and_the_smallest_floats_have_a_mean() -> None:
    large = mean_of([1e308, 1.1e308])
    assert large is not None
    assert large.value == pytest.approx(1.05e308)
    assert large.sd == pytest.approx(0.1e308 / math.sqrt(2))
    small = mean_of([1e-200, 3e-200])
    assert small is not None
    assert small.sd == pytest.approx(math.sqrt(2) * 1e-200)
    assert mean_of([1.7e308, -1.7e308]) is None, "the deviation is beyond any float"
    assert paired_difference([1.7e308], [-1.7e308]) is None


def test_scaling_values_scales_their_statistics() -> None:
    chance = random.Random(1)
    values = [chance.gauss(5, 1) for _ in range(6)]
    plain, scaled = mean_of(values), mean_of([value * 2.0**700 for value in values])
    assert plain is not None
    assert scaled is not None
    assert plain.sd is not None
    assert (scaled.value, scaled.sd) == (plain.value * 2.0**700, plain.sd * 2.0**700)


@pytest.mark.parametrize("num", [3, 5, 10])
def test_an_interval_of_95_per_cent_contains_the_mean_in_about_95_of_100(num: int) -> None:
    """`bench/seeds.py` has more values. Of 3,000, the share is within 0.02 but for once in a million."""
    chance, num_within = random.Random(num), 0
    for _ in range(3000):
        mean = mean_of([chance.gauss(7, 2) for _ in range(num)])
        assert mean is not None
        assert mean.interval is not None
        num_within += mean.interval[0] <= 7 <= mean.interval[1]
    assert 0.93 < num_within / 3000 < 0.97


def test_after_holm_ten_equal_configurations_seldom_raise_an_alarm() -> None:
    chance, before, after = random.Random(10), 0, 0
    for _ in range(800):
        base = [chance.gauss(5, 1) for _ in range(5)]
        found = [paired_difference([chance.gauss(5, 1) for _ in range(5)], base) for _ in range(10)]
        ps = [each.p for each in found if each is not None and each.p is not None]
        before += min(ps) < 0.05
        after += min(holm(ps)) < 0.05
    assert before / 800 > 0.2, "without it, in every third or fourth sweep"
    assert after / 800 < 0.06
