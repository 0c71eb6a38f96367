"""What the fork server of `darkcal_widgets.headless.warm` imports: all that the notebooks do, and nothing runs.

Not pyplot: where its figures go is decided when it is imported, and that has to be in a kernel.
"""

# ruff: noqa: F401
import ipykernel.ipkernel
import ipykernel.kernelapp
import matplotlib.backends.backend_agg

from .. import combine, night, panel, parameters, results, run
from ..frames import figures
