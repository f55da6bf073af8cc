"""The report of an evaluation as one HTML page that asks for nothing else."""

from pandiff.evaluation.report.page import write_page

__all__ = ["write_page"]
