// Dragging and arrow keys over a profile: the picture follows at once, the kernel as fast as it can, and always to the last place.

import { partAlong, sectionNow, withPart } from "./sections.js";

const GRIP = 7; // pixels within which an edge is taken hold of
const CLICK = 3; // pixels below which a drag is a click, which sets nothing
const REST = 200; // milliseconds of rest after which the kernel also does what can wait while the mouse moves
const SECTIONS = ["overscan_columns", "keep_columns"];

// `redraw` is called when the dragged part has moved.
export function dragging(panel, redraw) {
  let grip = null; // {name, before, anchor, from, moved, part}
  let rest = null;
  const axis = () => panel.get("axis");
  const size = () => panel.get("selected").shape[axis() === 1 ? 1 : 0];
  const partOf = (name) => partAlong(sectionNow(panel, name), name, axis());
  const text = (name, part) => {
    const { shape } = panel.get("selected");
    return { [name]: withPart(name, sectionNow(panel, name), axis(), part, shape) };
  };
  const edgeAt = (chart, place) => {
    for (const name of [panel.get("drag_sets"), ...SECTIONS]) {
      const part = partOf(name);
      const end = part?.findIndex((edge) => Math.abs(chart.x(edge) - place) <= GRIP) ?? -1;
      if (end >= 0) return { name, anchor: part[1 - end] };
    }
    return null;
  };
  const columnAt = (chart, place) => Math.min(size(), Math.max(0, Math.round(chart.x.back(place))));

  const begin = (chart, place) => {
    const anew = { name: panel.get("drag_sets"), anchor: columnAt(chart, place) };
    const taken = edgeAt(chart, place) ?? anew;
    grip = { ...taken, before: panel.get(taken.name), from: place, moved: false, part: null };
  };
  const move = (chart, place) => {
    grip.moved ||= Math.abs(place - grip.from) > CLICK;
    const [start, stop] = [grip.anchor, columnAt(chart, place)].sort((a, b) => a - b);
    const isSame = grip.part?.[0] === start && grip.part[1] === stop;
    if (!grip.moved || start === stop || isSame) return;
    grip.part = [start, stop];
    panel.drag(text(grip.name, grip.part));
    redraw();
    clearTimeout(rest);
    rest = setTimeout(() => grip && panel.rest(text(grip.name, grip.part)), REST);
  };
  const end = (isTaken) => {
    clearTimeout(rest);
    if (grip?.part) panel.set(isTaken ? text(grip.name, grip.part) : { [grip.name]: grip.before });
    grip = null;
  };
  const key = (step, endOnly) => {
    const name = panel.get("drag_sets");
    const part = partOf(name);
    if (!part) return;
    const [start, stop] = [part[0] + (endOnly ? 0 : step), part[1] + step];
    if (start >= 0 && stop <= size() && start < stop) panel.set(text(name, [start, stop]));
  };
  const isOn = () => panel.get("amplifiers") === null; // the parts of several amplifiers are typed
  const isDragging = () => grip !== null;
  const part = (name) => (grip?.name === name && grip.part ? grip.part : partOf(name));
  return { begin, move, end, key, edgeAt, isOn, isDragging, part };
}

// Let the mouse and the arrow keys over the canvas of a chart, {canvas, x}, move what is dragged.
export function listen(drag, chart) {
  const { canvas } = chart;
  const placeOf = (event) => event.clientX - canvas.getBoundingClientRect().left;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !chart.x || !drag.isOn()) return;
    drag.begin(chart, placeOf(event));
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag.isDragging()) drag.move(chart, placeOf(event));
    else if (!drag.isOn()) canvas.style.cursor = "default";
    else if (chart.x) canvas.style.cursor = drag.edgeAt(chart, placeOf(event)) ? "ew-resize" : "crosshair";
  });
  canvas.addEventListener("pointerup", () => drag.end(true));
  canvas.addEventListener("pointercancel", () => drag.end(false));
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Escape") drag.end(false);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !drag.isOn()) return;
    event.preventDefault();
    drag.key(step, event.shiftKey);
  });
}
