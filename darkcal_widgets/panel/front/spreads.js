// How values spread before and after: the histogram of one frame, the levels of its rows, and the levels of many frames.

import { clipped, drawAxes, reach, scale, sheet, ticks, withLabels } from "./axes.js";

const DASHED = { before: [5, 3], after: [] };

export function drawHistogram(canvas, { before, after, half, unit }) {
  const page = sheet(canvas);
  const { box } = page;
  const top = Math.log10(1 + Math.max(...before.counts, ...after.counts));
  const x = scale(-2 * half, 2 * half, box.left, box.right);
  const y = scale(0, top * 1.08 || 1, box.bottom, box.top);
  const decades = Array.from({ length: Math.floor(top) + 1 }, (_, n) => [
    Math.log10(1 + 10 ** n),
    `${10 ** n}`,
  ]);
  drawAxes(
    page,
    {
      scale: x,
      ticks: withLabels(ticks(-2 * half, 2 * half, 5)),
      label: `value − level [${unit}]`,
    },
    { scale: y, ticks: decades, label: "pixels (sampled)" },
  );
  clipped(page, () => {
    strokeCounts(page, before, "before", x, y);
    strokeCounts(page, after, "after", x, y);
  });
}

function strokeCounts({ ctx, colour }, { counts, bin }, name, x, y) {
  ctx.strokeStyle = colour(name);
  ctx.setLineDash(DASHED[name]);
  ctx.lineWidth = 1.6;
  ctx.beginPath();
  counts.forEach((count, n) => {
    const place = y(Math.log10(1 + count));
    const left = (n - counts.length / 2) * bin;
    ctx.lineTo(x(left), place);
    ctx.lineTo(x(left + bin), place);
  });
  ctx.stroke();
  ctx.setLineDash([]);
}

// Levels of neighbouring rows (or columns) around that of the frame: stripes are seen as a line that jumps.
export function drawStripes(canvas, { before, after, unit }, line) {
  const page = sheet(canvas);
  const { box } = page;
  const sides = { before: before.stripes, after: after.stripes };
  const [low, high] = reach([...Object.values(sides), [-1, 1]]);
  const x = scale(0, after.stripes.length, box.left, box.right);
  const y = scale(low, high, box.bottom, box.top);
  drawAxes(
    page,
    { scale: x, ticks: withLabels(ticks(0, after.stripes.length, 5)), label: `${line}, every 4th` },
    { scale: y, ticks: withLabels(ticks(low, high, 4)), label: `${line.slice(0, -1)} − frame [${unit}]` },
  );
  clipped(page, () => {
    for (const [name, values] of Object.entries(sides)) strokeStripes(page, values, name, x, y);
  });
}

function strokeStripes({ ctx, colour }, values, name, x, y) {
  ctx.strokeStyle = colour(name);
  ctx.setLineDash(DASHED[name]);
  ctx.lineWidth = 1.2;
  ctx.beginPath();
  values.forEach((value, n) => {
    if (value !== null) ctx.lineTo(x(n + 0.5), y(value));
  });
  ctx.stroke();
  ctx.setLineDash([]);
}

export function drawLevels(canvas, rows, unit, lookedAt) {
  const page = sheet(canvas);
  const { box } = page;
  const sides = ["before", "after"].map((name) => [name, aroundMean(rows.map((line) => line[name]))]);
  const [low, high] = reach([...sides.map(([, values]) => values), [-1, 1]]);
  const x = scale(-0.5, rows.length - 0.5, box.left, box.right);
  const y = scale(low, high, box.bottom, box.top);
  const step = Math.ceil(rows.length / Math.max(1, Math.floor((box.right - box.left) / 40)));
  const numbered = rows.map((_, n) => [n, String(n + 1)]).filter((_, n) => n % step === 0);
  drawAxes(
    page,
    { scale: x, ticks: numbered, label: "dark, by name" },
    { scale: y, ticks: withLabels(ticks(low, high, 4)), label: `level − mean [${unit}]` },
  );
  const marked = rows.findIndex((line) => line.name === lookedAt);
  for (const [name, values] of sides) strokeLevels(page, values, name, x, y, marked);
}

function aroundMean(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function strokeLevels({ ctx, colour }, values, name, x, y, marked) {
  ctx.strokeStyle = ctx.fillStyle = colour(name);
  ctx.lineWidth = 1.4;
  ctx.setLineDash(DASHED[name]);
  ctx.beginPath();
  values.forEach((value, n) => {
    ctx.lineTo(x(n), y(value));
  });
  ctx.stroke();
  ctx.setLineDash([]);
  values.forEach((value, n) => {
    drawMark(ctx, x(n), y(value), name, n === marked ? 5 : 3.2);
  });
}

function drawMark(ctx, x, y, name, radius) {
  ctx.beginPath();
  if (name === "before") ctx.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  else ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}
