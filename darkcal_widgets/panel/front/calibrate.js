// 4. Calibrate: where results go, the buttons, how far a run has come, and what it has done.

import { flagControl, pairs, selectControl, textControl } from "./controls.js";
import { formatted, make, makeButton, row, section, setText } from "./elements.js";
import { inLabels, LABELS } from "./labels.js";

export function calibratePart(panel) {
  const controls = resultControls(panel);
  const notes = make("div", { class: "darkcal-note", role: "status" });
  const buttons = runControls(panel);
  const summary = make("div", { class: "darkcal-summary", role: "log", "aria-label": "What was done" });
  const settings = row(...controls.map((control) => control.element));
  const element = section("4. Calibrate", settings, notes, buttons.element, summary);
  let told = null;
  const update = () => {
    const progress = panel.get("progress");
    for (const part of [...controls, buttons]) part.update();
    const off = whyOff(Object.keys(panel.get("problems")));
    const { run: plan = [], combine } = panel.get("notes");
    const said = off ? [off] : [...plan, combine?.off].filter(Boolean);
    notes.replaceChildren(...said.map((text) => make("p", {}, inLabels(text))));
    if (progress !== told) summary.replaceChildren(...(progress.running ? [] : summaryLines(progress)));
    told = progress;
  };
  const shows = ["reduced_folder", "output_dtype", "unit", "overwrite", "problems", "notes", "progress"];
  return { element, update, shows };
}

function resultControls(panel) {
  const folderTip = "Where calibrated darks are written; made if it does not exist";
  return [
    textControl(panel, "reduced_folder", LABELS.reduced_folder, folderTip, { width: "18em" }),
    selectControl(
      panel,
      "output_dtype",
      LABELS.output_dtype,
      "Number type of the results",
      pairs(["float32", "float64"]),
    ),
    selectControl(
      panel,
      "unit",
      LABELS.unit,
      "Unit of frames whose header has no BUNIT",
      pairs(["adu", "electron"]),
    ),
    flagControl(
      panel,
      "overwrite",
      LABELS.overwrite,
      "Also when the cells are run: replace results that were made with other settings",
    ),
  ];
}

function whyOff(wrong) {
  if (wrong.length === 0) return "";
  const what = wrong.length === 1 ? "one setting is" : `${wrong.length} settings are`;
  return `Calibrate is off until ${what} corrected: ${wrong.map((name) => `“${LABELS[name] ?? name}”`).join(", ")}.`;
}

function runControls(panel) {
  const calibrate = deedButton(
    panel,
    "calibrate",
    "Calibrate",
    "Calibrate the picked darks with these settings",
  );
  const combine = deedButton(
    panel,
    "combine",
    "Combine",
    "Average the calibrated darks of each exposure time and temperature",
  );
  const cancel = makeButton(
    "Cancel",
    "Stop after the frames that are being calibrated; results written are kept",
    () => panel.act("cancel"),
    { "data-name": "cancel" },
  );
  const bar = make("progress", { "aria-label": "Frames calibrated" });
  const count = make("span", { class: "darkcal-count", role: "status" });
  const update = () => {
    const progress = panel.get("progress");
    for (const button of [calibrate, combine]) button.update();
    cancel.disabled = !progress.running || Boolean(progress.cancelling) || progress.what !== "frames";
    bar.hidden = progress.what !== "frames"; // combining is not counted
    bar.max = Math.max(1, progress.total ?? 1);
    bar.value = progress.done ?? 0;
    setText(count, progressText(progress));
  };
  return { element: row(calibrate.element, combine.element, cancel, bar, count), update };
}

// What a click does, and whether it can be done, is decided by the kernel.
function deedButton(panel, action, usual, tip) {
  const deed = () => panel.get("notes")[action] ?? { label: usual, replaces: false, off: "" };
  const click = () => panel.act(action, { replaces: deed().replaces });
  const element = makeButton(usual, tip, click, { class: "darkcal-primary", "data-name": action });
  const update = () => {
    const { label, replaces, off } = deed();
    setText(element, label);
    element.title = off || tip;
    element.classList.toggle("darkcal-replaces", replaces);
    const isWrong = Object.keys(panel.get("problems")).length > 0;
    element.disabled = isWrong || off !== "" || Boolean(panel.get("progress").running);
  };
  return { element, update };
}

function progressText({ running, done, total, what, failed, seconds, cancelling, rate, left }) {
  if (running === undefined) return "";
  if (!what) return running ? "preparing ..." : "";
  if (what !== "frames") return running ? `combining ${total} ...` : `combined in ${formatted(seconds, 2)} s`;
  const counted = `${done} of ${total} frames`;
  const all = failed ? `${counted}, ${failed} failed` : counted;
  if (!running) return `${all}, ${formatted(seconds, 2)} s`;
  if (cancelling) return `${all}; stopping ...`;
  if (!rate) return `${counted}: preparing ...`;
  return `${all}, ${formatted(rate, 2)} per second, ${formatted(left, 2)} s left`;
}

function summaryLines({ lines = [], results = [] }) {
  const isBad = (text) => text.startsWith("failed") || text.startsWith("Stopped");
  const said = lines.map((text) =>
    make("p", { class: isBad(text) ? "darkcal-trouble" : "" }, inLabels(text)),
  );
  if (results.length === 0) return said;
  const links = results.map(({ name, path, state }) => make("li", {}, fileLink(path, name), ` ${state}`));
  return [
    ...said,
    make(
      "details",
      {},
      make("summary", {}, results.length === 1 ? "1 result" : `${results.length} results`),
      make("ul", {}, ...links),
    ),
  ];
}

// JupyterLab tells its pages where its files begin; elsewhere a path is only text.
function fileLink(path, text) {
  let page = {};
  try {
    page = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  } catch {
    return make("code", {}, path);
  }
  const isLocal = page.rootUri?.startsWith("file://");
  const top = isLocal ? decodeURIComponent(page.rootUri.slice(7)).replace(/\/?$/, "/") : null;
  if (!top || !path.startsWith(top)) return make("code", {}, path);
  const inside = path.slice(top.length).split("/").map(encodeURIComponent).join("/");
  const href = `${page.baseUrl ?? "/"}files/${inside}`;
  return make("a", { href, target: "_blank", rel: "noopener", title: path }, text);
}
