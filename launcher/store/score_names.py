"""Of which metrics a larger value is probably better: their names say so."""

from __future__ import annotations

import re

# Of a metric whose name has such a word, a larger value is better: `val/acc@5`, `eval_f1`, `metrics/mAP50`.
_SCORE = re.compile(
    r"(?<![a-z])(acc|auc|auroc|auprc|f1|precision|recall|top[-_]?[15]|map|mrr|ndcg|bleu|chrf|rouge(l|lsum)?|meteor|"
    r"m?iou|dice|psnr|ssim|rew|rewards?|returns?)(?![a-z])|(?<!in)accuracy"
)
_NO_SCORE = re.compile(  # as in `reward_loss`, `recall_ms`, `accuracy_drop`, `return_code`
    "loss|error|(?<![a-z])(err|nll|std|gap|mse|mae|ms|time|steps?|seconds|drop|codes?)(?![a-z])|^returns?$"
)


def is_score(metric: str) -> bool:
    """Say whether the name of a metric is that of a score, such as `test_accuracy` or `eval_f1`."""
    name = metric.casefold()
    return _SCORE.search(name) is not None and _NO_SCORE.search(name) is None
