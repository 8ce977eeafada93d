// One payload: the length of a JSON header (uint32, little-endian), the header, then the bytes it points into.

function readPayload(data) {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  const size = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  const part = ({ start, length }) => bytes.slice(4 + size + start, 4 + size + start + length);
  return { header, part };
}

// All maps in one block of float32, row by row; a map is a view of its cells and where they lie on the film.
function readMaps(header, part) {
  if (!header.maps) return [];
  const { rows, columns, count, x, y, step, stepY } = header.maps;
  const block = new Float32Array(part(header.maps.block).buffer);
  const cells = rows * columns;
  return Array.from({ length: count }, (_, i) => (
    { rows, columns, x, y, step, stepY, values: block.subarray(i * cells, (i + 1) * cells) }));
}

const readImage = (header, part) =>
  createImageBitmap(new Blob([part(header.image)], { type: header.image.type }), { colorSpaceConversion: 'none' });
