// Charts on canvases, in the colours of the theme. Nothing here knows the kernel.

const MARGIN = { left: 52, right: 8, top: 8, bottom: 32 };
const ZOOM_MARGIN = 40; // columns shown on each side of what is zoomed to
const PICTURE = { least: 120, most: 226, below: 32 }; // pixels of height; frames with few rows are drawn taller than they are
const ASINH_SCALE = 5; // ADU below which the scale of the whole profile is linear
// Anchors of matplotlib's viridis, from dark to bright; between them colours are mixed.
const VIRIDIS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];
const COLOUR_TABLE = Uint8ClampedArray.from({ length: 1024 }, (_, n) => {
  if (n % 4 === 3) return 255;
  const place = (Math.floor(n / 4) / 255) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[low][n % 4] + (place - low) * (VIRIDIS[low + 1][n % 4] - VIRIDIS[low][n % 4]);
});

// Size the canvas to its box on this screen, clear it, and return what a chart needs to draw.
function sheet(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.font = "11px sans-serif";
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(`--darkcal-${name}`).trim();
  const { left, right, top, bottom } = MARGIN;
  const box = { left, top, right: width - right, bottom: height - bottom };
  return { ctx, width, height, colour, box };
}

function scale(from, to, low, high) {
  const slope = (high - low) / (to - from || 1);
  return Object.assign((value) => low + (value - from) * slope, { back: (place) => from + (place - low) / slope, from, to });
}

function ticks(from, to, count) {
  const raw = (to - from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw || 1));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const found = [];
  for (let value = Math.ceil(from / step) * step; value <= to + step * 1e-6; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

function drawAxes({ ctx, colour, box }, x, y, xTicks, yTicks, xLabel, yLabel) {
  ctx.strokeStyle = colour("grid");
  ctx.fillStyle = colour("text");
  ctx.lineWidth = 1;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const [value, label] of yTicks) {
    const place = Math.round(y(value)) + 0.5;
    if (place < box.top || place > box.bottom + 1) continue;
    ctx.beginPath();
    ctx.moveTo(box.left, place);
    ctx.lineTo(box.right, place);
    ctx.stroke();
    ctx.fillText(label, box.left - 4, place);
  }
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  for (const [value, label] of xTicks) ctx.fillText(label, x(value), box.bottom + 4);
  ctx.fillText(xLabel, (box.left + box.right) / 2, box.bottom + 18);
  ctx.save();
  ctx.translate(10, (box.top + box.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(yLabel, 0, -6);
  ctx.restore();
  ctx.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left, box.bottom - box.top);
}

function plain(values) {
  return values.map((value) => [value, formatted(value, 6)]);
}

function clipped({ ctx, box }, draw) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.clip();
  draw();
  ctx.restore();
}

// One stroke for each pixel, from the least to the largest value in it: as exact as a screen can show, however long the profile.
function strokeProfile(ctx, values, x, y) {
  const first = Math.max(0, Math.floor(x.from));
  const last = Math.min(values.length, Math.ceil(x.to) + 1);
  ctx.beginPath();
  for (let n = first; n < last; ) {
    const place = Math.round(x(n + 0.5));
    let low = values[n], high = values[n], end = values[n];
    for (n += 1; n < last && Math.round(x(n + 0.5)) === place; n += 1) {
      end = values[n];
      if (end < low) low = end;
      if (end > high) high = end;
    }
    ctx.lineTo(place, y(low));
    if (high !== low) ctx.lineTo(place, y(high));
    if (end !== high) ctx.lineTo(place, y(end));
  }
  ctx.stroke();
}

function middleOf(values) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : 0;
}

const DASHES = { picked: [], flat: [6, 3], science: [6, 3], bias: [2, 2] };

// The part that profiles are compared in: the overscan, or what is trimmed, or the last columns.
function strip(overscan, keep, size) {
  if (overscan) return overscan;
  if (keep && keep[1] < size) return [keep[1], size];
  if (keep && keep[0] > 0) return [0, keep[0]];
  return [Math.max(0, size - 1), size];
}

function zoomWindow(overscan, keep, size) {
  const [start, stop] = strip(overscan, keep, size);
  const edge = keep && keep[1] <= start ? Math.max(keep[1], start - 2 * ZOOM_MARGIN) : start;
  return [Math.max(0, edge - ZOOM_MARGIN), Math.min(size, stop + ZOOM_MARGIN)];
}

// `lines`: {kind, label, values}; `parts`: {overscan, keep}, each [start, stop] or null, along this axis.
function drawProfile(canvas, lines, parts, { window, zoomed, aligned, axis, statistic, unit }) {
  const page = sheet(canvas);
  const { ctx, colour, box } = page;
  const size = lines[0].values.length;
  const near = strip(parts.overscan, parts.keep, size);
  const shifts = lines.map(({ values }) => (aligned ? middleOf(values.slice(...near)) : 0));
  const shifted = lines.map(({ values }, n) => values.map((value) => value - shifts[n]));
  const bent = aligned && !zoomed;
  const bend = bent ? (value) => Math.asinh(value / ASINH_SCALE) : (value) => value;
  const [low, high] = zoomed ? zoomedReach(shifted, near) : reach(shifted, bend);
  const x = scale(window[0], window[1], box.left, box.right);
  const linear = scale(low, high, box.bottom, box.top);
  const y = (value) => linear(bend(value));
  const xTicks = plain(ticks(...window, (box.right - box.left) / 70)).map(([value, label]) => [value + 0.5, label]);
  const levels = bent ? [0, 10, 100, 1e3, 1e4, 1e5, -10, -100, -1e3] : ticks(low, high, 4);
  const what = `${statistic} of ${axis === 1 ? "column" : "row"}`;
  clipped(page, () => shadeParts(page, x, parts));
  drawAxes(page, x, y, xTicks.filter(([value]) => value <= window[1]), plain(levels), axis === 1 ? "column (0-based)" : "row (0-based)",
    aligned ? `${what} − overscan [${unit}]` : `${what} [${unit}]`);
  clipped(page, () => {
    shifted.forEach((values, n) => {
      ctx.strokeStyle = colour(lines[n].kind);
      ctx.setLineDash(DASHES[lines[n].kind] ?? []);
      ctx.lineWidth = lines[n].kind === "picked" ? 1.6 : 1.1;
      strokeProfile(ctx, values, x, y);
    });
    ctx.setLineDash([]);
  });
  return { x, box };
}

function reach(all, bend = (value) => value) {
  let low = Infinity, high = -Infinity;
  for (const values of all) {
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  [low, high] = [bend(low), bend(high)];
  const room = 0.05 * (high - low) || 1;
  return [low - room, high + room];
}

function zoomedReach(all, [start, stop]) {
  const near = all.flatMap((values) => Array.from(values.slice(Math.max(0, start - 2), stop)));
  const middle = middleOf(near);
  const away = near.map((value) => Math.abs(value - middle));
  const reach = Math.min(Math.max(1.5 * Math.max(...away), 5), Math.max(60, 8 * middleOf(away)));
  return [middle - reach, middle + reach];
}

function shadeParts({ ctx, colour, box }, x, { overscan, keep }) {
  if (keep) {
    ctx.fillStyle = colour("keep");
    ctx.globalAlpha = 0.1;
    ctx.fillRect(x(keep[0]), box.top, x(keep[1]) - x(keep[0]), box.bottom - box.top);
    ctx.globalAlpha = 1;
    ctx.fillRect(x(keep[0]), box.bottom - 4, x(keep[1]) - x(keep[0]), 4);
    drawEdges(ctx, box, x, keep, colour("keep"), [4, 3]);
  }
  if (overscan) {
    ctx.fillStyle = colour("overscan");
    ctx.globalAlpha = 0.25;
    ctx.fillRect(x(overscan[0]), box.top, x(overscan[1]) - x(overscan[0]), box.bottom - box.top);
    ctx.globalAlpha = 1;
    drawEdges(ctx, box, x, overscan, colour("overscan"), []);
  }
}

function drawEdges(ctx, box, x, edges, colour, dash) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5;
  ctx.setLineDash(dash);
  ctx.beginPath();
  for (const edge of edges) {
    ctx.moveTo(x(edge), box.top);
    ctx.lineTo(x(edge), box.bottom);
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

// From `middle` - `half`, dark, to `middle` + `half`, bright.
function stretched(values, middle, half) {
  return Uint8ClampedArray.from(values, (value) => ((value - middle + half) * 255) / (2 * half));
}

function colourPicture({ size: [rows, columns], pixels }) {
  const image = new ImageData(columns, rows);
  const words = new Uint32Array(image.data.buffer);
  const colours = new Uint32Array(COLOUR_TABLE.buffer);
  for (let row = 0; row < rows; row += 1) {
    const from = (rows - 1 - row) * columns; // the first row of a frame is drawn at the bottom
    for (let column = 0; column < columns; column += 1) words[row * columns + column] = colours[pixels[from + column]];
  }
  const store = make("canvas", { width: columns, height: rows });
  store.getContext("2d").putImageData(image, 0, 0);
  return store;
}

// A frame in its own shape; `keep` ([rows], [columns]) is where in the frame the pixels belong, `overscan` is outlined.
function drawPicture(canvas, image, shape, keep, region, middle, half) {
  const high = canvas.clientWidth * (shape[0] / shape[1]);
  canvas.style.height = `${Math.round(Math.min(PICTURE.most, Math.max(PICTURE.least, high))) + PICTURE.below}px`;
  const page = sheet(canvas);
  const { ctx, width, height, colour } = page;
  const h = height - PICTURE.below;
  const w = Math.min(width - 2, h * (shape[1] / shape[0]));
  const [across, up] = [w / shape[1], h / shape[0]];
  const left = (width - w) / 2;
  ctx.strokeStyle = colour("grid");
  ctx.strokeRect(left - 0.5, 0.5, w + 1, h + 1);
  const [rows, columns] = keep;
  ctx.imageSmoothingEnabled = false;
  const place = (r, c) => [left + c[0] * across, 1 + h - r[1] * up, (c[1] - c[0]) * across, (r[1] - r[0]) * up];
  ctx.drawImage(colourPicture(image), ...place(rows, columns));
  if (region) {
    ctx.strokeStyle = colour("overscan");
    ctx.lineWidth = 1.5;
    ctx.strokeRect(...place(...region));
  }
  drawBar(page, left, h + 6, w, middle, half);
}

function drawBar({ ctx, colour }, left, top, width, middle, half) {
  for (let n = 0; n < width; n += 1) {
    const place = Math.floor((n / width) * 255) * 4;
    ctx.fillStyle = `rgb(${COLOUR_TABLE.slice(place, place + 3).join()})`;
    ctx.fillRect(left + n, top, 1.5, 7);
  }
  ctx.fillStyle = colour("text");
  ctx.textBaseline = "top";
  [["left", 0, -half], ["center", 0.5, 0], ["right", 1, half]].forEach(([align, place, away]) => {
    ctx.textAlign = align;
    ctx.fillText(formatted(middle + away, 4), left + place * width, top + 9);
  });
}

function drawHistogram(canvas, { before, after, half, unit }) {
  const page = sheet(canvas);
  const { ctx, colour, box } = page;
  const top = Math.log10(1 + Math.max(...before.counts, ...after.counts));
  const x = scale(-2 * half, 2 * half, box.left, box.right);
  const y = scale(0, top * 1.08 || 1, box.bottom, box.top);
  const decades = Array.from({ length: Math.floor(top) + 1 }, (_, n) => [Math.log10(1 + 10 ** n), `${10 ** n}`]);
  drawAxes(page, x, y, plain(ticks(-2 * half, 2 * half, 5)), decades, `value − median of the frame [${unit}]`, "pixels (sampled)");
  clipped(page, () => {
    for (const [side, name, dash] of [[before, "before", [5, 3]], [after, "after", []]]) {
      ctx.strokeStyle = colour(name);
      ctx.setLineDash(dash);
      ctx.lineWidth = 1.6;
      ctx.beginPath();
      side.counts.forEach((count, n) => {
        const place = y(Math.log10(1 + count));
        const left = (n - side.counts.length / 2) * side.bin;
        ctx.lineTo(x(left), place);
        ctx.lineTo(x(left + side.bin), place);
      });
      ctx.stroke();
    }
    ctx.setLineDash([]);
  });
}

function drawLevels(canvas, rows, unit, picked) {
  const page = sheet(canvas);
  const { ctx, colour, box } = page;
  const mean = (name) => rows.reduce((sum, row) => sum + row[name], 0) / rows.length;
  const sides = [["before", mean("before")], ["after", mean("after")]];
  const values = sides.flatMap(([name, centre]) => rows.map((row) => row[name] - centre));
  const [low, high] = reach([values, [-1, 1]]);
  const x = scale(-0.5, rows.length - 0.5, box.left, box.right);
  const y = scale(low, high, box.bottom, box.top);
  const step = Math.ceil(rows.length / Math.max(1, Math.floor((box.right - box.left) / 40)));
  const xTicks = rows.map((_, n) => [n, String(n + 1)]).filter((_, n) => n % step === 0);
  drawAxes(page, x, y, xTicks, plain(ticks(low, high, 4)), "picked dark, in the order of their names", `level − mean [${unit}]`);
  for (const [name, centre] of sides) {
    ctx.strokeStyle = ctx.fillStyle = colour(name);
    ctx.lineWidth = 1.4;
    ctx.setLineDash(name === "before" ? [5, 3] : []);
    ctx.beginPath();
    rows.forEach((row, n) => ctx.lineTo(x(n), y(row[name] - centre)));
    ctx.stroke();
    ctx.setLineDash([]);
    rows.forEach((row, n) => drawMark(ctx, x(n), y(row[name] - centre), name, row.name === picked ? 5 : 3.2));
  }
}

function drawMark(ctx, x, y, name, radius) {
  ctx.beginPath();
  if (name === "before") ctx.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  else ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}
