// Parts of a frame: as the kernel tells them ({rows, columns, axis}), as ranges along a profile, and as text to set.

const ZOOM_MARGIN = 40; // columns shown on each side of what is zoomed to

// A section as briefly as it can be read back: a Python slice of columns, or a FITS section where rows count, too.
export function sectionText([rows, columns], [height, width]) {
  if (rows[0] !== 0 || rows[1] !== height) {
    return `[${columns[0] + 1}:${columns[1]}, ${rows[0] + 1}:${rows[1]}]`;
  }
  return `${columns[0] || ""}:${columns[1] === width ? "" : columns[1]}`;
}

// The text of a section that selects `part` of an axis. An overscan is of columns or of rows; a kept part keeps what it had
// along the other axis. `part` is taken as it is: the kernel says what is wrong with it.
export function withPart(name, now, axis, part, shape) {
  const region = [
    [0, shape[0]],
    [0, shape[1]],
  ];
  if (name === "keep_columns" && now) [region[0], region[1]] = [now.rows, now.columns];
  region[axis] = part;
  return sectionText(region, shape);
}

// A section as it is set: as the kernel tells it, or where that has not answered yet, as a plain slice of columns tells itself.
export function sectionNow(panel, name) {
  const { shape, [name]: told } = panel.get("selected");
  const text = panel.get(name);
  const plain = /^\s*(\d*)\s*:\s*(\d*)\s*$/.exec(text ?? "");
  if (told?.text === text || !plain || !shape) return text === null ? null : told;
  const [, start, stop] = plain;
  return { axis: 1, rows: [0, shape[0]], columns: [Number(start), stop === "" ? shape[1] : Number(stop)] };
}

// The part of a section along an axis; an overscan along the other axis has none.
export function partAlong(section, name, axis) {
  if (!section || (name === "overscan_columns" && section.axis !== axis)) return null;
  return axis === 1 ? section.columns : section.rows;
}

// What is zoomed to: the overscan, or those of all amplifiers where they lie together.
function zoomedPart(parts, size) {
  const all = (parts.each ?? []).map(({ overscan }) => overscan).filter(Boolean);
  const span = [Math.min(...all.map(([start]) => start)), Math.max(...all.map(([, stop]) => stop))];
  return all.length && span[1] - span[0] < size / 3 ? span : comparedPart(parts, size);
}

// Where profiles are compared: the overscan, or what is trimmed, or the last columns.
export function comparedPart({ overscan, keep }, size) {
  if (overscan) return overscan;
  if (keep && keep[1] < size) return [keep[1], size];
  if (keep && keep[0] > 0) return [0, keep[0]];
  return [Math.max(0, size - 1), size];
}

export function zoomWindow(parts, size) {
  const [start, stop] = zoomedPart(parts, size);
  const { keep } = parts;
  const edge = keep && keep[1] <= start ? Math.max(keep[1], start - 2 * ZOOM_MARGIN) : start;
  return [Math.max(0, edge - ZOOM_MARGIN), Math.min(size, stop + ZOOM_MARGIN)];
}

// Whether a part lies in a window and is not lost in it.
export function fits(window, [start, stop]) {
  return window && start >= window[0] && stop <= window[1] && stop - start >= (window[1] - window[0]) / 12;
}
