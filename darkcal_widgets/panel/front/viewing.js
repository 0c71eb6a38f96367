// Where a viewer looks: its centre and its scale, moved by mouse and keys; the kernel is asked for what comes into view.

const SETTLING = 250; // milliseconds of rest after which the kernel also does what can wait while the picture moves
export const STEP = 1.5; // of a zoom
const MOST = 40; // pixels of the screen for one of the frame
const KEYS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

// `at`: {row, column, scale}, the middle of the picture and how many pixels of the screen a column has; `frame`: its [rows, columns];
// `box`: [width, height] of the picture; `pointer`: [row, column] of the pixel under the mouse, or null.
export class View {
  constructor(ask, redraw) {
    Object.assign(this, { ask, redraw, at: null, frame: [1, 1], box: [1, 1], pointer: null, asked: "" });
  }

  // Take the window that the panel holds, which code may have set, and the size of the frame and of the picture.
  follow(window, frame, box) {
    const isNew = window.join() !== this.asked || `${[frame, box]}` !== `${[this.frame, this.box]}`;
    if (this.at && !isNew) return;
    Object.assign(this, { frame, box, asked: window.join() });
    const [top, bottom, left, right] = window.length === 4 ? window : [0, frame[0], 0, frame[1]];
    const scale = Math.min(box[0] / (right - left), box[1] / ((bottom - top) * this.tallness()));
    this.at = { row: (top + bottom) / 2, column: (left + right) / 2, scale };
  }

  // Frames with few rows are drawn taller than they are, half as high as the picture.
  tallness() {
    return Math.max(1, (this.box[1] * this.frame[1]) / (this.box[0] * this.frame[0]) / 2);
  }

  whole() {
    return Math.min(this.box[0] / this.frame[1], this.box[1] / (this.frame[0] * this.tallness()));
  }

  // Rows and columns that are seen; of the whole frame, none are named.
  window() {
    if (this.at.scale <= this.whole()) return [];
    const [width, height] = this.box.map((size) => size / this.at.scale / 2);
    const { row, column } = this.at;
    const up = height / this.tallness();
    const edges = [row - up, row + up, column - width, column + width];
    return edges.map((edge, n) => Math.min(this.frame[n < 2 ? 0 : 1], Math.max(0, Math.round(edge))));
  }

  move(row, column, scale) {
    const least = this.whole();
    const [middle, centre] = this.frame.map((size) => size / 2);
    const inside = (value, size) => Math.min(size, Math.max(0, value));
    this.at = { row: inside(row, this.frame[0]), column: inside(column, this.frame[1]), scale };
    if (scale <= least) this.at = { row: middle, column: centre, scale: least };
    this.redraw();
    const window = this.window();
    if (window.join() === this.asked) return;
    this.asked = window.join();
    this.ask(window);
  }

  // What is under a place of the picture, {x, y}, stays there.
  zoom(factor, { x, y } = { x: this.box[0] / 2, y: this.box[1] / 2 }) {
    const [row, column] = this.under(x, y);
    const scale = Math.min(MOST, Math.max(this.whole(), this.at.scale * factor));
    const away = this.at.scale / scale;
    this.move(row + (this.at.row - row) * away, column + (this.at.column - column) * away, scale);
  }

  nudge(x, y) {
    const { row, column, scale } = this.at;
    this.move(row + y / scale / this.tallness(), column - x / scale, scale);
  }

  all() {
    this.move(0, 0, 0);
  }

  under(x, y) {
    const { row, column, scale } = this.at;
    return [row - (y - this.box[1] / 2) / scale / this.tallness(), column + (x - this.box[0] / 2) / scale];
  }

  point(place) {
    const found = place?.x === undefined ? [-1] : this.under(place.x, place.y).map(Math.floor);
    this.pointer = found.every((value, n) => value >= 0 && value < this.frame[n]) ? found : null;
    this.redraw();
  }

  // Where a row and a column are on the picture.
  place(row, column) {
    const { scale } = this.at;
    return [
      this.box[0] / 2 + (column - this.at.column) * scale,
      this.box[1] / 2 - (row - this.at.row) * scale * this.tallness(),
    ];
  }

  // Left, top, width and height of a part of the frame.
  rectangle(rows, columns) {
    const [left, top] = this.place(rows[1], columns[0]);
    const [right, bottom] = this.place(rows[0], columns[1]);
    return [left, top, right - left, bottom - top];
  }
}

// Ask the kernel for a window, and again once the picture rests, so that it also does what can wait.
export function asking(panel) {
  let rest = null;
  return (window) => {
    panel.drag({ window });
    clearTimeout(rest);
    rest = setTimeout(() => panel.set({ window }), SETTLING);
  };
}

// Let mouse and keys over a canvas move what all pictures show.
export function listenTo(canvas, view, blink) {
  let held = null;
  const placeOf = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = placeOf(event);
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = placeOf(event);
    if (held) view.nudge(now.x - held.x, now.y - held.y);
    held &&= now;
    view.point(now);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, () => {
      held = null;
    });
  }
  canvas.addEventListener("pointerleave", () => view.point(null));
  canvas.addEventListener("dblclick", (event) => view.zoom(STEP ** 2, placeOf(event)));
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // without Ctrl it scrolls the notebook
    event.preventDefault();
    view.zoom(STEP ** (-event.deltaY / 100), placeOf(event));
  });
  canvas.addEventListener("keydown", (event) => {
    const act = actionOf(event, view, blink);
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
}

function actionOf({ key }, view, blink) {
  const [width, height] = view.box;
  const [across, up] = KEYS[key] ?? [0, 0];
  if (across || up) return () => view.nudge((-across * width) / 8, (up * height) / 8);
  const [zoomIn, zoomOut] = [() => view.zoom(STEP), () => view.zoom(1 / STEP)];
  return { "+": zoomIn, "=": zoomIn, "-": zoomOut, 0: () => view.all(), b: blink, B: blink }[key];
}
