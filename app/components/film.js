// The viewer: film left, report right. Hover, window, zoom and threshold stay in the browser; picks go to Python.

const instances = new WeakMap();
const windows = new Map();  // the window of each film, while this page lives

export default function film(component) {
  const { parentElement: root, data } = component;
  const { header, part } = readPayload(data);
  let viewer = instances.get(root);
  if (!viewer) instances.set(root, viewer = build(root));
  viewer.send = component.setStateValue;
  if (viewer.id !== header.id) open(viewer, header, part);
  restore(viewer, header.picked);
  return () => { viewer.close(); instances.delete(root); };
}

function build(root) {
  root.querySelector('.film')?.remove();
  const box = root.appendChild(element('div', 'film'));
  const viewer = { root, box, scene: emptyScene(), hover: null, picked: null };
  viewer.stage = element('div', 'stage');
  viewer.canvas = element('canvas');
  viewer.canvas.tabIndex = 0;
  viewer.canvas.setAttribute('role', 'img');
  viewer.left = element('span', 'marker left');
  viewer.right = element('span', 'marker right');
  viewer.note = element('span', 'note');
  viewer.stage.append(viewer.canvas, viewer.left, viewer.right, viewer.note);
  viewer.says = element('p', 'says');
  viewer.says.setAttribute('aria-live', 'polite');
  viewer.controls = buildControls(viewer);
  const picture = element('div', 'picture');
  picture.append(viewer.stage, viewer.says, viewer.controls.bar);
  viewer.report = element('div', 'report');
  viewer.report.setAttribute('aria-label', 'Report');
  box.append(picture, viewer.report);
  const watcher = new ResizeObserver(() => resize(viewer));
  watcher.observe(viewer.stage);
  const unbind = [pointer(viewer), keyboard(viewer)];
  viewer.close = () => { watcher.disconnect(); unbind.forEach((undo) => undo()); };
  return viewer;
}

const emptyScene = () => ({
  film: null, view: { x: 0, y: 0, scale: 1 }, width: 1, height: 1, map: null, regions: [], ratio: 1,
  threshold: 2, top: 5, smooth: false, peek: false, hollow: false,
});

async function open(viewer, header, part) {
  Object.assign(viewer, { id: header.id, header, hover: null, picked: null, boxes: false, anyway: false });
  viewer.maps = readMaps(header, part);
  viewer.units = writeReport(viewer.report, header.sections, Boolean(header.maps), {
    look: (unit, event) => look(viewer, unit, event), pick: (unit) => pick(viewer, unit),
  });
  Object.assign(viewer.scene, { film: null, map: null, regions: [], width: header.film.width, height: header.film.height });
  viewer.left.textContent = header.film.left;
  viewer.right.textContent = header.film.right;
  viewer.note.textContent = header.film.note;
  viewer.window = windows.get(header.film.id) ?? { window: 1, level: 0.5, invert: false };
  viewer.fitted = true;
  viewer.controls.open(header);
  viewer.box.classList.toggle('filmless', !header.image);
  if (!header.image) { draw(viewer); return; }
  const bitmap = await readImage(header, part);
  if (viewer.id !== header.id) return;  // another film was opened meanwhile
  viewer.scene.film = greyOf(bitmap);
  bitmap.close();
  reshade(viewer);
  resize(viewer);
  viewer.box.dataset.ready = header.id;
}

function restore(viewer, picked) {
  viewer.scene.threshold = picked.thr;
  viewer.scene.smooth = !picked.grid;
  viewer.controls.show(viewer);
  viewer.picked = viewer.units.find((unit) => unit.sentence === picked.sent && unit.word === picked.word) ?? null;
  mark(viewer);
  draw(viewer);
}

function look(viewer, unit, event) {
  viewer.hover = unit;
  viewer.anyway = false;
  if (!unit) { schedule(viewer); return; }
  draw(viewer);
  viewer.box.dataset.hoverMs = (performance.now() - event.timeStamp).toFixed(2);
}

function pick(viewer, unit) {
  viewer.picked = viewer.picked === unit ? null : unit;
  viewer.hover = null;
  viewer.anyway = false;
  mark(viewer);
  draw(viewer);
  tell(viewer);
}

function mark(viewer) {
  for (const unit of viewer.units) {
    unit.element.classList.toggle('picked', unit === viewer.picked);
    unit.element.setAttribute('aria-pressed', unit === viewer.picked);
  }
}

// All of the selection at once: a change that overtakes another one's rerun must not undo it.
function tell({ send, picked, scene }) {
  send('picked', { sent: picked?.sentence ?? '', word: picked?.word ?? -1, thr: scene.threshold, grid: !scene.smooth });
}

function reshade(viewer) {
  if (!viewer.scene.film) return;
  const { window, level, invert } = viewer.window;
  shade(viewer.scene.film, window, level, invert);
  windows.set(viewer.header.film.id, viewer.window);
  viewer.controls.show(viewer);
}

function schedule(viewer) {
  if (viewer.waiting) return;
  viewer.waiting = requestAnimationFrame(() => { viewer.waiting = 0; draw(viewer); });
}

function draw(viewer) {
  const { scene } = viewer, unit = viewer.hover ?? viewer.picked;
  const map = unit && unit.map >= 0 ? viewer.maps[unit.map] : null;
  const found = map && summary(map, scene.threshold);
  const flat = found && found.top < viewer.header.flat;
  scene.map = map && (!flat || viewer.anyway) ? map : null;
  scene.hollow = Boolean(unit?.negated);
  scene.regions = viewer.boxes ? viewer.header.regions : [];
  viewer.box.dataset.drawMs = paint(viewer.canvas, scene).toFixed(2);
  viewer.box.dataset.shown = scene.map && !scene.peek ? `${unit.sentence}:${unit.word}` : '';
  viewer.says.textContent = sentenceAbout(viewer, unit, map, found, flat);
  viewer.controls.anyway.hidden = !flat;
  viewer.canvas.setAttribute('aria-label', `${viewer.header.film.alt} ${viewer.says.textContent}`);
}

function sentenceAbout(viewer, unit, map, found, flat) {
  const { header, scene } = viewer;
  if (!header.maps) return header.mapless;
  if (!unit) return 'Point at a word to see where it looks; click to keep it. Nothing is drawn until you do.';
  if (!map) return `“${unit.text}” lies beyond what the model reads of a report.`;
  const name = unit.word < 0 ? `Sentence ${unit.sentence}` : `“${unit.text}”`;
  const top = `${found.top.toFixed(1)}× uniform`;
  if (flat) return `${name}: no region stands out (highest ${top}).`;
  const where = `row ${found.row + 1} of ${map.rows}, column ${found.column + 1} of ${map.columns}`;
  const above = found.above ? `${found.above} of ${found.known} cells reach ${scene.threshold}×`
    : `no cell reaches ${scene.threshold}×: lower the threshold`;
  return `${name}${unit.negated ? ' (denied in the report)' : ''}: highest ${top} at ${where}; ${above}. ${own(header, unit)}${known(header, map, found)}`
    + (unseen(scene, map) ? ' Hatched: not seen by the model.' : '');
}

const unseen = ({ width, height }, { x, y, step, stepY, columns, rows }) =>
  x > 0.5 || y > 0.5 || x + columns * step < width - 0.5 || y + rows * stepY < height - 0.5;

// The control beside every map: does it depend on what was picked at all?
function own(header, unit) {
  const r = header.maps.likeness[unit.map];
  if (r === null) return '';
  return `r with the report's other words ${r.toFixed(2)}${r > 0.9 ? ': this map hardly depends on the word' : ''}. `;
}

// What is known to be true of the place, without a verdict.
function known(header, map, found) {
  if (!header.regions.length) return 'No ground truth for this film.';
  const x = map.x + (found.column + 0.5) * map.step, y = map.y + (found.row + 0.5) * map.stepY;
  const inside = header.regions.filter(({ box: [x0, y0, x1, y1] }) => x >= x0 && x < x1 && y >= y0 && y < y1);
  return inside.length ? `Highest cell lies in: ${inside.map((region) => region.name).join(', ')}.`
    : `Highest cell lies in none of the ${header.regions.length} known boxes.`;
}
