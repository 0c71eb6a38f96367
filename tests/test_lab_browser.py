"""JupyterLab in a real browser: the ground on which the tests of the panel stand."""

import nbformat
import pytest

pytestmark = pytest.mark.browser


KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def write(path, *cells):
    cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), path)
    return path


@pytest.fixture
def slider_notebook(tmp_path):
    slider = "import ipywidgets\nslider = ipywidgets.IntSlider(7, 0, 10)\nslider"
    return write(tmp_path / "slider.ipynb", slider, "text = 'a \\' \"b\" µ'")


def test_a_widget_renders_and_answers_in_a_browser(open_notebook, slider_notebook, tmp_path):
    lab = open_notebook(slider_notebook)
    lab.run_all()
    handle = lab.page.locator(".widget-slider .noUi-handle")
    handle.wait_for()
    assert lab.value("[slider.value, text]") == [7, 'a \' "b" µ']
    handle.press("ArrowRight")
    assert lab.wait_for_value("slider.value", 8) == 8
    assert lab.screenshot(tmp_path / "window.png").stat().st_size > 10_000
    assert lab.errors == []


def test_a_reload_keeps_the_kernel_and_the_dark_theme_is_dark(open_notebook, slider_notebook):
    lab = open_notebook(slider_notebook, width=1000, dark=True)
    lab.run_all()
    lab.command("docmanager:save")
    lab.load()
    assert lab.value("slider.value") == 7
    assert lab.page.evaluate("() => document.body.dataset.jpThemeLight") == "false"


def test_an_error_in_a_cell_fails_run_all(open_notebook, tmp_path):
    lab = open_notebook(write(tmp_path / "fails.ipynb", "raise ValueError('no darks')"))
    with pytest.raises(AssertionError, match="no darks"):
        lab.run_all()
