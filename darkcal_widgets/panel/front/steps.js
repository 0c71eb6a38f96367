// 2. The steps: overscan, kept part and bias, set by text, by number, or over the profile.

import { amplifierControls } from "./amplifiers.js";
import { flagControl, selectControl, textControl } from "./controls.js";
import { dragging, listen } from "./drag.js";
import { checkbox, floats, isBusy, labelled, make, makeButton, row, section, setText } from "./elements.js";
import { inLabels, LABELS } from "./labels.js";
import { drawProfile } from "./profile.js";
import { comparedPart, fits, partAlong, sectionNow, withPart, zoomWindow } from "./sections.js";

const WORDS = {
  overscan_columns: {
    tip: "Columns no light falls on; the median of each row over them is subtracted from that row. Empty: none",
    empty: "none",
    clear: "None",
    nothing: "No overscan is subtracted",
  },
  keep_columns: {
    tip: "The part that the trim keeps. Empty: all",
    empty: "all",
    clear: "All",
    nothing: "Everything is kept",
  },
};

export function stepsPart(panel) {
  const redraw = () => element.dispatchEvent(new CustomEvent("darkcal-redraw", { bubbles: true }));
  const drag = dragging(panel, redraw);
  const amplifiers = amplifierControls(panel);
  const steps = [
    sectionControls(panel, drag, "overscan_columns"),
    sectionControls(panel, drag, "keep_columns"),
    amplifiers,
    biasControls(panel),
  ];
  const start = startControls(panel, amplifiers.several);
  const view = viewControls(panel);
  const charts = profileCharts(panel, drag);
  const element = section(
    "2. The steps",
    start.element,
    make("div", { class: "darkcal-steps" }, ...steps.map((step) => step.element)),
    row(...view.elements, charts.legend),
    charts.element,
  );
  const update = () => {
    for (const part of [start, ...steps, view, charts]) part.update();
    element.classList.toggle("darkcal-empty", !panel.get("profiles").lines);
  };
  const settings = ["overscan_columns", "keep_columns", "amplifiers", "subtract_bias", "combined_bias"];
  const looks = ["statistic", "axis", "drag_sets", "aligned"];
  return { element, update, shows: [...settings, ...looks, "selected", "problems", "notes", "profiles"] };
}

// The settings that the advice recommends, or those of another night.
function startControls(panel, more) {
  const advised = makeButton(
    "As advised",
    "Set overscan, kept part and bias as the measurements of this night recommend",
    () => panel.act("as advised"),
    { "data-name": "as-advised" },
  );
  const keep = makeButton(
    "Keep as they are",
    "Use the settings of the other night for this one, too",
    () => panel.act("accept"),
    { "data-name": "accept" },
  );
  const update = () => {
    keep.hidden = (panel.get("notes").questions ?? []).length === 0;
  };
  return { element: row(advised, keep, more), update };
}

function biasControls(panel) {
  const flag = flagControl(
    panel,
    "subtract_bias",
    LABELS.subtract_bias,
    "Subtract the combined bias: needed where darks will be scaled to other exposure times",
  );
  const file = textControl(
    panel,
    "combined_bias",
    `${LABELS.combined_bias} (empty: found or built)`,
    "Path of the combined bias; empty: found by its header in the folder of results, or built from the bias frames",
    { width: "16em" },
  );
  const note = make("p", { class: "darkcal-note" });
  const remark = remarkOn(panel, "subtract_bias");
  const element = make(
    "fieldset",
    { class: "darkcal-wide" },
    make("legend", {}, "Bias"),
    flag.element,
    file.element,
    note,
    remark.element,
  );
  const update = () => {
    flag.update();
    file.update();
    remark.update();
    setText(note, panel.get("notes").bias ?? "");
  };
  return { element, update };
}

// What was measured speaks against a setting.
export function remarkOn(panel, name) {
  const element = make("p", { class: "darkcal-remark", role: "status", "data-name": `${name}-remark` });
  const update = () => setText(element, inLabels(panel.get("notes").remarks?.[name] ?? ""));
  return { element, update };
}

function viewControls(panel) {
  const selects = [
    selectControl(panel, "statistic", "Profile", "What is drawn for each column or row", [
      ["mean", "mean"],
      ["median", "median"],
    ]),
    selectControl(
      panel,
      "axis",
      "along",
      "Profile of the columns, or of the rows where the overscan is rows",
      [
        [1, "columns"],
        [0, "rows"],
      ],
    ),
    selectControl(
      panel,
      "drag_sets",
      "Drag sets",
      "What dragging over the profile sets; dragging an edge moves that edge",
      [
        ["overscan_columns", "overscan"],
        ["keep_columns", "kept part"],
      ],
    ),
  ];
  const aligned = checkbox(
    "on one level",
    "Draw each profile from its own level in the overscan, or at the edge where none is set, so that they can be compared",
    (value) => panel.set({ aligned: value }),
  );
  const update = () => {
    for (const select of selects) select.update();
    selects[2].control.disabled = panel.get("amplifiers") !== null;
    aligned.control.checked = panel.get("aligned");
  };
  return { elements: [...selects.map((select) => select.element), aligned.element], update };
}

// One section: its text, its two ends as numbers, a button to empty it, and both notations.
function sectionControls(panel, drag, name) {
  const words = WORDS[name];
  const text = textControl(panel, name, "Columns or FITS section", words.tip, { event: "input" });
  text.control.placeholder = words.empty;
  const ends = sectionEnds(panel, drag, name);
  const clear = makeButton(words.clear, words.nothing, () => panel.set({ [name]: null }));
  const both = make("p", { class: "darkcal-note", "aria-live": "polite" });
  const legend = make("legend", { title: words.tip }, LABELS[name]);
  const controls = row(text.element, ...ends.elements, clear);
  const remark = remarkOn(panel, name);
  const element = make("fieldset", {}, legend, controls, text.trouble, both, remark.element);
  const update = () => {
    for (const part of [text, ends, remark]) part.update();
    const found = panel.get("selected")[name];
    const isKnown = found?.text === panel.get(name);
    const nothing = panel.get(name) === null ? `${words.nothing}.` : "";
    setText(both, isKnown ? `Python ${found.python} · FITS ${found.fits} · ${ends.count()}` : nothing);
    const problem = panel.get("problems")[name];
    element.classList.toggle("darkcal-wrong", Boolean(problem));
    element.hidden = panel.get("amplifiers") !== null && panel.get(name) === null && !problem;
  };
  return { element, update };
}

function sectionEnds(panel, drag, name) {
  const now = () => sectionNow(panel, name);
  const axis = () => (name === "overscan_columns" && now() ? now().axis : panel.get("axis"));
  const send = () => {
    const { shape } = panel.get("selected");
    if (!shape) return;
    const limits = [0, shape[axis() === 1 ? 1 : 0]];
    const part = ends.map(({ control }, n) => (control.value === "" ? limits[n] : Math.round(control.value)));
    panel.set({ [name]: withPart(name, now(), axis(), part, shape) });
  };
  const end = (label, tip, which) =>
    labelled(
      label,
      make("input", {
        type: "number",
        step: "1",
        min: "0",
        "data-name": `${name}-${which}`,
        "data-live": true,
        input: send,
      }),
      tip,
    );
  const ends = [
    end("from", "The first one in the part, counted from 0", "start"),
    end("up to", "The first one after the part, counted from 0", "stop"),
  ];
  const part = () => (now() ? (axis() === 1 ? now().columns : now().rows) : ["", ""]);
  const update = () => {
    const shown = (drag.isDragging() && drag.part(name)) || part();
    ends.forEach(({ control }, n) => {
      if (!isBusy(control)) control.value = shown[n];
    });
  };
  const count = () => `${part()[1] - part()[0]} ${axis() === 1 ? "columns" : "rows"}`;
  return { elements: ends.map((one) => one.element), update, count };
}

function profileCharts(panel, drag) {
  const charts = [profileChart("whole width", false), profileChart("zoomed to the overscan", true)];
  const legend = make("div", { class: "darkcal-legend" });
  const element = make("div", { class: "darkcal-charts" }, ...charts.map(({ figure }) => figure));
  for (const chart of charts) listen(drag, chart);
  let zoom = null;
  let zoomedIn = ""; // of which frame and axis
  const update = () => {
    const profiles = panel.get("profiles");
    const axis = panel.get("axis");
    if (profiles.axis !== axis || !panel.get("selected").shape) return;
    const lines = profiles.lines.map((line) => ({ ...line, values: floats(line.values) }));
    const size = lines[0].values.length;
    const parts = shownParts(panel, drag);
    const key = JSON.stringify([axis, panel.get("selected").shape]);
    if (!drag.isDragging() && (key !== zoomedIn || !fits(zoom, comparedPart(parts, size)))) {
      zoom = zoomWindow(parts, size);
      zoomedIn = key;
    }
    legend.replaceChildren(...lines.map(legendKey));
    const options = {
      axis,
      aligned: panel.get("aligned"),
      statistic: profiles.statistic,
      unit: profiles.unit,
    };
    for (const chart of charts) {
      const window = chart.zoomed ? zoom : [0, size];
      Object.assign(
        chart,
        drawProfile(chart.canvas, lines, parts, { ...options, window, zoomed: chart.zoomed }),
      );
      chart.canvas.setAttribute("aria-label", described(panel, chart));
    }
  };
  return { element, legend, update };
}

// What is shaded: the overscan and the kept part, or those of each amplifier.
function shownParts(panel, drag) {
  const { amplifiers } = panel.get("selected");
  if (!amplifiers) return { overscan: drag.part("overscan_columns"), keep: drag.part("keep_columns") };
  const axis = panel.get("axis");
  const each = amplifiers.map(({ overscan, image }) => ({
    overscan: partAlong(overscan, "overscan_columns", axis),
    keep: partAlong(image, "keep_columns", axis),
  }));
  return { overscan: each.find(({ overscan }) => overscan)?.overscan ?? null, keep: null, each };
}

function profileChart(title, zoomed) {
  const canvas = make("canvas", {
    class: "darkcal-profile",
    tabindex: "0",
    role: "img",
    title: "Drag to set, drag an edge to adjust; arrow keys move by one, with Shift the end only",
  });
  return { canvas, zoomed, figure: make("figure", {}, make("figcaption", {}, `Profile, ${title}`), canvas) };
}

function legendKey({ kind, label }, n) {
  return make("span", { class: `darkcal-key darkcal-key-${kind} darkcal-key-${n}` }, label);
}

function described(panel, { zoomed }) {
  const [overscan, keep] = [panel.get("overscan_columns") ?? "none", panel.get("keep_columns") ?? "all"];
  const where = zoomed ? "zoomed" : "whole width";
  const amplifiers = panel.get("amplifiers");
  if (amplifiers) return `Profile, ${where}. The parts of ${amplifiers.length} amplifiers are shaded.`;
  return (
    `Profile, ${where}. Overscan ${overscan}, kept ${keep}. ` +
    "Left and right move the part that a drag sets, with Shift its end."
  );
}
