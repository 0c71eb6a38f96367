"""Run the notebooks without a browser, and make a folder to work in; the notebooks themselves lie in a wheel beside this file."""

from .execute import NotebookError, exercise_notebook, run_notebook, shipped_notebooks
from .report import write_report

__all__ = ["NotebookError", "exercise_notebook", "run_notebook", "shipped_notebooks", "write_report"]
