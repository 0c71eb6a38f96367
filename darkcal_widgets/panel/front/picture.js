// A frame as a picture in its own shape, with the bar of its colours.

import { sheet } from "./axes.js";
import { formatted, make } from "./elements.js";

// Pixels of height; frames with few rows are drawn taller than they are.
const PICTURE = { least: 120, most: 226, below: 32 };
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
const COLOUR_TABLE = Uint8ClampedArray.from({ length: 1024 }, (_, n) => {
  if (n % 4 === 3) return 255;
  const place = (Math.floor(n / 4) / 255) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[low][n % 4] + (place - low) * (VIRIDIS[low + 1][n % 4] - VIRIDIS[low][n % 4]);
});

// From `middle` - `half`, dark, to `middle` + `half`, bright.
export function stretched(values, middle, half) {
  return Uint8ClampedArray.from(values, (value) => ((value - middle + half) * 255) / (2 * half));
}

// `image`: {size, pixels}; `places`: {shape of the frame, keep: ([rows], [columns]) where in the frame the pixels belong,
// outlined: overscans}; `stretch`: {middle, half}.
export function drawPicture(canvas, image, { shape, keep, outlined }, stretch) {
  const high = canvas.clientWidth * (shape[0] / shape[1]);
  const tall = Math.round(Math.min(PICTURE.most, Math.max(PICTURE.least, high)));
  canvas.style.height = `${tall + PICTURE.below}px`;
  const page = sheet(canvas);
  const { ctx, width, colour } = page;
  const h = page.height - PICTURE.below;
  const w = Math.min(width - 2, h * (shape[1] / shape[0]));
  const [across, up] = [w / shape[1], h / shape[0]];
  const left = (width - w) / 2;
  const place = ([r, c]) => [
    left + c[0] * across,
    1 + h - r[1] * up,
    (c[1] - c[0]) * across,
    (r[1] - r[0]) * up,
  ];
  ctx.strokeStyle = colour("grid");
  ctx.strokeRect(left - 0.5, 0.5, w + 1, h + 1);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(coloured(image), ...place(keep));
  ctx.strokeStyle = colour("overscan");
  ctx.lineWidth = 1.5;
  for (const part of outlined) ctx.strokeRect(...place(part));
  drawBar(page, left, h + 6, w, stretch);
}

function coloured({ size: [rows, columns], pixels }) {
  const image = new ImageData(columns, rows);
  const words = new Uint32Array(image.data.buffer);
  const colours = new Uint32Array(COLOUR_TABLE.buffer);
  for (let line = 0; line < rows; line += 1) {
    const from = (rows - 1 - line) * columns; // the first row of a frame is drawn at the bottom
    for (let n = 0; n < columns; n += 1) words[line * columns + n] = colours[pixels[from + n]];
  }
  const store = make("canvas", { width: columns, height: rows });
  store.getContext("2d").putImageData(image, 0, 0);
  return store;
}

function drawBar({ ctx, colour }, left, top, width, { middle, half }) {
  for (let n = 0; n < width; n += 1) {
    const place = Math.floor((n / width) * 255) * 4;
    ctx.fillStyle = `rgb(${COLOUR_TABLE.slice(place, place + 3).join()})`;
    ctx.fillRect(left + n, top, 1.5, 7);
  }
  ctx.fillStyle = colour("text");
  ctx.textBaseline = "top";
  const labels = [
    ["left", 0, -half],
    ["center", 0.5, 0],
    ["right", 1, half],
  ];
  for (const [align, place, away] of labels) {
    ctx.textAlign = align;
    ctx.fillText(formatted(Math.round((middle + away) * 100) / 100, 4), left + place * width, top + 9);
  }
}
