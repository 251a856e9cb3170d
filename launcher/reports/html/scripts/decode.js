// Reads what encoding.py has packed.

const DATA = JSON.parse(document.getElementById("data").textContent);

function unpackBytes(text) {
  const raw = atob(text),
    bytes = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place++) bytes[place] = raw.charCodeAt(place);
  return bytes.buffer;
}

function unpackFloats(text) {
  const buffer = unpackBytes(text.slice(1));
  return text[0] === "f" ? new Float32Array(buffer) : new Float64Array(buffer);
}

function unpackSteps(packed) {
  if (typeof packed === "string") return unpackFloats(packed);
  if ("n" in packed) return Float64Array.from({length: packed.n}, (_, place) => packed.a + place * packed.d);
  const kind = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array}[packed.w];
  const differences = new kind(unpackBytes(packed.b)),
    steps = new Float64Array(differences.length + 1);
  steps[0] = packed.a;
  differences.forEach((difference, place) => {
    steps[place + 1] = steps[place] + difference;
  });
  return steps;
}

const STEPS = DATA.steps.map(() => null);

function sharedSteps(place) {
  return (STEPS[place] ??= unpackSteps(DATA.steps[place]));
}
