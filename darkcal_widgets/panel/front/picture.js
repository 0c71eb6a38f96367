// Values as a coloured picture: its limits, its stretch, the bar of its colours.

import { formatted, inHundredths, make } from "./elements.js";

// Anchors of matplotlib's viridis, from dark to bright; between them colours are mixed.
const VIRIDIS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];
const COLOURS = 1024;
const COLOUR_TABLE = Uint8ClampedArray.from({ length: 4 * COLOURS }, (_, n) => {
  if (n % 4 === 3) return 255;
  const place = (Math.floor(n / 4) / (COLOURS - 1)) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[low][n % 4] + (place - low) * (VIRIDIS[low + 1][n % 4] - VIRIDIS[low][n % 4]);
});
// From 0 to 1, as the values lie between the limits, to 0 to 1 of the colours; and back, for the bar.
const STRETCHES = {
  linear: [(t) => t, (u) => u],
  asinh: [(t) => Math.asinh(20 * t) / Math.asinh(20), (u) => Math.sinh(u * Math.asinh(20)) / 20],
  log: [(t) => Math.log1p(1000 * t) / Math.log1p(1000), (u) => Math.expm1(u * Math.log1p(1000)) / 1000],
};

// From which value to which the colours go. `side`: {level} of the frame; `half`: five standard deviations of the noise.
export function limitsOf(name, values, { level }, half) {
  if (name === "noise") return [(level ?? 0) - half, (level ?? 0) + half];
  const sorted = values.filter(Number.isFinite).sort();
  if (sorted.length === 0) return [0, 1];
  const cut = name === "98 %" ? 0.01 : 0;
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  const [low, high] = [at(cut), at(1 - cut)];
  return high > low ? [low, high] : [low, low + 1];
}

// A canvas with one pixel for each value, row 0 at the bottom; what has no value is left clear.
export function coloured(values, [rows, columns], [low, high], stretch) {
  const table = new Uint32Array(COLOURS);
  const colours = new Uint32Array(COLOUR_TABLE.buffer);
  const bend = STRETCHES[stretch][0];
  for (let n = 0; n < COLOURS; n += 1) {
    table[n] = colours[Math.round(bend(n / (COLOURS - 1)) * (COLOURS - 1))];
  }
  const image = new ImageData(columns, rows);
  const words = new Uint32Array(image.data.buffer);
  const factor = (COLOURS - 1) / (high - low);
  for (let line = 0; line < rows; line += 1) {
    const from = (rows - 1 - line) * columns;
    for (let n = 0; n < columns; n += 1) {
      const place = (values[from + n] - low) * factor;
      if (Number.isNaN(place)) continue;
      words[line * columns + n] = table[Math.min(COLOURS - 1, Math.max(0, Math.floor(place)))];
    }
  }
  const store = make("canvas", { width: columns, height: rows });
  store.getContext("2d").putImageData(image, 0, 0);
  return store;
}

export function drawBar({ ctx, width, height, colour }, [low, high], stretch) {
  const top = height - 20;
  for (let n = 0; n < width; n += 1) {
    const place = Math.floor((n / width) * (COLOURS - 1)) * 4;
    ctx.fillStyle = `rgb(${COLOUR_TABLE.slice(place, place + 3).join()})`;
    ctx.fillRect(n, top, 1.5, 7);
  }
  ctx.fillStyle = colour("text");
  ctx.textBaseline = "top";
  const back = STRETCHES[stretch][1];
  for (const [align, place] of [
    ["left", 0],
    ["center", 0.5],
    ["right", 1],
  ]) {
    ctx.textAlign = align;
    const value = low + back(place) * (high - low);
    const text = high - low < 1000 ? inHundredths(value) : formatted(value, 4); // as the caption above
    ctx.fillText(text, place * width, top + 9);
  }
}
