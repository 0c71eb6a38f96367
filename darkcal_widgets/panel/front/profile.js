// The profile of a frame and its companions, with the overscan and the kept part shaded.

import { clipped, drawAxes, middleOf, reach, scale, sheet, ticks, withLabels } from "./axes.js";
import { comparedPart } from "./sections.js";

const ASINH_SCALE = 5; // ADU below which the scale of the whole profile is linear
const BENT_TICKS = [0, 10, 100, 1e3, 1e4, 1e5, -10, -100, -1e3];
const DASHES = [[], [6, 3], [2, 2]]; // of the frame looked at, and of those beside it

// `lines`: {kind, values}; `parts`: {overscan, keep}, each [start, stop] or null, along this axis.
export function drawProfile(canvas, lines, parts, options) {
  const page = sheet(canvas);
  const { box } = page;
  const compared = comparedPart(parts, lines[0].values.length);
  const shifted = lines.map(({ values }) => above(values, options.aligned ? compared : null));
  const x = scale(...options.window, box.left, box.right);
  const below = parts.overscan ? "overscan" : "edge"; // where no overscan is set, profiles are compared at the edge
  const y = heights(shifted, compared, { ...options, below }, box);
  clipped(page, () => shadeParts(page, x, parts));
  drawAxes(page, columnAxis(x, options), y);
  clipped(page, () => strokeLines(page, lines, shifted, x, y.scale));
  return { x, box };
}

function above(values, part) {
  const level = part ? middleOf(values.slice(...part)) : 0;
  return values.map((value) => value - level);
}

// Zoomed: the overscan fills the chart. The whole width: from the overscan to light, on a bent scale.
function heights(shifted, compared, { zoomed, aligned, statistic, unit, below }, box) {
  const isBent = aligned && !zoomed;
  const bend = isBent ? (value) => Math.asinh(value / ASINH_SCALE) : (value) => value;
  const [low, high] = zoomed ? zoomedReach(shifted, compared) : reach(shifted, bend);
  const linear = scale(low, high, box.bottom, box.top);
  return {
    scale: (value) => linear(bend(value)),
    ticks: withLabels(isBent ? BENT_TICKS : ticks(low, high, 4)),
    label: aligned ? `${statistic} − ${below} [${unit}]` : `${statistic} [${unit}]`,
  };
}

function zoomedReach(all, [start, stop]) {
  const near = all.flatMap((values) => Array.from(values.slice(Math.max(0, start - 2), stop)));
  const middle = middleOf(near);
  const away = near.map((value) => Math.abs(value - middle));
  const half = Math.min(Math.max(1.5 * Math.max(...away), 5), Math.max(60, 8 * middleOf(away)));
  return [middle - half, middle + half];
}

function columnAxis(x, { window, axis }) {
  const places = withLabels(ticks(...window, (x(x.to) - x(x.from)) / 70));
  return {
    scale: (value) => x(value + 0.5), // a column's number stands in its middle
    ticks: places.filter(([value]) => value + 0.5 <= window[1]),
    label: axis === 1 ? "column (0-based)" : "row (0-based)",
  };
}

function strokeLines({ ctx, colour }, lines, shifted, x, y) {
  shifted.forEach((values, n) => {
    ctx.strokeStyle = colour(lines[n].kind);
    ctx.setLineDash(DASHES[n]);
    ctx.lineWidth = n === 0 ? 1.6 : 1.1;
    strokeProfile(ctx, values, x, y);
  });
  ctx.setLineDash([]);
}

// One stroke for each pixel, from the least to the largest value in it: as exact as a screen can show, however long the profile.
function strokeProfile(ctx, values, x, y) {
  const first = Math.max(0, Math.floor(x.from));
  const last = Math.min(values.length, Math.ceil(x.to) + 1);
  ctx.beginPath();
  for (let n = first; n < last; ) {
    const place = Math.round(x(n + 0.5));
    let low = values[n];
    let high = values[n];
    let end = values[n];
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

function shadeParts({ ctx, colour, box }, x, { overscan, keep, each }) {
  if (each) {
    each.forEach((parts, n) => {
      shadeAmplifier({ ctx, colour, box }, x, parts, n);
    });
    return;
  }
  const shade = ([start, stop], name, alpha, top = box.top) => {
    ctx.fillStyle = colour(name);
    ctx.globalAlpha = alpha;
    ctx.fillRect(x(start), top, x(stop) - x(start), box.bottom - top);
    ctx.globalAlpha = 1;
  };
  if (keep) {
    shade(keep, "keep", 0.1);
    shade(keep, "keep", 1, box.bottom - 4);
    drawEdges(ctx, box, x, keep, colour("keep"), [4, 3]);
  }
  if (overscan) {
    shade(overscan, "overscan", 0.25);
    drawEdges(ctx, box, x, overscan, colour("overscan"), []);
  }
}

// Overscan and image of one amplifier in one hue, with its number over both.
function shadeAmplifier({ ctx, colour, box }, x, parts, n) {
  const hue = colour(`amplifier-${n % 4}`);
  const strengths = { keep: [0.12, [4, 3]], overscan: [0.35, []] };
  for (const [name, [alpha, dash]] of Object.entries(strengths)) {
    const part = parts[name];
    if (!part) continue;
    const [left, right] = part.map(x);
    ctx.fillStyle = hue;
    ctx.globalAlpha = alpha;
    ctx.fillRect(left, box.top, right - left, box.bottom - box.top);
    ctx.globalAlpha = 1;
    if (name === "keep") ctx.fillRect(left, box.bottom - 4, right - left, 4);
    drawEdges(ctx, box, x, part, hue, dash);
    const seen = [Math.max(left, box.left), Math.min(right, box.right)];
    ctx.fillStyle = colour("text");
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    if (seen[1] - seen[0] > 8) ctx.fillText(String(n + 1), (seen[0] + seen[1]) / 2, box.top + 2);
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
