// The list of frames: filtered, sorted, moved in by keys; a click looks at a frame, the box picks it. Of many frames only those
// in sight are in the page.

import { formatted, make, makeButton } from "./elements.js";
import { LABELS } from "./labels.js";
import { listedRows } from "./listed.js";

const COLUMNS = [
  ["name", "File"],
  ["type", "Type"],
  ["exposure", "Exposure [s]"],
  ["filter", "Filter"],
  ["shape", "Rows × columns"],
  ["temperature", "Temp. [°C]"],
];
const NUMBERS = ["exposure", "temperature"];
const TEXTS = {
  exposure: (value) => formatted(value, 6),
  shape: (value) => value?.join(" × ") ?? "",
  temperature: (value) => formatted(value, 4),
};
const ROW_HEIGHT = 20; // pixels, as a first guess
const SPARE = 30; // rows above and below those in sight
const TIP =
  "Click or press Enter to look at this frame; Space picks it. Ctrl or Shift and a click mark several";

export function frameTable(panel, pick) {
  const heads = COLUMNS.map((column) => columnHead(panel, column));
  const body = make("tbody");
  const pickHead = make("th", { scope: "col" }, LABELS.files);
  const head = make("thead", {}, make("tr", {}, pickHead, ...heads.map(({ element }) => element)));
  const table = make("table", { "aria-label": "Frames of the night" }, head, body);
  const element = make("div", { class: "darkcal-table" }, table);
  const view = {
    panel,
    pick,
    element,
    table,
    body,
    rows: [],
    from: 0,
    to: 0,
    height: ROW_HEIGHT,
    last: null,
  };
  element.addEventListener("scroll", () => showWindow(view));
  body.addEventListener("keydown", (event) => moveFocus(event, view));
  let drawn = [];
  const update = () => {
    const now = [panel.get("listing"), listedRows(panel), panel.get("chosen")];
    for (const { mark } of heads) mark();
    if (now.every((value, n) => value === drawn[n])) return;
    const isOther = now[0] !== drawn[0] || now[1] !== drawn[1];
    drawn = now;
    if (isOther) listAnew(view, now[1]);
    showRows(view);
  };
  return { element, update };
}

function columnHead(panel, [key, title]) {
  const button = makeButton(title, `Sort by ${title}; once more: backwards`, () => {
    const [now, backwards] = panel.get("sort");
    panel.set({ sort: [key, now === key && !backwards] });
  });
  const element = make("th", { scope: "col", class: NUMBERS.includes(key) ? "darkcal-number" : "" }, button);
  const mark = () => {
    const [now, backwards] = panel.get("sort");
    const order = backwards ? "descending" : "ascending";
    element.setAttribute("aria-sort", now === key ? order : "none");
  };
  return { element, mark };
}

function listAnew(view, rows) {
  view.rows = rows;
  view.from = view.to = 0;
  view.body.replaceChildren();
  view.table.setAttribute("aria-rowcount", rows.length + 1);
  showWindow(view);
}

// Put the rows in sight and some more into the page, between two that are as high as all others together.
function showWindow(view) {
  const { element, rows, height } = view;
  const top = Math.floor(element.scrollTop / height);
  const bottom = top + Math.ceil(element.clientHeight / height);
  const isThere = view.from <= top && (bottom <= view.to || view.to === rows.length);
  if (isThere && view.to > 0) return;
  view.from = Math.max(0, Math.min(top - SPARE, rows.length - 2 * SPARE));
  view.to = Math.min(rows.length, Math.max(bottom, top + SPARE) + SPARE);
  const focused = focusedRow(view);
  view.body.replaceChildren(
    ...rows.slice(view.from, view.to).map((n, place) => tableRow(view, n, view.from + place)),
  );
  view.height = view.body.rows[0]?.offsetHeight || height;
  spaceOut(view);
  showRows(view);
  if (focused) lineOf(view, Number(focused))?.focus({ preventScroll: true });
}

function spaceOut({ table, body, rows, from, to, height }) {
  for (const spacer of table.querySelectorAll(".darkcal-spacer")) spacer.remove();
  const spacer = (count) =>
    make(
      "tbody",
      { class: "darkcal-spacer", "aria-hidden": "true", style: `height:${count * height}px` },
      make("tr"),
    );
  if (from > 0) body.before(spacer(from));
  if (to < rows.length) body.after(spacer(rows.length - to));
}

function focusedRow({ body }) {
  return body.getRootNode().activeElement?.closest?.("tr")?.dataset.row;
}

function lineOf({ body }, n) {
  return body.querySelector(`tr[data-row="${n}"]`);
}

function tableRow(view, n, place) {
  const { panel } = view;
  const frame = panel.get("listing").frames[n];
  const look = () => frame.trouble || panel.set({ frame: frame.name, marked: [frame.name] });
  const click = (event) => {
    if (frame.trouble) return;
    if (event.shiftKey) markUpTo(view, n);
    else if (event.ctrlKey || event.metaKey) markAlso(panel, n);
    else look();
  };
  const key = (event) => {
    const act = { Enter: look, " ": () => togglePick(view, n, event.shiftKey) }[event.key];
    if (event.target !== event.currentTarget || !act) return;
    act();
    event.preventDefault();
  };
  const attributes = {
    tabindex: "-1",
    "data-row": n,
    "aria-rowindex": place + 2,
    title: frame.trouble || TIP,
  };
  const looks = frame.trouble ? "darkcal-unreadable" : "";
  const cells = COLUMNS.map(([name]) => tableCell(frame, name));
  return make(
    "tr",
    { ...attributes, class: looks, click, keydown: key },
    make("td", {}, pickBox(view, n)),
    ...cells,
  );
}

function tableCell(frame, name) {
  const text = TEXTS[name]?.(frame[name]) ?? frame[name];
  return make("td", { class: NUMBERS.includes(name) ? "darkcal-number" : "" }, text);
}

function pickBox(view, n) {
  const frame = view.panel.get("listing").frames[n];
  return make("input", {
    type: "checkbox",
    tabindex: "-1",
    disabled: !frame.dark,
    "aria-label": `Calibrate ${frame.name}`,
    title: frame.dark
      ? "Calibrate this dark; with Shift, all from the one picked before"
      : "Only darks are calibrated",
    click: (event) => {
      event.stopPropagation();
      togglePick(view, n, event.shiftKey);
    },
  });
}

// Pick a dark or leave it out; with Shift, all that are listed from the one before up to it.
function togglePick(view, n, isRange) {
  const { panel, rows, last, pick } = view;
  const { frames } = panel.get("listing");
  if (!frames[n].dark) return;
  const picked = new Set(panel.get("chosen").picked);
  const isPicked = !picked.has(n);
  const meant = isRange && rows.includes(last) ? between(rows, last, n) : [n];
  for (const row of meant) picked[isPicked ? "add" : "delete"](row);
  view.last = n;
  pick([...picked].filter((row) => frames[row].dark));
}

function between(rows, one, other) {
  const [start, stop] = [rows.indexOf(one), rows.indexOf(other)].sort((a, b) => a - b);
  return rows.slice(Math.max(0, start), stop + 1);
}

// Marked frames are those of which something can be said; the one looked at is always the first to be marked.
function markRows(panel, rows) {
  const { frames } = panel.get("listing");
  panel.set({ marked: rows.filter((n) => !frames[n].trouble).map((n) => frames[n].name) });
}

function markAlso(panel, n) {
  const { marked } = panel.get("chosen");
  markRows(panel, marked.includes(n) ? marked.filter((other) => other !== n) : [...marked, n]);
}

function markUpTo({ panel, rows }, n) {
  markRows(panel, between(rows, panel.get("chosen").row ?? rows[0], n));
}

function showRows({ panel, body }) {
  const { picked, marked, row: lookedAt } = panel.get("chosen");
  const [isPicked, isMarked] = [new Set(picked), new Set(marked)];
  for (const line of body.rows) {
    const n = Number(line.dataset.row);
    line.querySelector("input").checked = isPicked.has(n);
    line.classList.toggle("darkcal-looked", n === lookedAt);
    line.setAttribute("aria-current", n === lookedAt);
    line.classList.toggle("darkcal-marked", isMarked.has(n));
    line.tabIndex = n === lookedAt ? 0 : -1;
  }
  if (body.rows.length && !body.querySelector('tr[tabindex="0"]')) body.rows[0].tabIndex = 0;
}

// One row of the list can be reached by Tab, the others by the arrow keys.
function moveFocus(event, view) {
  const line = event.target.closest("tr");
  const place = view.rows.indexOf(Number(line?.dataset.row));
  const far = view.rows.length;
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -far, End: far }[event.key];
  if (!step || place < 0) return;
  event.preventDefault();
  const to = Math.min(far - 1, Math.max(0, place + step));
  if (to === place) return;
  line.tabIndex = -1;
  showPlace(view, to);
  const next = lineOf(view, view.rows[to]);
  next.tabIndex = 0;
  next.focus();
  if (event.shiftKey) markUpTo(view, view.rows[to]);
}

function showPlace(view, place) {
  const { element, height } = view;
  if (place >= view.from && place < view.to) return; // to focus it scrolls to it
  element.scrollTop = Math.max(0, place * height - element.clientHeight / 2);
  showWindow(view);
}
