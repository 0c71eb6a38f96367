"""How long the panel takes from the change of a control to the redrawn picture in the browser, on full-size frames.

Run it as ``python bench/panel.py``, with the names of nights to measure only these. Time is taken in the browser: from the event
of the control, or of the mouse, to the first animation frame after the panel has drawn the kernel's answer to it. While dragging,
each move of the mouse is timed to the first picture that is as new as that move.
"""

import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from browser import LabServer, launched_chromium, opened

from darkcal_widgets import simulate_night
from darkcal_widgets.simulate.cameras import CRYOGENIC

REPEATS = 25
DRAG_STEPS = 60
CELL = """from darkcal_widgets import DarkPanel, Parameters
panel = DarkPanel.from_parameters(Parameters({parameters}))
panel"""
NIGHTS = {
    "cryogenic": {
        "raw_folder": "cryogenic",
        "dark_folder": "cryogenic/darks",
        "reduced_folder": "r",
        "overscan_columns": "2055:",
        "keep_columns": ":2048",
    },
    "thermo-electric": {
        "raw_folder": "thermo-electric",
        "reduced_folder": "r",
        "keep_columns": ":4096",
        "subtract_bias": True,
    },
    "large": {
        "raw_folder": "large",
        "dark_folder": "large/darks",
        "reduced_folder": "r",
        "overscan_columns": "5975:",
        "keep_columns": ":5968",
    },
}
CAMERAS = {"large": replace(CRYOGENIC, name="large", rows=4000, columns=6000)}
# The column after the image, and what is promised for each change: the median in milliseconds.
EDGES = {"cryogenic": 2048, "thermo-electric": 4096, "large": 5968}
PROMISED_MS = {"cryogenic": 60, "thermo-electric": 80, "large": 150}
SETTLED = """() => {
    const panel = document.querySelector('.darkcal-panel');
    return panel?.dataset.asked && panel.dataset.asked === panel.dataset.answered;
}"""
# A change is over when the panel has drawn the answer to the last message that was sent, and the frame is out.
ONE_CHANGE = """change => new Promise(resolve => {
    const panel = document.querySelector('.darkcal-panel');
    const drawn = () => {
        if (Number(panel.dataset.answered) < Number(panel.dataset.asked)) return;
        panel.removeEventListener('darkcal-drawn', drawn);
        requestAnimationFrame(() => resolve(performance.now() - begun));
    };
    panel.addEventListener('darkcal-drawn', drawn);
    const [name, value] = change;
    const begun = performance.now();
    if (name === 'row') panel.querySelectorAll('tbody tr')[value].click();
    else {
        const control = panel.querySelector(`[data-name="${name}"]`);
        if (control.type === 'checkbox') control.click();
        else {
            control.value = value;
            for (const kind of ['input', 'change']) control.dispatchEvent(new Event(kind, {bubbles: true}));
        }
    }
})"""
# Each move of the mouse is over when a picture has been drawn that is as new as it: the answer to the request that took it along.
WATCH_DRAG = """() => {
    const panel = document.querySelector('.darkcal-panel');
    const times = window.darkcalTimes = [];
    let moves = [], messages = [];
    // On the way down to the canvas, so that a move is listed before the panel sends it.
    panel.addEventListener('pointermove', event => event.buttons && moves.push(performance.now()), true);
    new MutationObserver(() => {
        messages.push({number: Number(panel.dataset.asked), moves});
        moves = [];
    }).observe(panel, {attributes: true, attributeFilter: ['data-asked']});
    panel.addEventListener('darkcal-drawn', () => {
        const answered = Number(panel.dataset.answered);
        const done = messages.filter(message => message.number <= answered).flatMap(message => message.moves);
        messages = messages.filter(message => message.number > answered);
        requestAnimationFrame(() => times.push(...done.map(begun => performance.now() - begun)));
    });
}"""


def main():
    """Print a table of the times, and say whether the promise is kept."""
    nights = [name for name in NIGHTS if name in sys.argv[1:]] or list(NIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for camera in nights for row in measure(Path(folder), camera, NIGHTS[camera])]
    print(f"{'full-size night':<18}{'change':<32}{'n':>5}{'median ms':>12}{'95 % ms':>10}{'promised':>10}")
    kept = True
    for camera, change, times in rows:
        middle, most = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        kept = kept and middle <= PROMISED_MS[camera]
        print(f"{camera:<18}{change:<32}{len(times):>5}{middle:>12.0f}{most:>10.0f}{PROMISED_MS[camera]:>10}")
    print(f"every median as promised: {'yes' if kept else 'NO'}")
    return 0 if kept else 1


def measure(folder, camera, parameters):
    """Yield (camera, change, times in milliseconds) for each kind of change."""
    notebook = folder / f"{camera}.ipynb"
    text = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(CELL.format(parameters=text))]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), notebook)
    with LabServer(folder / f"{camera}-server") as server, launched_chromium() as browser:
        lab = opened(server, browser, notebook)
        simulate_night(lab.folder / camera, CAMERAS.get(camera, camera), rows=None)
        lab.run_all()
        lab.page.wait_for_function(SETTLED)
        lab.page.wait_for_timeout(3000)  # until the frames behind the levels have been read
        for change, steps in changes(camera).items():
            yield camera, change, [timed(lab, step) for step in steps]
        yield camera, "dragging", dragged(lab)
        lab.close()


def changes(camera):
    """Return what is timed: name of the change to its steps, each a control and a value."""
    keep = EDGES[camera]
    return {
        "nothing to do, for comparison": [
            ("drag_sets", ("keep_columns", "overscan_columns")[n % 2]) for n in range(REPEATS)
        ],
        "overscan, typed": [("overscan_columns", f"{keep + 2 + n % 9}:") for n in range(REPEATS)],
        "columns to keep, a number": [("keep_columns-stop", str(keep - 1 - n % 20)) for n in range(REPEATS)],
        "bias on and off": [("subtract_bias", None)] * REPEATS,
        "another frame": [("row", n % 9) for n in range(1, REPEATS)],
    }


def timed(lab, step):
    """Make one change; return the milliseconds until its picture is on the screen."""
    duration = lab.page.evaluate(ONE_CHANGE, step)
    lab.page.wait_for_timeout(60)
    return duration


def dragged(lab):
    """Drag an overscan to and fro; return the milliseconds from each move of the mouse to its picture."""
    canvas = lab.page.locator("canvas.darkcal-profile").nth(1)
    canvas.scroll_into_view_if_needed()
    lab.page.evaluate(WATCH_DRAG)
    box = canvas.bounding_box()
    mouse, y = lab.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + 0.95 * box["width"], y)
    mouse.down()
    for n in range(DRAG_STEPS):
        mouse.move(box["x"] + (0.6 + 0.25 * abs(n % 30 - 15) / 15) * box["width"], y)
        lab.page.wait_for_timeout(16)
    mouse.up()
    lab.page.wait_for_function(SETTLED)
    lab.page.wait_for_timeout(200)
    return lab.page.evaluate("window.darkcalTimes")


if __name__ == "__main__":
    sys.exit(main())
