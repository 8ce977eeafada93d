// Controls of the viewer: pointer, keys, buttons and sliders. Everything answers in the browser.

function buildControls(viewer) {
  const bar = element('div', 'controls');
  const row = () => bar.appendChild(element('div', 'row'));
  const first = row(), second = row();
  const level = slider(first, 'Brightness', 0, 1, 0.01, (v) => { viewer.window.level = 1 - v; reshade(viewer); });
  const width = slider(first, 'Contrast', 0.5, 10, 0.05, (v) => { viewer.window.window = 1 / v; reshade(viewer); });
  const invert = button(first, 'Invert', 'I', () => flip(viewer));
  button(first, 'Fit', '', () => fit(viewer));
  button(first, '1:1', '', () => actual(viewer));
  button(first, 'Reset', 'Space', () => reset(viewer));
  const peek = button(first, 'Peek', 'hold P', () => {});
  peek.onpointerdown = () => setPeek(viewer, true);
  peek.onpointerup = peek.onpointerleave = () => setPeek(viewer, false);
  const boxes = button(first, 'Known boxes', 'T', () => toggleBoxes(viewer));
  const threshold = slider(second, 'Show from', 0, 10, 0.5, (v) => { viewer.scene.threshold = v; }, () => tell(viewer));
  const shown = second.appendChild(element('output', 'threshold'));
  const smooth = button(second, 'Native grid', 'G', () => toggleSmooth(viewer));
  const scale = second.appendChild(element('div', 'scale'));
  scale.title = 'Fixed scale of every map: attention in multiples of uniform. Opacity is proportional, from zero.';
  const ramp = scale.appendChild(element('div', 'ramp'));
  const cut = ramp.appendChild(element('i', 'cut'));
  const ticks = scale.appendChild(element('div', 'ticks'));
  const anyway = button(second, 'Show anyway', '', () => { viewer.anyway = true; draw(viewer); });
  anyway.hidden = true;
  function slider(parent, name, low, high, step, change, done = () => {}) {
    const label = parent.appendChild(element('label', '', name));
    const input = label.appendChild(element('input'));
    Object.assign(input, { type: 'range', min: low, max: high, step });
    input.oninput = () => { change(Number(input.value)); controls.show(viewer); schedule(viewer); };
    input.onchange = done;
    return input;
  }
  const controls = {
    bar, anyway,
    open(header) {
      boxes.hidden = !header.regions.length;
      first.hidden = !header.image;
      second.hidden = !header.maps;
      viewer.scene.top = header.top;
      ticks.replaceChildren(...[0, 1, header.top].map((value, i) => {
        const tick = element('span', '', i < 2 ? `${value}×` : `≥ ${value}× uniform`);
        tick.style.left = `${100 * value / header.top}%`;
        return tick;
      }));
    },
    show() {
      const { scene, window: { window, level: at, invert: on } = {} } = viewer;
      if (window) { level.value = 1 - at; width.value = 1 / window; press(invert, on); }
      threshold.value = scene.threshold;
      shown.textContent = `≥ ${scene.threshold}× uniform`;
      smooth.firstChild.textContent = scene.smooth ? 'Smoothed' : 'Native grid';
      cut.style.left = `${100 * Math.min(1, scene.threshold / scene.top)}%`;
      press(smooth, scene.smooth);
      press(boxes, viewer.boxes);
      press(peek, scene.peek);
    },
  };
  return controls;
}

const press = (target, on) => target.setAttribute('aria-pressed', Boolean(on));

function button(parent, text, key, click) {
  const made = parent.appendChild(element('button'));
  made.type = 'button';
  made.append(element('span', '', text));
  if (key) made.append(element('kbd', '', key));
  made.onclick = click;
  return made;
}

function flip(viewer) { viewer.window.invert = !viewer.window.invert; reshade(viewer); schedule(viewer); }
function setPeek(viewer, on) { viewer.scene.peek = on; viewer.controls.show(viewer); draw(viewer); }
function toggleBoxes(viewer) { viewer.boxes = !viewer.boxes; viewer.controls.show(viewer); draw(viewer); }

function toggleSmooth(viewer) {
  viewer.scene.smooth = !viewer.scene.smooth;
  viewer.controls.show(viewer);
  draw(viewer);
  tell(viewer);
}

function resize(viewer) {
  const { canvas, stage, scene } = viewer;
  scene.ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(stage.clientWidth * scene.ratio));
  canvas.height = Math.max(1, Math.round(stage.clientHeight * scene.ratio));
  if (viewer.fitted) fit(viewer);
  else draw(viewer);
}

function fit(viewer) {
  const { canvas, scene } = viewer;
  viewer.fitted = true;
  const scale = Math.min(canvas.width / scene.width, canvas.height / scene.height);
  scene.view = { scale, x: (canvas.width - scene.width * scale) / 2, y: (canvas.height - scene.height * scale) / 2 };
  if (viewer.header) draw(viewer);
}

// One film pixel on one pixel of the screen, about the middle of what is seen.
const actual = (viewer) => zoom(viewer, 1 / viewer.scene.view.scale, viewer.canvas.width / 2, viewer.canvas.height / 2);

function zoom(viewer, factor, x, y) {
  const { view } = viewer.scene;
  viewer.fitted = false;
  const scale = Math.min(40, Math.max(0.05, view.scale * factor)), by = scale / view.scale;
  viewer.scene.view = { scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by };
  schedule(viewer);
}

function reset(viewer) {
  viewer.window = { window: 1, level: 0.5, invert: false };
  reshade(viewer);
  fit(viewer);
}

// Drag: window and level. Shift or middle drag, or two fingers: pan; two fingers also zoom.
function pointer(viewer) {
  const { canvas } = viewer, down = new Map();
  canvas.onpointerdown = (event) => {
    down.set(event.pointerId, event);
    canvas.setPointerCapture(event.pointerId);
    viewer.panning = event.shiftKey || event.button === 1;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
  };
  canvas.onpointermove = (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const { ratio } = viewer.scene, dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
    if (down.size === 2) pinch(viewer, down, before, event);
    else if (viewer.panning) pan(viewer, dx * ratio, dy * ratio);
    else {
      const now = viewer.window;
      now.window = Math.min(2, Math.max(0.1, now.window * Math.exp(-dx / 300)));
      now.level = Math.min(1, Math.max(0, now.level + dy / 500));
      reshade(viewer);
      schedule(viewer);
    }
    down.set(event.pointerId, event);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => down.delete(event.pointerId);
  canvas.onwheel = (event) => {
    event.preventDefault();
    const { ratio } = viewer.scene, place = canvas.getBoundingClientRect();
    zoom(viewer, Math.exp(-event.deltaY / 500), (event.clientX - place.left) * ratio, (event.clientY - place.top) * ratio);
  };
  canvas.ondblclick = () => fit(viewer);
  return () => down.clear();
}

function pan(viewer, dx, dy) {
  viewer.fitted = false;
  viewer.scene.view.x += dx;
  viewer.scene.view.y += dy;
  schedule(viewer);
}

function pinch(viewer, down, before, event) {
  const other = [...down.values()].find((finger) => finger.pointerId !== event.pointerId);
  const { ratio } = viewer.scene, place = viewer.canvas.getBoundingClientRect();
  const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
  pan(viewer, (event.clientX - before.clientX) * ratio / 2, (event.clientY - before.clientY) * ratio / 2);
  zoom(viewer, apart(event) / Math.max(1, apart(before)),
    ((event.clientX + other.clientX) / 2 - place.left) * ratio, ((event.clientY + other.clientY) / 2 - place.top) * ratio);
}

// Keys work wherever the page has the focus, but never while somebody types or operates a control.
function keyboard(viewer) {
  const { canvas } = viewer;
  const busy = (event) => {
    const target = event.composedPath()[0];
    return event.ctrlKey || event.metaKey || event.altKey || target.isContentEditable
      || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
      || (event.key === ' ' && target !== canvas && target !== document.body);
  };
  const act = {
    i: () => flip(viewer), ' ': () => reset(viewer), p: () => setPeek(viewer, true), g: () => viewer.header.maps && toggleSmooth(viewer),
    t: () => viewer.header.regions.length && toggleBoxes(viewer), f: () => fit(viewer), Escape: () => viewer.picked && pick(viewer, viewer.picked),
  };
  const views = { ArrowUp: [0, 40], ArrowDown: [0, -40], ArrowLeft: [40, 0], ArrowRight: [-40, 0] };
  const press = (event) => {
    if (!viewer.header || busy(event)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key in act) { if (!event.repeat) act[key](); }
    else if (event.composedPath()[0] === canvas && key in views) pan(viewer, ...views[key]);
    else return;
    event.preventDefault();
  };
  const release = (event) => { if (event.key.toLowerCase() === 'p' && viewer.scene.peek) setPeek(viewer, false); };
  const blur = () => viewer.scene.peek && setPeek(viewer, false);
  document.addEventListener('keydown', press);
  document.addEventListener('keyup', release);
  window.addEventListener('blur', blur);
  return () => {
    document.removeEventListener('keydown', press);
    document.removeEventListener('keyup', release);
    window.removeEventListener('blur', blur);
  };
}
