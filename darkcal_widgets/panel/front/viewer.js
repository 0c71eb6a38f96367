// The frame before and after: two pictures that zoom, pan and blink together, with the values under the pointer.

import { sheet } from "./axes.js";
import { flagControl, selectControl } from "./controls.js";
import {
  checkbox,
  copyText,
  floats,
  formatted,
  inHundredths,
  make,
  makeButton,
  row,
  setText,
} from "./elements.js";
import { coloured, drawBar, limitsOf } from "./picture.js";
import { asking, listenTo, STEP, View } from "./viewing.js";

const BLINK = 700; // milliseconds
const BAR = 24; // pixels of height below the picture
const TALL = { least: 150, most: 400 };
const MOST_MARKS = 400;

export function viewer(panel) {
  const sides = ["raw", "result"].map((name, n) => pictureOf(panel, name, ["before", "after"][n]));
  const readout = make("p", { class: "darkcal-readout" });
  const draw = () => {
    for (const side of sides) side.draw(view);
    setText(readout, readoutText(panel, sides, view));
  };
  const view = new View(asking(panel), draw);
  const pictures = make("div", { class: "darkcal-pictures" }, ...sides.map(({ figure }) => figure));
  const place = () => {
    size(sides, panel.get("raw").shape);
    view.follow(panel.get("window"), panel.get("raw").shape, boxOf(sides));
    draw();
  };
  const blink = blinkControl(pictures, place);
  const tools = [stretchControl(panel), limitsControl(panel), hotControl(panel), blink];
  for (const { canvas } of sides) listenTo(canvas, view, blink.toggle);
  const elements = tools.map((tool) => tool.element);
  const others = otherViewers(panel);
  const element = make(
    "div",
    { class: "darkcal-viewer" },
    row(...elements, ...zoomButtons(view), others.buttons),
    pictures,
    readout,
    others.element,
  );
  const update = (outlined) => {
    for (const tool of [...tools, others]) tool.update();
    for (const side of sides) side.take(outlined);
    place();
  };
  return { element, update };
}

function stretchControl(panel) {
  return selectControl(panel, "stretch", "Stretch", "How values between the limits become colours", [
    ["linear", "linear"],
    ["asinh", "asinh"],
    ["log", "logarithmic"],
  ]);
}

function limitsControl(panel) {
  return selectControl(panel, "limits", "Limits", "From which value to which the colours go", [
    ["noise", "level ± 5 noise"],
    ["98 %", "98 % of the pixels"],
    ["all", "least to largest"],
  ]);
}

function hotControl(panel) {
  const tip = "Ring the pixels shown that stand far above the level and a neighbour, after calibration";
  return flagControl(panel, "mark_hot", "Mark hot pixels", tip);
}

function blinkControl(pictures, place) {
  const tip = "Show before and after in turn in the same place (B)";
  const field = checkbox("Blink", tip, (isOn) => {
    blink(isOn);
    place();
  });
  field.control.dataset.name = "blink";
  const blink = blinking(pictures);
  const toggle = () => field.control.click();
  return { ...field, toggle, update: () => {} };
}

function zoomButtons(view) {
  return [
    makeButton("+", "Zoom in", () => view.zoom(STEP), { "aria-label": "Zoom in" }),
    makeButton("−", "Zoom out", () => view.zoom(1 / STEP), { "aria-label": "Zoom out" }),
    makeButton("Whole frame", "Show all of the frame (0)", () => view.all()),
  ];
}

// Hand the result, or the raw frame where there is none, to another program; `handed` is what came of it.
function otherViewers(panel) {
  const buttons = make("span", { class: "darkcal-row" });
  const said = make("p", { class: "darkcal-note", role: "status" });
  const code = make("textarea", { readonly: true, rows: "4", "aria-label": "Code of a new cell" });
  const copy = makeButton("Copy", "Copy the code, to paste it into a new cell", () => copyText(code));
  const element = make("div", { class: "darkcal-code" }, said, copy, code);
  buttons.append(
    ...panel
      .get("_viewers")
      .map((name) =>
        makeButton(
          `Open in ${name}`,
          `Hand the result, or the raw frame where there is none, to ${name}`,
          () => panel.act("hand over", { viewer: name }),
        ),
      ),
  );
  const update = () => {
    const { handed = "" } = panel.get("notes");
    const isCode = handed.includes("\n");
    element.hidden = handed === "";
    code.hidden = copy.hidden = !isCode;
    setText(said, isCode ? "Paste this into a new cell:" : handed);
    if (code.value !== handed) code.value = handed;
  };
  return { buttons, element, update };
}

// Both pictures are as high as the frame would be across their width, within bounds.
function size(sides, shape) {
  const width = sides[0].canvas.clientWidth;
  const tall = Math.min(TALL.most, Math.max(TALL.least, (width * shape[0]) / shape[1]));
  for (const { canvas } of sides) canvas.style.height = `${Math.round(tall) + BAR}px`;
}

function boxOf([{ canvas }]) {
  return [canvas.clientWidth, canvas.clientHeight - BAR];
}

function pictureOf(panel, trait, name) {
  const canvas = make("canvas", {
    class: `darkcal-picture darkcal-${name}`,
    role: "img",
    tabindex: "0",
    title:
      "Drag to move, double-click or + and − to zoom, with Ctrl the wheel; arrow keys move, 0 shows all, B blinks",
  });
  const caption = make("figcaption", { class: `darkcal-key darkcal-key-${name}` });
  const figure = make("figure", { class: `darkcal-figure-${name}` }, caption, canvas);
  let taken = [];
  let shown = null; // {tile, values, store, limits, outlined}
  const take = (outlined) => {
    const tile = panel.get(trait);
    const effect = panel.get("effect");
    const now = [tile, effect, panel.get("limits"), panel.get("stretch")];
    if (tile.size && !now.every((value, n) => value === taken[n])) shown = picture(panel, tile, effect, name);
    taken = now;
    shown = tile.size && effect[name] ? { ...shown, outlined } : null;
    setText(caption, captionText(effect, name));
    canvas.setAttribute("aria-label", caption.textContent);
  };
  const draw = (view) => shown && view.at && drawPicture(canvas, shown, view, panel);
  const valueAt = (place) => (shown ? valueIn(shown, place) : undefined);
  return { canvas, figure, take, draw, valueAt };
}

function picture(panel, tile, effect, name) {
  if (!effect[name]) return null;
  const values = floats(tile.values);
  const limits = limitsOf(panel.get("limits"), values, effect[name], effect.half);
  const { level, scatter } = effect.after;
  const hot = name === "after" ? hotPixels(tile, values, level, effect.hot * scatter) : [];
  return { tile, values, limits, hot, store: coloured(values, tile.size, limits, panel.get("stretch")) };
}

function captionText(effect, name) {
  const side = effect[name];
  if (!side) return name;
  return `${name}: level ${inHundredths(side.level)} ${effect.unit}, noise of a pixel ${inHundredths(side.scatter)}`;
}

// Places, in the middle of pixels, of those far above the level, and twice as far as the fainter neighbour: a glow has none.
function hotPixels({ rows, columns, step, size }, values, level, far) {
  const found = [];
  for (let n = 0; n < values.length && found.length < MOST_MARKS; n += 1) {
    if (values[n] > level + far && values[n] > level + far + 2 * (beside(values, n) - level)) {
      found.push([rows[0] + Math.floor(n / size[1]) * step + 0.5, columns[0] + (n % size[1]) * step + 0.5]);
    }
  }
  return found;
}

function beside(values, n) {
  return Math.min(...[values[n - 1], values[n + 1]].filter(Number.isFinite));
}

function drawPicture(canvas, { tile, store, limits, outlined, hot }, view, panel) {
  const page = sheet(canvas);
  const { ctx, colour, width } = page;
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, 0, width, page.height - BAR);
  ctx.clip();
  ctx.imageSmoothingEnabled = false;
  const rows = [tile.rows[0], tile.rows[0] + tile.size[0] * tile.step];
  const columns = [tile.columns[0], tile.columns[0] + tile.size[1] * tile.step];
  ctx.drawImage(store, ...view.rectangle(rows, columns));
  ctx.strokeStyle = colour("grid");
  ctx.strokeRect(...view.rectangle([0, tile.shape[0]], [0, tile.shape[1]]));
  ctx.strokeStyle = colour("overscan");
  ctx.lineWidth = 1.5;
  for (const [of, across] of outlined) ctx.strokeRect(...view.rectangle(of, across));
  if (panel.get("mark_hot")) drawMarks(ctx, colour("hot"), hot, view);
  drawPointer(ctx, colour("text"), view);
  ctx.restore();
  drawBar(page, limits, panel.get("stretch"));
}

function drawMarks(ctx, colour, hot, view) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5;
  for (const [row, column] of hot) {
    const [x, y] = view.place(row, column);
    ctx.beginPath();
    ctx.arc(x, y, Math.max(4, 0.8 * view.at.scale), 0, 2 * Math.PI);
    ctx.stroke();
  }
}

// The pixel under the pointer, in both pictures.
function drawPointer(ctx, colour, view) {
  const at = view.pointer;
  if (!at) return;
  const [left, top, width, height] = view.rectangle([at[0], at[0] + 1], [at[1], at[1] + 1]);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1;
  const around = Math.max(0, 4 - width / 2);
  ctx.strokeRect(left - around, top - around, width + 2 * around, height + 2 * around);
}

function valueIn({ tile, values }, [row, column]) {
  const line = Math.floor((row - tile.rows[0]) / tile.step);
  const place = Math.floor((column - tile.columns[0]) / tile.step);
  const isInside = line >= 0 && place >= 0 && line < tile.size[0] && place < tile.size[1];
  return isInside ? values[line * tile.size[1] + place] : undefined;
}

function readoutText(panel, sides, view) {
  const { step, rows, columns } = panel.get("raw");
  if (step === undefined) return "";
  const shown = step === 1 ? "every pixel is shown" : `one pixel in ${step} is shown, each way`;
  const at = view.pointer;
  if (!at) return `Rows ${rows[0]} to ${rows[1] - 1}, columns ${columns[0]} to ${columns[1] - 1}: ${shown}.`;
  // What is seen under the pointer is one pixel of a step.
  const [row, column] = at.map((value, n) => {
    const first = [rows, columns][n][0];
    return first + Math.floor((value - first) / step) * step;
  });
  const [before, after] = sides.map((side) => formatted(side.valueAt([row, column]), 6) || "no value");
  return `Column ${column}, row ${row}: ${before} before, ${after} after (${panel.get("effect").unit}); ${shown}.`;
}

// Blinking shows one picture at a time, in the same place.
function blinking(pictures) {
  let timer = null;
  const swap = () => pictures.classList.toggle("darkcal-second");
  return (isOn) => {
    clearInterval(timer);
    timer = isOn ? setInterval(swap, BLINK) : null;
    pictures.classList.toggle("darkcal-blinking", isOn);
    pictures.classList.remove("darkcal-second");
  };
}
