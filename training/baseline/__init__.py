"""A small model that proves a dataset to be of use: it beats popularity on later rows, and its reasons can be read.

    from training.baseline import run_baseline

    report = run_baseline(training.open("match/<id>"))
    report.labels[0].margins["roc_auc"]     # how much better than popularity, with its interval

It is no model to serve. It needs scikit-learn, an extra: importing this package does without.
"""

from training.baseline.report import BaselineReport, LabelReport
from training.baseline.run import run_baseline

__all__ = ["BaselineReport", "LabelReport", "run_baseline"]
