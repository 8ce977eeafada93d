// The report: sections, sentences and words one can hover, click and walk through by keyboard. Text only.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// `on` is told what is under the pointer or the focus (or null) and what was picked.
function writeReport(root, sections, mapped, on) {
  root.replaceChildren();
  const units = [];  // every sentence and word in reading order: {element, sentence, word, map, text}
  if (!sections.length) root.append(element('p', 'missing', 'This study has no report.'));
  for (const section of sections) {
    const box = element('section');
    box.append(element('h3', '', section.name));
    if (!section.sentences.length) box.append(element('p', 'missing', 'not in this report'));
    for (const sentence of section.sentences) box.append(writeSentence(sentence, units, mapped));
    root.append(box);
  }
  for (const unit of units) listen(unit, on);
  walk(root, units, on);
  return units;
}

function writeSentence(sentence, units, mapped) {
  const line = element('p', 'sentence');
  line.dataset.sentence = sentence.id;
  line.classList.toggle('negated', sentence.negated);
  line.classList.toggle('uncertain', sentence.uncertain);
  const mark = element('span', 'mark', sentence.negated ? '⊘' : sentence.uncertain ? '≈' : '▸');
  const kind = sentence.negated ? 'denied: ' : sentence.uncertain ? 'uncertain: ' : '';
  mark.setAttribute('aria-label', `whole sentence, ${kind}${sentence.text}`);
  mark.title = sentence.negated ? 'denied in the report – the whole sentence'
    : sentence.uncertain ? 'uncertain in the report – the whole sentence' : 'the whole sentence';
  const common = { sentence: sentence.id, negated: sentence.negated };
  units.push({ ...common, element: mark, word: -1, map: sentence.map, text: sentence.text });
  line.append(mark, ' ');
  for (const piece of sentence.pieces) {
    if (piece.word === undefined) { line.append(piece.text); continue; }
    const word = element('span', 'word', piece.text);
    if (mapped && piece.map < 0) { word.classList.add('unread'); word.title = 'beyond what the model reads'; }
    units.push({ ...common, element: word, word: piece.word, map: piece.map, text: piece.text });
    line.append(word);
  }
  return line;
}

function listen(unit, on) {
  const { element: target } = unit;
  target.setAttribute('role', 'button');
  target.tabIndex = -1;
  target.addEventListener('pointerenter', (event) => on.look(unit, event));
  target.addEventListener('pointerleave', (event) => on.look(null, event));
  target.addEventListener('click', () => on.pick(unit));
  target.addEventListener('focus', (event) => { if (target.matches(':focus-visible')) on.look(unit, event); });
  target.addEventListener('blur', (event) => on.look(null, event));
}

// One tab stop for the report; arrows walk: left and right by word, up and down by sentence.
function walk(root, units, on) {
  if (units.length) units[0].element.tabIndex = 0;
  root.onkeydown = (event) => {
    const now = units.findIndex((unit) => unit.element === event.target);
    if (now < 0) return;
    const heads = units.map((unit, i) => (unit.word < 0 ? i : -1)).filter((i) => i >= 0);
    const steps = {
      ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: units.length - 1,
      ArrowDown: heads.find((i) => i > now), ArrowUp: heads.findLast((i) => i < now),
    };
    if (event.key === 'Enter' || event.key === ' ') on.pick(units[now]);
    else if (!(event.key in steps)) return;
    const next = units[steps[event.key]];
    if (next) {
      units.forEach((unit) => { unit.element.tabIndex = -1; });
      next.element.tabIndex = 0;
      next.element.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  };
}
