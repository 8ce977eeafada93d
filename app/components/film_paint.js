// Painting: grey values, maps and marks on one 2-D canvas. Geometry is in film pixels until `view` maps it.

const AMBER = '255, 176, 0';
const SKY = '#56B4E9';
const CAP = 0.5;  // of the overlay's opacity: the film must stay readable below it
const FINE = 16;  // samples a cell and axis of the smooth map

// Film pixels -> device pixels.
const at = (view, x, y) => [view.x + x * view.scale, view.y + y * view.scale];

// The film's grey values, once: every window is made from them, never from what is shown.
function greyOf(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const grey = new Uint8Array(bitmap.width * bitmap.height);
  for (let i = 0; i < grey.length; i++) grey[i] = pixels[4 * i];
  return { grey, width: bitmap.width, height: bitmap.height, canvas, context: null };
}

// Window and level are shares of the display range: 1 and 0.5 leave the film as it is stored.
function shade(film, window, level, invert) {
  const table = new Uint32Array(256);
  for (let v = 0; v < 256; v++) {
    let shown = Math.round(255 * Math.min(1, Math.max(0, (v / 255 - level) / window + 0.5)));
    if (invert) shown = 255 - shown;
    table[v] = 0xff000000 | (shown << 16) | (shown << 8) | shown;
  }
  film.context ??= film.canvas.getContext('2d');
  film.shaded ??= new ImageData(film.width, film.height);
  const out = new Uint32Array(film.shaded.data.buffer);
  for (let i = 0; i < out.length; i++) out[i] = table[film.grey[i]];
  film.context.putImageData(film.shaded, 0, 0);
}

// What a map says at once: its highest cell, and how much of it reaches the threshold.
function summary(map, threshold) {
  let top = -Infinity, row = 0, column = 0, above = 0, known = 0;
  for (let r = 0; r < map.rows; r++) {
    for (let c = 0; c < map.columns; c++) {
      const value = map.values[r * map.columns + c];
      if (Number.isNaN(value)) continue;
      known++;
      if (value >= threshold) above++;
      if (value > top) [top, row, column] = [value, r, c];
    }
  }
  return { top, row, column, above, known };
}

// Draw everything; returns the milliseconds it took.
function paint(canvas, scene) {
  const began = performance.now();
  const context = canvas.getContext('2d', { alpha: false });
  const { film, view } = scene;
  context.fillStyle = '#000';
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (film) {
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(film.canvas, view.x, view.y, scene.width * view.scale, scene.height * view.scale);
    context.save();
    clipToFilm(context, scene);
    if (scene.map && !scene.peek) overlay(context, scene);
    context.restore();
    if (scene.regions.length && !scene.peek) scene.regions.forEach((region) => box(context, scene, region));
  }
  return performance.now() - began;
}

function clipToFilm(context, scene) {
  const [left, top] = at(scene.view, 0, 0);
  context.beginPath();
  context.rect(left, top, scene.width * scene.view.scale, scene.height * scene.view.scale);
  context.clip();
}

function overlay(context, scene) {
  const { map, smooth } = scene;
  const field = smooth ? fineField(map) : map;
  if (!scene.hollow) (smooth ? fillFine : fillCells)(context, scene, field);
  hatch(context, scene);
  const path = smooth ? isoline(scene, field) : staircase(scene, map);
  context.setLineDash(scene.hollow ? [6, 5] : []);
  context.lineJoin = 'round';
  context.strokeStyle = 'rgba(0, 0, 0, .75)';
  context.lineWidth = 4.5 * scene.ratio;
  context.stroke(path);
  context.strokeStyle = `rgb(${AMBER})`;
  context.lineWidth = 1.5 * scene.ratio;
  context.stroke(path);
  context.setLineDash([]);
}

// Opacity is proportional to the value from zero; what is below the threshold is not filled.
const opacity = (value, top) => CAP * Math.min(1, Math.max(0, value / top));

function edges(scene, map) {
  const { view } = scene;
  const xs = [], ys = [];
  for (let c = 0; c <= map.columns; c++) xs.push(Math.round(view.x + (map.x + c * map.step) * view.scale));
  for (let r = 0; r <= map.rows; r++) ys.push(Math.round(view.y + (map.y + r * map.stepY) * view.scale));
  return { xs, ys };
}

function fillCells(context, scene, map) {
  const { xs, ys } = edges(scene, map);
  for (let r = 0; r < map.rows; r++) {
    for (let c = 0; c < map.columns; c++) {
      const value = map.values[r * map.columns + c];
      if (!(value >= scene.threshold)) continue;
      context.fillStyle = `rgba(${AMBER}, ${opacity(value, scene.top)})`;
      context.fillRect(xs[c], ys[r], xs[c + 1] - xs[c], ys[r + 1] - ys[r]);
    }
  }
}

function fillFine(context, scene, field) {
  const pixels = new ImageData(field.columns, field.rows);
  const out = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < out.length; i++) {
    const value = field.values[i];
    if (value >= scene.threshold) out[i] = Math.round(255 * opacity(value, scene.top)) << 24 | 0x00b0ff;
  }
  const raster = new OffscreenCanvas(field.columns, field.rows);
  raster.getContext('2d').putImageData(pixels, 0, 0);
  const [x, y] = at(scene.view, field.x, field.y);
  context.drawImage(raster, x, y, field.columns * field.step * scene.view.scale, field.rows * field.stepY * scene.view.scale);
}

// Bilinear between cell centres (half-pixel centres: no shift at the rim); unknown cells stay unknown.
function fineField(map) {
  if (map.fine) return map.fine;
  const rows = map.rows * FINE, columns = map.columns * FINE, values = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const y = Math.min(map.rows - 1, Math.max(0, (i + 0.5) / FINE - 0.5));
    for (let j = 0; j < columns; j++) {
      const x = Math.min(map.columns - 1, Math.max(0, (j + 0.5) / FINE - 0.5));
      values[i * columns + j] = bilinear(map, y, x, Math.floor(i / FINE), Math.floor(j / FINE));
    }
  }
  map.fine = { rows, columns, values, x: map.x, y: map.y, step: map.step / FINE, stepY: map.stepY / FINE };
  return map.fine;
}

function bilinear(map, y, x, row, column) {
  const here = map.values[row * map.columns + column];
  if (Number.isNaN(here)) return NaN;
  const r = Math.floor(y), c = Math.floor(x);
  let sum = 0, weights = 0;
  for (const [i, j, w] of [[r, c, (1 - y + r) * (1 - x + c)], [r, c + 1, (1 - y + r) * (x - c)],
    [r + 1, c, (y - r) * (1 - x + c)], [r + 1, c + 1, (y - r) * (x - c)]]) {
    if (!w) continue;
    const value = map.values[i * map.columns + j];
    if (!Number.isNaN(value)) { sum += w * value; weights += w; }
  }
  return sum / weights;
}

// The border of the cells that reach the threshold.
function staircase(scene, map) {
  const { xs, ys } = edges(scene, map);
  const path = new Path2D();
  const high = (r, c) => r >= 0 && c >= 0 && r < map.rows && c < map.columns
    && map.values[r * map.columns + c] >= scene.threshold;
  const line = (x0, y0, x1, y1) => { path.moveTo(x0, y0); path.lineTo(x1, y1); };
  // Straight runs in one piece, so that dashes do not start anew at every cell. A run is -1 or 1 by its side.
  const runs = (outer, inner, side, draw) => {
    for (let i = 0; i <= outer; i++) {
      for (let from = 0, k = 1; k <= inner; k++) {
        if (k < inner && side(i, k) === side(i, from)) continue;
        if (side(i, from)) draw(i, from, k);
        from = k;
      }
    }
  };
  runs(map.rows, map.columns, (r, c) => high(r, c) - high(r - 1, c), (r, a, b) => line(xs[a], ys[r], xs[b], ys[r]));
  runs(map.columns, map.rows, (c, r) => high(r, c) - high(r, c - 1), (c, a, b) => line(xs[c], ys[a], xs[c], ys[b]));
  return path;
}

// Marching squares through the centres of the fine field.
function isoline(scene, field) {
  const path = new Path2D(), level = scene.threshold;
  const value = (r, c) => {
    const v = r < 0 || c < 0 || r >= field.rows || c >= field.columns ? 0 : field.values[r * field.columns + c];
    return Number.isNaN(v) ? 0 : v;
  };
  for (let r = -1; r < field.rows; r++) {
    for (let c = -1; c < field.columns; c++) {
      const a = value(r, c), b = value(r, c + 1), d = value(r + 1, c), e = value(r + 1, c + 1);
      const code = (a >= level) | (b >= level) << 1 | (e >= level) << 2 | (d >= level) << 3;
      if (code === 0 || code === 15) continue;
      const cut = (p, q) => (level - p) / (q - p);
      const sides = [[c + cut(a, b), r], [c + 1, r + cut(b, e)], [c + cut(d, e), r + 1], [c, r + cut(a, d)]];
      for (const [from, to] of SEGMENTS[code]) {
        path.moveTo(...centre(scene, field, sides[from]));
        path.lineTo(...centre(scene, field, sides[to]));
      }
    }
  }
  return path;
}

// Sides are top 0, right 1, bottom 2, left 3; saddles are cut apart.
const SEGMENTS = [[], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], [[3, 0], [1, 2]], [[0, 2]], [[3, 2]],
  [[2, 3]], [[2, 0]], [[0, 1], [2, 3]], [[2, 1]], [[1, 3]], [[1, 0]], [[0, 3]], []];

const centre = (scene, field, [c, r]) =>
  at(scene.view, field.x + (c + 0.5) * field.step, field.y + (r + 0.5) * field.stepY);

// What the model never saw is unknown, not zero: hatched, and said so.
function hatch(context, scene) {
  const { map } = scene;
  const unseen = new Path2D();
  const { xs, ys } = edges(scene, map);
  const [left, top] = at(scene.view, 0, 0);
  const right = left + scene.width * scene.view.scale, bottom = top + scene.height * scene.view.scale;
  const add = (x0, y0, x1, y1) => { if (x1 - x0 > 0.5 && y1 - y0 > 0.5) unseen.rect(x0, y0, x1 - x0, y1 - y0); };
  const x0 = xs[0], x1 = xs[map.columns], y0 = ys[0], y1 = ys[map.rows];
  add(left, top, right, y0);
  add(left, y1, right, bottom);
  add(left, Math.max(top, y0), x0, Math.min(bottom, y1));
  add(x1, Math.max(top, y0), right, Math.min(bottom, y1));
  for (let r = 0; r < map.rows; r++) {
    for (let c = 0; c < map.columns; c++) {
      if (Number.isNaN(map.values[r * map.columns + c])) add(xs[c], ys[r], xs[c + 1], ys[r + 1]);
    }
  }
  context.save();
  context.clip(unseen);
  const gap = 10 * scene.ratio, tall = bottom - top;
  for (const [colour, shift] of [['rgba(0, 0, 0, .7)', 0], ['rgba(201, 209, 217, .7)', 1.5 * scene.ratio]]) {
    context.strokeStyle = colour;  // both, so that it shows on any grey
    context.lineWidth = 1.5 * scene.ratio;
    context.beginPath();
    for (let x = left - tall + shift; x < right; x += gap) { context.moveTo(x, bottom); context.lineTo(x + tall, top); }
    context.stroke();
  }
  context.restore();
}

function box(context, scene, region) {
  const [x0, y0] = at(scene.view, region.box[0], region.box[1]);
  const [x1, y1] = at(scene.view, region.box[2], region.box[3]);
  for (const [colour, width] of [['rgba(0, 0, 0, .75)', 4], [SKY, 1.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = width * scene.ratio;
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  context.font = `${13 * scene.ratio}px system-ui, sans-serif`;
  context.textBaseline = 'top';
  const wide = context.measureText(region.name).width;
  context.fillStyle = 'rgba(0, 0, 0, .7)';
  context.fillRect(x0, y0, wide + 8 * scene.ratio, 18 * scene.ratio);
  context.fillStyle = SKY;
  context.fillText(region.name, x0 + 4 * scene.ratio, y0 + 2.5 * scene.ratio);
}
