"""What the results of a sweep say: which experiment is best, which differ clearly, what failed, and what it cost.

Pure: states of experiments in, answers and sentences out. Views import from here.
"""

from launcher.reports.analysis.comparison import Comparison, Difference, Verdict, compare, difference
from launcher.reports.analysis.configurations import (
    Configuration,
    ConfigurationResult,
    Finding,
    Judgement,
    configurations,
    has_seeds,
    judge,
)
from launcher.reports.analysis.health import broken, caveat
from launcher.reports.analysis.level import Estimate, curve_summary, level_at_end, level_text
from launcher.reports.analysis.listed_metrics import told_of_metrics
from launcher.reports.analysis.observations import METHOD, best_at_end, method, observations
from launcher.reports.analysis.ranking import BestExperiment, Ranking, best_experiment, best_first, rank

__all__ = [
    "METHOD",
    "BestExperiment",
    "Comparison",
    "Configuration",
    "ConfigurationResult",
    "Difference",
    "Estimate",
    "Finding",
    "Judgement",
    "Ranking",
    "Verdict",
    "best_at_end",
    "best_experiment",
    "best_first",
    "broken",
    "caveat",
    "compare",
    "configurations",
    "curve_summary",
    "difference",
    "has_seeds",
    "judge",
    "level_at_end",
    "level_text",
    "method",
    "observations",
    "rank",
    "told_of_metrics",
]
