// The panel: it draws what the kernel has said last, and sends what the user wants. No decision is taken here.

const GRIP = 7; // pixels within which an edge is taken hold of
const CLICK = 3; // pixels below which a drag is a click, which sets nothing
const ON_THEIR_WAY = 2; // steps of a drag that the kernel may still have to answer
const PATIENCE = 400; // milliseconds after which the next one is sent all the same

const SECTIONS = { overscan_columns: "overscan", keep_columns: "keep" };
const COLUMNS = [
  ["name", "File"], ["type", "Type"], ["exposure", "Exposure [s]"], ["filter", "Filter"], ["shape", "Rows × columns"], ["temperature", "Temp. [°C]"],
];
const NUMBERS = ["exposure", "temperature"];

// Messages to the kernel, numbered. Of the steps of a drag two may be on their way; of the others only the newest one waits.
function messenger(model, root) {
  let sent = Date.now(), waiting = null, asked = 0, open = [];
  const post = (message) => {
    sent += 1;
    asked = performance.now();
    open.push(sent);
    root.dataset.sent = sent;
    model.send({ ...message, n: sent });
  };
  const isFree = () => {
    open = open.filter((number) => number > (model.get("state").answered ?? 0));
    return open.length < ON_THEIR_WAY || performance.now() - asked > PATIENCE;
  };
  const flush = () => {
    if (!waiting || !isFree()) return;
    const message = waiting;
    waiting = null;
    post(message);
  };
  const live = (message) => {
    if (waiting === null) setTimeout(flush, PATIENCE); // should an answer be lost
    waiting = message;
    flush();
  };
  const now = (message) => {
    waiting = null;
    post(message);
  };
  return { now, live, flush };
}

function render({ model, el }) {
  // JupyterLab's shortcuts would take the arrow keys and letters away.
  const root = make("div", { class: "darkcal-panel", "data-lm-suppress-shortcuts": "true", "aria-label": "Dark calibration panel", role: "group" });
  const kernel = messenger(model, root);
  const state = () => model.get("state");
  const parts = [nightPart, stepsPart, effectPart, runPart, saveArea].map((part) => part({ model, kernel, state }));
  root.append(...parts.map((part) => part.element));
  el.append(root);

  let waiting = new Map(); // parts to draw in the next frame, and whether even what has not changed
  const draw = () => {
    const dirty = waiting;
    waiting = new Map();
    if (!root.isConnected || !state().values || root.clientWidth === 0) return;
    dirty.forEach((anew, part) => part.update(anew));
    root.dataset.answered = state().answered ?? 0;
    root.dispatchEvent(new CustomEvent("darkcal-drawn"));
  };
  const redraw = (some, anew = false) => {
    if (waiting.size === 0) requestAnimationFrame(draw);
    some.forEach((part) => waiting.set(part, anew || waiting.get(part)));
  };
  const redrawAll = () => redraw(parts, true);
  const listeners = [...new Set(parts.flatMap((part) => part.shows))].map((name) => [`change:${name}`, () => {
    kernel.flush();
    redraw(parts.filter((part) => part.shows.includes(name)));
  }]);
  listeners.forEach(([event, listener]) => model.on(event, listener));
  const sizes = new ResizeObserver(redrawAll);
  sizes.observe(root);
  const theme = new MutationObserver(redrawAll);
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  root.addEventListener("darkcal-redraw", (event) => redraw(parts.filter((part) => part.element === event.target)));
  root.addEventListener("focusout", () => redraw(parts)); // a control that was typed in shows again what holds
  kernel.now({ kind: "hello" });
  redrawAll();
  return () => {
    listeners.forEach(([event, listener]) => model.off(event, listener));
    sizes.disconnect();
    theme.disconnect();
  };
}

function section(title, ...children) {
  return make("section", { "aria-label": title }, make("h3", {}, title), ...children);
}

function heading(element) {
  return element.querySelector("h3");
}

function row(...children) {
  return make("div", { class: "darkcal-row" }, ...children);
}

function textControl(kernel, name, label, tip, { choices, width, event = "change" } = {}) {
  const control = make("input", { type: "text", spellcheck: "false", autocomplete: "off", "data-name": name, style: width && `width:${width}` });
  control.addEventListener(event, () => kernel.now({ kind: "set", name, value: control.value }));
  const field = labelled(label, control, tip);
  const list = choices && make("datalist", { id: newId() });
  if (list) {
    control.setAttribute("list", list.id);
    field.element.append(list);
  }
  const update = ({ values, problems, folders }) => {
    if (!isBusy(control)) control.value = values[name] ?? "";
    field.mark(problems[name]);
    if (list) fill(list, folders[name].map((folder) => [folder, folder]));
  };
  return { ...field, update };
}

function selectControl(kernel, name, label, tip, choices, kind = "set") {
  const control = make("select", { "data-name": name, change: () => kernel.now({ kind, name, value: wanted(choices, control.value) }) });
  const field = labelled(label, control, tip);
  const update = ({ values, view, problems }) => {
    fill(control, choices.map(([value, text]) => [String(value), text]), String((kind === "set" ? values : view)[name]));
    field.mark(kind === "set" ? problems[name] : "");
  };
  return { ...field, update };
}

// A select knows texts only: find the value that the text stands for.
function wanted(choices, text) {
  return choices.find(([value]) => String(value) === text)[0];
}

function flagControl(kernel, name, label, tip) {
  const field = checkbox(label, tip, (value) => kernel.now({ kind: "set", name, value }));
  field.control.dataset.name = name;
  const update = ({ values, problems }) => {
    field.control.checked = values[name];
    field.mark(problems[name]);
  };
  return { ...field, update };
}

// 1. The night

function nightPart({ model, kernel, state }) {
  const raw = textControl(kernel, "raw_folder", "Folder of the night", "The folder of raw frames, as seen from where the notebook runs", { choices: true, width: "22em" });
  const darkSelect = make("select", { "data-name": "dark_folder", change: () => kernel.now({ kind: "set", name: "dark_folder", value: darkSelect.value }) });
  const dark = labelled("Darks are in", darkSelect, "The subfolder of the darks, or the night itself");
  const listSelect = selectControl(kernel, "list", "List", "Darks can be picked; all frames can be looked at", [["darks", "darks only"], ["all", "all frames"]], "view");
  const exposure = make("select", { change: () => kernel.now({ kind: "view", name: "exposure", value: exposure.value === "" ? null : Number(exposure.value) }) });
  const exposureField = labelled("Exposure", exposure, "List the darks of one exposure time only");
  const pick = (rows) => kernel.now({ kind: "pick", rows });
  const listed = () => shownRows(model.get("night"), state().view).filter((n) => model.get("night").frames[n].dark);
  const pickAll = make("button", { type: "button", title: "Pick every dark in the list below", click: () => pick([...new Set([...state().picked, ...listed()])]) }, "Pick listed");
  const pickNone = make("button", { type: "button", title: "Leave out every dark in the list below", click: () => pick(state().picked.filter((n) => !listed().includes(n))) }, "Leave out listed");
  const onlyListed = make("button", { type: "button", title: "Pick the darks in the list below and no others", click: () => pick(listed()) }, "Pick only listed");
  const count = make("span", { class: "darkcal-count", role: "status" });
  const table = frameTable({ model, kernel, state, pick });
  const filesTrouble = make("p", { class: "darkcal-trouble", role: "status" });
  const notes = make("div", { class: "darkcal-notes", role: "status" });
  const element = section("1. The night", row(raw.element, dark.element, listSelect.element, exposureField.element),
    table.element, row(pickAll, pickNone, onlyListed, count), filesTrouble, notes);
  const update = () => {
    const now = state(), night = model.get("night");
    raw.update(now);
    listSelect.update(now);
    fill(darkSelect, [["", "the night's folder"], ...now.folders.dark_folder.map((folder) => [folder, folder])], now.values.dark_folder ?? "");
    dark.mark(now.problems.dark_folder);
    fill(exposure, [["", "all"], ...night.exposures.map(({ label, rows }, n) => [String(n), `${label} (${rows.length})`])], String(now.view.exposure ?? ""));
    setText(count, `${now.picked.length} of ${night.frames.filter((frame) => frame.dark).length} darks picked`);
    setText(filesTrouble, now.problems.files ?? "");
    notes.replaceChildren(...night.notes.map((note) => make("p", {}, note)));
    table.update();
  };
  return { element, update, shows: ["state", "night"] };
}

function shownRows({ frames, exposures }, { list, exposure, sort: [key, backwards] }) {
  const chosen = exposure === null ? null : new Set(exposures[exposure]?.rows);
  const rows = frames.map((_, n) => n).filter((n) => (list === "all" || frames[n].dark || frames[n].trouble) && (!chosen || chosen.has(n)));
  const value = (n) => (key === "shape" ? (frames[n].shape ?? [0, 0]).reduce((a, b) => a * b) : frames[n][key]);
  const order = (a, b) => {
    const [one, other] = [value(a), value(b)];
    if (one === null || other === null) return (one === null) - (other === null); // what is not known comes last
    return (typeof one === "string" ? one.localeCompare(other, undefined, { numeric: true }) : one - other) * (backwards ? -1 : 1);
  };
  return rows.sort((a, b) => order(a, b) || a - b);
}

function frameTable({ model, kernel, state, pick }) {
  const heads = COLUMNS.map(([key, title]) => {
    const button = make("button", {
      type: "button", title: `Sort by ${title}; once more: backwards`,
      click: () => {
        const [now, backwards] = state().view.sort;
        kernel.now({ kind: "view", name: "sort", value: [key, now === key && !backwards] });
      },
    }, title);
    return make("th", { scope: "col", class: NUMBERS.includes(key) ? "darkcal-number" : "" }, button);
  });
  const body = make("tbody", { keydown: (event) => moveFocus(event, body) });
  const table = make("table", { "aria-label": "Frames of the night" }, make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Pick"), ...heads)), body);
  const element = make("div", { class: "darkcal-table" }, table);
  let drawn = "";

  const build = (night, rows) => {
    const focused = body.getRootNode().activeElement?.closest?.("tr")?.dataset.row;
    body.replaceChildren(...rows.map((n) => tableRow(night.frames[n], n)));
    if (focused !== undefined) body.querySelector(`tr[data-row="${focused}"]`)?.focus();
  };
  const tableRow = (frame, n) => {
    const toggle = () => frame.dark && pick(state().picked.includes(n) ? state().picked.filter((other) => other !== n) : [...state().picked, n]);
    const look = () => !frame.trouble && kernel.now({ kind: "look", row: n });
    const box = make("input", {
      type: "checkbox", tabindex: "-1", disabled: !frame.dark, "aria-label": `Calibrate ${frame.name}`,
      title: frame.dark ? "Calibrate this dark" : "Only darks are calibrated", click: (event) => event.stopPropagation(), change: toggle,
    });
    const cells = [frame.name, frame.type, formatted(frame.exposure, 6), frame.filter, frame.shape?.join(" × ") ?? "", formatted(frame.temperature, 4)];
    const line = make("tr", {
      tabindex: "-1", "data-row": n, class: frame.trouble ? "darkcal-unreadable" : "", title: frame.trouble || "Click or press Enter to look at this frame; Space picks it",
      click: look,
      keydown: (event) => {
        if (event.target !== line) return;
        if (event.key === "Enter") look();
        else if (event.key === " ") toggle();
        else return;
        event.preventDefault();
      },
    }, make("td", {}, box), ...cells.map((text, c) => make("td", { class: NUMBERS.includes(COLUMNS[c][0]) ? "darkcal-number" : "" }, text)));
    return line;
  };
  const update = () => {
    const night = model.get("night"), { view, picked } = state();
    const rows = shownRows(night, view);
    const wantedRows = JSON.stringify([rows, night.frames.map((frame) => frame.name)]);
    if (wantedRows !== drawn) build(night, rows);
    drawn = wantedRows;
    heads.forEach((head, n) => head.setAttribute("aria-sort", COLUMNS[n][0] !== view.sort[0] ? "none" : view.sort[1] ? "descending" : "ascending"));
    const chosen = new Set(picked);
    for (const line of body.rows) {
      const n = Number(line.dataset.row);
      line.querySelector("input").checked = chosen.has(n);
      line.classList.toggle("darkcal-looked", n === view.frame);
      line.setAttribute("aria-selected", chosen.has(n));
      line.tabIndex = n === view.frame ? 0 : -1;
    }
    if (body.rows.length && !body.querySelector('tr[tabindex="0"]')) body.rows[0].tabIndex = 0;
  };
  return { element, update };
}

// One row of the list can be reached by Tab, the others by the arrow keys.
function moveFocus(event, body) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const line = event.target.closest("tr");
  if (!step || !line) return;
  event.preventDefault();
  const next = body.rows[[...body.rows].indexOf(line) + step];
  if (!next) return;
  line.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

// 2. The steps

function stepsPart({ model, kernel, state }) {
  const drag = dragging({ kernel, state });
  const overscan = sectionControls({ kernel, state, drag }, "overscan_columns", "Subtract the overscan", "Columns no light falls on; the median of each row over them is subtracted from that row. Empty: none");
  const keep = sectionControls({ kernel, state, drag }, "keep_columns", "Keep", "The part that the trim keeps. Empty: all");
  const bias = flagControl(kernel, "subtract_bias", "Subtract the bias", "Subtract the combined bias: needed where darks will be scaled to other exposure times");
  const biasFile = textControl(kernel, "combined_bias", "Combined bias (empty: found or built)", "Path of the combined bias; empty: found by its header in the folder of results, or built from the bias frames", { width: "16em" });
  const biasNote = make("p", { class: "darkcal-note" });
  const statistic = selectControl(kernel, "statistic", "Profile", "What is drawn for each column or row", [["mean", "mean"], ["median", "median"]], "view");
  const axis = selectControl(kernel, "axis", "along", "Profile of the columns, or of the rows where the overscan is rows", [[1, "columns"], [0, "rows"]], "view");
  const target = selectControl(kernel, "drag", "Drag sets", "What dragging over the profile sets; dragging an edge moves that edge", [["overscan_columns", "overscan"], ["keep_columns", "kept part"]], "view");
  const aligned = checkbox("above overscan", "Draw each profile from its own level in the overscan, so that they can be compared", (value) => kernel.now({ kind: "view", name: "aligned", value }));
  const legend = make("div", { class: "darkcal-legend" });
  const canvases = [profileCanvas("whole width"), profileCanvas("zoomed to the overscan")];
  const charts = canvases.map(([canvas, figure], n) => ({ canvas, figure, zoomed: n === 1 }));
  const element = section("2. The steps",
    make("div", { class: "darkcal-steps" }, overscan.element, keep.element, make("fieldset", {}, make("legend", {}, "Bias"), bias.element, biasFile.element, biasNote)),
    row(statistic.element, axis.element, target.element, aligned.element, legend),
    make("div", { class: "darkcal-charts" }, ...charts.map(({ figure }) => figure)));
  let zoom = null, zoomKey = "";
  const size = () => state().shape[state().view.axis === 1 ? 1 : 0];
  const update = () => {
    const now = state();
    [overscan, keep, bias, biasFile, statistic, axis, target].forEach((control) => control.update(now));
    aligned.control.checked = now.view.aligned;
    setText(biasNote, now.notes.bias ?? "");
    const profiles = model.get("profiles");
    element.classList.toggle("darkcal-empty", !profiles.lines);
    if (!profiles.lines || !now.shape || profiles.axis !== now.view.axis) return;
    const lines = profiles.lines.map((line) => ({ ...line, values: numbers(line.values) }));
    legend.replaceChildren(...lines.map(({ kind, label }) => make("span", { class: `darkcal-key darkcal-key-${kind}` }, label)));
    const shown = { overscan: range(now, "overscan_columns"), keep: range(now, "keep_columns") };
    const key = JSON.stringify([now.view.axis, now.shape]);
    if (!drag.active() && (key !== zoomKey || !fits(zoom, strip(shown.overscan, shown.keep, size())))) {
      zoom = zoomWindow(shown.overscan, shown.keep, size());
      zoomKey = key;
    }
    const parts = drag.over(shown);
    for (const chart of charts) {
      const window = chart.zoomed ? zoom : [0, size()];
      const options = { window, zoomed: chart.zoomed, aligned: now.view.aligned, axis: now.view.axis, statistic: now.view.statistic, unit: profiles.unit };
      Object.assign(chart, drawProfile(chart.canvas, lines, parts, options));
      chart.canvas.setAttribute("aria-label", `Profile, ${chart.zoomed ? "zoomed" : "whole width"}. Overscan ${now.values.overscan_columns ?? "none"}, kept ${now.values.keep_columns ?? "all"}. Left and right move the part that a drag sets, with Shift its end.`);
    }
  };
  charts.forEach((chart) => drag.listen(chart, element));
  return { element, update, shows: ["state", "profiles"] };
}

function numbers(bytes) {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function fits(window, [start, stop]) {
  return window && start >= window[0] && stop <= window[1] && stop - start >= (window[1] - window[0]) / 12;
}

// The part of a section along the axis of the profile; an overscan along the other axis has none.
function range({ sections, view }, name) {
  const found = sections[name];
  if (!found || (name === "overscan_columns" && found.axis !== view.axis)) return null;
  return view.axis === 1 ? found.columns : found.rows;
}

function profileCanvas(title) {
  const canvas = make("canvas", {
    class: "darkcal-profile", tabindex: "0", role: "img",
    title: "Drag to set, drag an edge to adjust; arrow keys move by one, with Shift the end only",
  });
  return [canvas, make("figure", {}, make("figcaption", {}, `Profile, ${title}`), canvas)];
}

function sectionControls({ kernel, state, drag }, name, title, tip) {
  const text = textControl(kernel, name, "Columns or FITS section", tip, { event: "input" });
  text.control.placeholder = name === "overscan_columns" ? "none" : "all";
  const ends = ["from", "up to"].map((label, n) => {
    const control = make("input", { type: "number", step: "1", min: "0", "data-name": `${name}-${n ? "stop" : "start"}`, input: () => send() });
    return labelled(label, control, n ? "The first one after the part, counted from 0" : "The first one in the part, counted from 0");
  });
  const clear = make("button", {
    type: "button", title: `${name === "overscan_columns" ? "No overscan is subtracted" : "Everything is kept"}`,
    click: () => kernel.now({ kind: "set", name, value: "" }),
  }, name === "overscan_columns" ? "None" : "All");
  const both = make("p", { class: "darkcal-note", "aria-live": "polite" });
  const axisOf = (now) => (name === "overscan_columns" ? now.sections[name]?.axis ?? now.view.axis : now.view.axis);
  const send = () => {
    const now = state(), axis = axisOf(now);
    const size = now.shape ? now.shape[axis === 1 ? 1 : 0] : 0;
    const [start, stop] = ends.map(({ control }, n) => (control.value === "" ? [0, size][n] : Math.round(Number(control.value))));
    kernel.now({ kind: "range", name, axis, start, stop });
  };
  const element = make("fieldset", {}, make("legend", { title: tip }, title), row(text.element, ...ends.map((end) => end.element), clear), text.trouble, both);
  const update = (now) => {
    text.update(now);
    const found = now.sections[name], axis = axisOf(now);
    const dragged = drag.range(name);
    const [start, stop] = dragged ?? (found ? (axis === 1 ? found.columns : found.rows) : ["", ""]);
    if (found || now.values[name] === null) ends.forEach(({ control }, n) => !isBusy(control) && (control.value = [start, stop][n]));
    setText(both, found ? `Python ${found.python} · FITS ${found.fits} · ${stop - start} ${axis === 1 ? "columns" : "rows"}` : now.values[name] === null ? (name === "overscan_columns" ? "No overscan is subtracted." : "Everything is kept.") : "");
    element.classList.toggle("darkcal-wrong", Boolean(now.problems[name]));
  };
  return { element, update };
}

// Dragging over a profile: the picture follows at once, the kernel as fast as it can, and always to the last place.
function dragging({ kernel, state }) {
  let grip = null; // {name, anchor, start, stop, moved}
  const edgeAt = (chart, place) => {
    for (const name of [state().view.drag, ...Object.keys(SECTIONS)]) {
      const part = range(state(), name);
      const end = part && part.findIndex((edge) => Math.abs(chart.x(edge) - place) <= GRIP);
      if (part && end >= 0) return { name, anchor: part[1 - end] };
    }
    return null;
  };
  const size = () => state().shape[state().view.axis === 1 ? 1 : 0];
  const column = (chart, place) => Math.min(size(), Math.max(0, Math.round(chart.x.back(place))));
  const post = (send, live) => send({ kind: "range", name: grip.name, axis: state().view.axis, start: grip.start, stop: grip.stop, live });
  const placeOf = (event, canvas) => event.clientX - canvas.getBoundingClientRect().left;

  const begin = (event, chart) => {
    if (event.button !== 0 || !chart.x) return;
    const place = placeOf(event, chart.canvas);
    const edge = edgeAt(chart, place);
    grip = { name: edge?.name ?? state().view.drag, anchor: edge?.anchor ?? column(chart, place), from: place, moved: false };
    chart.canvas.setPointerCapture(event.pointerId);
    chart.canvas.focus({ preventScroll: true });
    event.preventDefault();
  };
  const move = (event, chart, element) => {
    const place = placeOf(event, chart.canvas);
    if (!grip) {
      if (chart.x) chart.canvas.style.cursor = edgeAt(chart, place) ? "ew-resize" : "crosshair";
      return;
    }
    grip.moved ||= Math.abs(place - grip.from) > CLICK;
    const [start, stop] = [grip.anchor, column(chart, place)].sort((a, b) => a - b);
    if (!grip.moved || start === stop || (start === grip.start && stop === grip.stop)) return;
    Object.assign(grip, { start, stop });
    post(kernel.live, true);
    element.dispatchEvent(new CustomEvent("darkcal-redraw", { bubbles: true }));
  };
  const end = () => {
    if (grip?.start !== undefined) post(kernel.now, false);
    grip = null;
  };
  const key = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const name = state().view.drag, part = range(state(), name);
    if (!step || !part) return;
    event.preventDefault();
    const start = part[0] + (event.shiftKey ? 0 : step), stop = part[1] + step;
    if (start >= 0 && stop <= size() && start < stop) kernel.now({ kind: "range", name, axis: state().view.axis, start, stop });
  };
  const listen = (chart, element) => {
    chart.canvas.addEventListener("pointerdown", (event) => begin(event, chart));
    chart.canvas.addEventListener("pointermove", (event) => move(event, chart, element));
    chart.canvas.addEventListener("pointerup", end);
    chart.canvas.addEventListener("pointercancel", end);
    chart.canvas.addEventListener("keydown", key);
  };
  const rangeOf = (name) => (grip?.name === name && grip.start !== undefined ? [grip.start, grip.stop] : null);
  const over = (parts) => ({ overscan: rangeOf("overscan_columns") ?? parts.overscan, keep: rangeOf("keep_columns") ?? parts.keep });
  return { listen, active: () => grip !== null, range: rangeOf, over };
}

// 3. The effect

function effectPart({ model, state }) {
  const canvases = Object.fromEntries(["before", "after", "histogram", "levels"].map((name) => [name, make("canvas", { role: "img", class: `darkcal-${name}` })]));
  const captions = Object.fromEntries(Object.keys(canvases).map((name) => [name, make("figcaption", { class: name === "histogram" || name === "levels" ? "" : `darkcal-key darkcal-key-${name}` })]));
  const figures = Object.keys(canvases).map((name) => make("figure", { class: `darkcal-figure-${name}` }, captions[name], canvases[name]));
  const trouble = make("p", { class: "darkcal-note", role: "status" });
  const element = section("3. The effect", trouble, make("div", { class: "darkcal-effect" }, ...figures));
  const say = (name, text) => {
    setText(captions[name], text);
    canvases[name].setAttribute("aria-label", text);
  };
  const pictures = (effect, now) => {
    const { shape, keep, half, unit } = effect;
    const overscan = now.sections.overscan_columns;
    const raw = model.get("raw"), whole = [[0, shape[0]], [0, shape[1]]];
    const before = { size: raw.size, pixels: stretched(numbers(raw.values), effect.before.median, half) };
    const after = { size: effect.after.size, pixels: new Uint8Array(effect.after.pixels.buffer, effect.after.pixels.byteOffset, effect.after.pixels.byteLength) };
    drawPicture(canvases.before, before, shape, whole, overscan && [overscan.rows, overscan.columns], effect.before.median, half);
    drawPicture(canvases.after, after, shape, keep, null, effect.after.median, half);
    drawHistogram(canvases.histogram, effect);
    for (const name of ["before", "after"]) say(name, `${name}: median ${formatted(Math.round(effect[name].median * 100) / 100, 6)} ${unit}, scatter ${formatted(effect[name].spread, 3)}`);
    say("histogram", "Pixels: before (dashed), after (solid)");
  };
  let drawn = [];
  const update = (anew) => {
    const now = state(), effect = model.get("effect"), { rows = [], picked, shown } = model.get("levels");
    const wanted = [effect, model.get("levels"), model.get("raw"), JSON.stringify(now.sections.overscan_columns)];
    if (!anew && wanted.every((value, n) => value === drawn[n])) return;
    drawn = wanted;
    const there = Boolean(effect.after);
    element.classList.toggle("darkcal-empty", !there);
    setText(heading(element), there ? `3. The effect on ${effect.name}` : "3. The effect");
    setText(trouble, there ? "" : effect.trouble ?? "Correct the settings marked above to see what they do.");
    if (there) pictures(effect, now);
    canvases.levels.parentElement.hidden = rows.length === 0;
    if (rows.length === 0 || !there) return;
    const some = shown < picked ? `${shown} of ${picked} picked darks` : `${rows.length} picked darks`;
    const range = (name) => formatted(Math.max(...rows.map((line) => line[name])) - Math.min(...rows.map((line) => line[name])), 3);
    say("levels", `Levels of ${rows.length < shown ? `${rows.length} (reading on) of ${shown}` : some}: range ${range("before")} ${effect.unit} before, ${range("after")} after`);
    drawLevels(canvases.levels, rows, effect.unit, effect.name);
  };
  return { element, update, shows: ["state", "raw", "effect", "levels"] };
}

// 4. Calibrate

function runPart({ model, kernel, state }) {
  const folder = textControl(kernel, "reduced_folder", "Folder of results", "Where calibrated darks are written; made if it is not there", { width: "18em" });
  const dtype = selectControl(kernel, "output_dtype", "Type", "Number type of the results", [["float32", "float32"], ["float64", "float64"]]);
  const unit = selectControl(kernel, "unit", "Unit", "Unit of frames whose header has no BUNIT", [["adu", "adu"], ["electron", "electron"]]);
  const overwrite = flagControl(kernel, "overwrite", "Overwrite", "Replace results that were made with other settings");
  const note = make("p", { class: "darkcal-note", role: "status" });
  const start = make("button", { type: "button", class: "darkcal-primary", "data-name": "calibrate", title: "Calibrate the picked darks with these settings", click: () => kernel.now({ kind: "calibrate" }) }, "Calibrate");
  const cancel = make("button", { type: "button", "data-name": "cancel", title: "Stop after the frames that are being calibrated; results written are kept", click: () => kernel.now({ kind: "cancel" }) }, "Cancel");
  const progress = make("progress", { "aria-label": "Frames calibrated" });
  const counts = make("span", { class: "darkcal-count", role: "status" });
  const summary = make("div", { class: "darkcal-summary", role: "log", "aria-label": "What was done" });
  const element = section("4. Calibrate", row(folder.element, dtype.element, unit.element, overwrite.element), note, row(start, cancel, progress, counts), summary);
  let told = null;
  const update = () => {
    const now = state(), run = model.get("run");
    [folder, dtype, unit, overwrite].forEach((control) => control.update(now));
    const wrong = Object.keys(now.problems).length;
    setText(note, wrong ? `Calibrate is off until ${wrong === 1 ? "one setting is" : `${wrong} settings are`} corrected: ${Object.keys(now.problems).join(", ").replaceAll("_", " ")}.` : now.notes.results ?? "");
    start.disabled = wrong > 0 || Boolean(run.running);
    cancel.disabled = !run.running || Boolean(run.cancelling);
    progress.hidden = run.running === undefined;
    progress.max = Math.max(1, run.total ?? 1);
    progress.value = run.done ?? 0;
    setText(counts, runText(run));
    if (run !== told && !run.running) summary.replaceChildren(...summaryLines(run));
    if (run.running) summary.replaceChildren();
    told = run;
  };
  return { element, update, shows: ["state", "run"] };
}

function runText(run) {
  if (run.running === undefined) return "";
  const done = `${run.done} of ${run.total} frames`;
  const failed = run.failed ? `, ${run.failed} failed` : "";
  if (!run.running) return `${done}${failed}, ${formatted(run.seconds, 2)} s`;
  if (run.cancelling) return `${done}${failed}; stopping ...`;
  return run.rate ? `${done}${failed}, ${formatted(run.rate, 2)} per second, ${formatted(run.left, 2)} s left` : `${done}: preparing ...`;
}

function summaryLines(run) {
  const lines = (run.lines ?? []).map((text) => make("p", { class: text.startsWith("failed") || text.startsWith("Stopped") ? "darkcal-trouble" : "" }, text));
  if (!run.results?.length) return lines;
  const links = run.results.map(({ name, path, state }) => make("li", {}, fileLink(path, name), ` ${state}`));
  return [...lines, make("details", {}, make("summary", {}, `${run.results.length} results`), make("ul", {}, ...links))];
}

// JupyterLab tells its pages where its files begin; elsewhere a path is only text.
function fileLink(path, text) {
  let page = {};
  try {
    page = JSON.parse(document.getElementById("jupyter-config-data")?.textContent ?? "{}");
  } catch {
    return make("code", {}, path);
  }
  const top = page.rootUri?.startsWith("file://") ? decodeURIComponent(page.rootUri.slice(7)).replace(/\/?$/, "/") : null;
  if (!top || !path.startsWith(top)) return make("code", {}, path);
  const inside = path.slice(top.length).split("/").map(encodeURIComponent).join("/");
  return make("a", { href: `${page.baseUrl ?? "/"}files/${inside}`, target: "_blank", rel: "noopener", title: path }, text);
}

// 5. To files and to code

function saveArea({ kernel, state }) {
  const file = make("input", { type: "text", spellcheck: "false", "data-name": "settings_file", change: () => kernel.now({ kind: "view", name: "settings_file", value: file.value }) });
  const fileField = labelled("Settings file", file, "A YAML file that papermill -f and darkcal batch read, too");
  let asked = "";
  const save = make("button", { type: "button", "data-name": "save", title: "Write the settings to the file", click: () => kernel.now({ kind: "save", replace: asked !== "" && asked === state().notes.said }) }, "Save settings");
  const load = make("button", { type: "button", "data-name": "load", title: "Take the settings from the file", click: () => kernel.now({ kind: "load" }) }, "Load settings");
  const said = make("span", { class: "darkcal-count", role: "status" });
  const papermill = codeBox("papermill, in a terminal");
  const python = codeBox("Python");
  const where = make("p", { class: "darkcal-note" });
  const element = make("details", { class: "darkcal-save" }, make("summary", {}, "5. Save these settings, or run them without the panel"),
    row(fileField.element, save, load, said), where, papermill.element, python.element);
  const update = () => {
    const { view, notes, code } = state();
    if (!isBusy(file)) file.value = view.settings_file;
    setText(said, notes.said ?? "");
    asked = notes.said?.includes("once more") ? notes.said : "";
    setText(where, code.papermill ? `Save the settings, then run this in ${code.folder}:` : "The commands appear when the settings are right.");
    papermill.update(code.papermill);
    python.update(code.python);
  };
  return { element, update, shows: ["state"] };
}

function codeBox(title) {
  const area = make("textarea", { readonly: true, rows: "1", wrap: "off", "aria-label": title });
  const copy = make("button", { type: "button", title: `Copy: ${title}`, click: async () => {
    await copyText(area);
    setText(copy, "Copied");
    setTimeout(() => setText(copy, "Copy"), 1500);
  } }, "Copy");
  const element = make("div", { class: "darkcal-code" }, make("span", {}, title), copy, area);
  const update = (text = "") => {
    element.hidden = text === "";
    if (area.value !== text) Object.assign(area, { value: text, rows: text.split("\n").length });
  };
  return { element, update };
}

export default { render };
