"""Headers and file names that hold HTML: shown as text, run nowhere, in a real browser."""

import re
import subprocess
import sys

import nbformat
import pytest
from astropy.io import fits

from darkcal_widgets import simulate_night
from darkcal_widgets.notebooks import shipped_notebooks, write_report

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=window.owned=1>"
KEYWORDS = ("OBJECT", "FILTER", "INSTRUME", "OBSERVER", "READOUTM")


@pytest.fixture
def notebook(tmp_path):
    """Notebook 1 on a night whose headers, names, and one unreadable frame would run a script if they were taken for HTML."""
    night = simulate_night(tmp_path / "night", "cryogenic", rows=96)
    for path in sorted(tmp_path.glob("night/**/*.fit*")):
        with fits.open(path, mode="update") as hdus:
            for keyword in KEYWORDS:
                hdus[0].header[keyword] = HOSTILE
        if path.parent.name == "darks":
            path.rename(path.with_name(f"{HOSTILE}{path.name}"))
    (tmp_path / "night" / f"{HOSTILE}.fits").write_bytes(b"no frame")
    (tmp_path / "night" / "darks" / f"{HOSTILE}<script>window.owned=1<&>script>.fits").write_bytes(
        b"no frame"
    )
    content = nbformat.read(shipped_notebooks()[1], as_version=4)
    parameters = next(cell for cell in content.cells if "parameters" in cell.metadata.get("tags", ()))
    for name, value in {
        "raw_folder": night,
        "dark_folder": night / "darks",
        "reduced_folder": tmp_path / "out",
    }.items():
        parameters.source = re.sub(
            rf"^{name} = .*$", f"{name} = {str(value)!r}", parameters.source, flags=re.M
        )
    content.cells = [cell for cell in content.cells if not cell.source.startswith("run.raise_failures()")]
    nbformat.write(content, tmp_path / "hostile.ipynb")
    return tmp_path / "hostile.ipynb"


def owned(page):
    page.wait_for_timeout(500)
    return page.evaluate(
        "() => window.owned === 1 || [...document.images].some(image => image.getAttribute('src') === 'x')"
    )


def all_text(page):
    """Return the text of every cell; JupyterLab renders a cell only once it is near the window."""
    content = "window.jupyterapp.shell.currentWidget.content"
    texts = []
    for index in range(page.evaluate(f"() => {content}.widgets.length")):
        page.evaluate(f"async index => {{ await {content}.scrollToItem(index) }}", index)
        page.wait_for_timeout(100)
        texts.append(page.evaluate(f"index => {content}.widgets[index].node.innerText", index))
    return "\n".join(texts)


def test_nothing_in_a_header_or_a_name_runs(open_notebook, notebook, tmp_path, chromium):
    lab = open_notebook(notebook)
    lab.run_all()
    assert all_text(lab.page).count(HOSTILE) > 20  # as text: in the tables, the panel, the advice, the run
    assert not owned(lab.page)
    lab.command("docmanager:save")

    report = write_report(lab.path, tmp_path / "report.html")
    plain = tmp_path / "plain.html"
    convert = [sys.executable, "-m", "nbconvert", "--to", "html", f"--output={plain}", str(lab.path)]
    subprocess.run(convert, check=True, capture_output=True)
    for exported in (report, plain):
        page = chromium.new_page()
        page.goto(exported.as_uri(), wait_until="domcontentloaded")
        assert not owned(page), exported
        page.close()

    # Were it taken for HTML, this test would see it.
    assert lab.value("1", after=f"from IPython.display import HTML, display; display(HTML({HOSTILE!r}))") == 1
    lab.page.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", HOSTILE)
    assert owned(lab.page)
