// Dragging and arrow keys over a profile: the picture follows at once, the kernel as fast as it can, and always to the last place.

import { partAlong, sectionNow, withPart } from "./sections.js";

const GRIP = 7; // pixels within which an edge is taken hold of
const CLICK = 3; // pixels below which a drag is a click, which sets nothing
const REST = 200; // milliseconds of rest after which the kernel also does what can wait while the mouse moves
const SECTIONS = ["overscan_columns", "keep_columns"];

// `redraw` is called when the dragged part has moved.
export function dragging(panel, redraw) {
  let grip = null; // {taken: [{spot, anchor}], before, from, moved, column}
  let rest = null;
  const axis = () => panel.get("axis");
  const size = () => panel.get("selected").shape[axis() === 1 ? 1 : 0];
  const partOf = ({ name, section }) => partAlong(section, name, axis());
  const columnAt = (chart, place) => Math.min(size(), Math.max(0, Math.round(chart.x.back(place))));
  const movedTo = (column) =>
    grip.taken.map(({ spot, anchor }) => ({ spot, part: [anchor, column].sort((a, b) => a - b) }));
  const settings = () => changed(panel, movedTo(grip.column), axis());

  const begin = (chart, place) => {
    const column = columnAt(chart, place);
    const edges = edgesAt(panel, chart, place, partOf);
    const anew = spots(panel).filter(({ name }) => name === panel.get("drag_sets"));
    const taken = edges.length || !isSingle(panel) ? edges : anew.map((spot) => ({ spot, anchor: column }));
    if (taken.length === 0) return;
    const names = isSingle(panel) ? taken.map(({ spot }) => spot.name) : ["amplifiers"];
    const before = Object.fromEntries(names.map((name) => [name, panel.get(name)]));
    grip = { taken, before, from: place, moved: false, column: null };
  };
  const move = (chart, place) => {
    grip.moved ||= Math.abs(place - grip.from) > CLICK;
    const column = columnAt(chart, place);
    const isEmpty = grip.taken.some(({ anchor }) => anchor === column);
    if (!grip.moved || isEmpty || column === grip.column) return;
    grip.column = column;
    panel.drag(settings());
    redraw();
    clearTimeout(rest);
    rest = setTimeout(() => grip && panel.rest(settings()), REST);
  };
  const end = (isTaken) => {
    clearTimeout(rest);
    if (grip && grip.column !== null) panel.set(isTaken ? settings() : grip.before);
    grip = null;
  };
  const key = (step, endOnly) => {
    const [spot] = spots(panel).filter(({ name }) => isSingle(panel) && name === panel.get("drag_sets"));
    const part = spot && partOf(spot);
    if (!part) return;
    const [start, stop] = [part[0] + (endOnly ? 0 : step), part[1] + step];
    const isInside = start >= 0 && stop <= size() && start < stop;
    if (isInside) panel.set(changed(panel, [{ spot, part: [start, stop] }], axis()));
  };
  const part = (name) => {
    const moved = grip && grip.column !== null && movedTo(grip.column).find(({ spot }) => spot.name === name);
    return moved ? moved.part : partOf({ name, section: sectionNow(panel, name) });
  };
  const cursor = (chart, place) => {
    if (edgesAt(panel, chart, place, partOf).length) return "ew-resize";
    return isSingle(panel) ? "crosshair" : "default";
  };
  return { begin, move, end, key, cursor, isDragging: () => grip !== null, part };
}

function isSingle(panel) {
  return panel.get("amplifiers") === null;
}

// The parts that can be dragged: the two sections, or the overscan and the image of each amplifier.
function spots(panel) {
  if (isSingle(panel)) {
    const names = [panel.get("drag_sets"), ...SECTIONS.filter((name) => name !== panel.get("drag_sets"))];
    return names.map((name) => ({ name, section: sectionNow(panel, name) }));
  }
  return (panel.get("selected").amplifiers ?? []).flatMap(({ overscan, image }, n) => [
    { name: "overscan_columns", section: overscan, place: [n, 0] },
    { name: "keep_columns", section: image, place: [n, 1] },
  ]);
}

// The edges that are taken hold of at a place, each with the other end of its part: one, or that between two images.
function edgesAt(panel, chart, place, partOf) {
  const edges = spots(panel).flatMap((spot) =>
    (partOf(spot) ?? []).map((edge, end, part) => ({ spot, edge, anchor: part[1 - end] })),
  );
  const first = edges.find(({ edge }) => Math.abs(chart.x(edge) - place) <= GRIP);
  if (!first || isSingle(panel)) return first ? [first] : [];
  return edges.filter(({ spot, edge }) => edge === first.edge && spot.name === first.spot.name);
}

// What is set where parts, each {spot, part}, have moved.
function changed(panel, moves, axis) {
  const { shape } = panel.get("selected");
  const texts = moves.map(({ spot, part }) => withPart(spot.name, spot.section, axis, part, shape));
  if (isSingle(panel)) return Object.fromEntries(moves.map(({ spot }, n) => [spot.name, texts[n]]));
  const amplifiers = panel.get("amplifiers").map((pair) => [...pair]);
  moves.forEach(({ spot }, n) => {
    const [amplifier, which] = spot.place;
    amplifiers[amplifier][which] = texts[n];
  });
  return { amplifiers };
}

// Let the mouse and the arrow keys over the canvas of a chart, {canvas, x}, move what is dragged.
export function listen(drag, chart) {
  const { canvas } = chart;
  const placeOf = (event) => event.clientX - canvas.getBoundingClientRect().left;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !chart.x) return;
    drag.begin(chart, placeOf(event));
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag.isDragging()) drag.move(chart, placeOf(event));
    else if (chart.x) canvas.style.cursor = drag.cursor(chart, placeOf(event));
  });
  canvas.addEventListener("pointerup", () => drag.end(true));
  canvas.addEventListener("pointercancel", () => drag.end(false));
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Escape") drag.end(false);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    drag.key(step, event.shiftKey);
  });
}
