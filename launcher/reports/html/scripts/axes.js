// Round numbers along an axis, by the rules of ticks.py; numbers for reading, by those of launcher.text.

function ticks(low, high, count = 5) {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough * 0.999);
  const found = [];
  for (let place = Math.ceil(low / step - 1e-9); place <= Math.floor(high / step + 1e-9); place++)
    found.push(place * step);
  return found;
}

function logTicks(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9),
    last = Math.floor(Math.log10(high) + 1e-9),
    found = [];
  if (last - first < 2) {
    for (let power = first - 1; power <= last; power++)
      for (const factor of [1, 2, 5]) found.push(factor * 10 ** power);
    const within = found.filter(value => value >= low * 0.999 && value <= high * 1.001);
    return within.length > 1 ? within : ticks(low, high).filter(value => value > 0);
  }
  const stride = Math.max(1, Math.floor((last - first + 5) / 6));
  for (let power = first; power <= last; power += stride) found.push(10 ** power);
  return found;
}

const shortened = (value, digits) => String(Number(value.toPrecision(digits)));

function tickLabel(value) {
  const size = Math.abs(value);
  if (size >= 1e15) return shortened(value, 3);
  for (const [unit, letter] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ]) {
    if (size >= unit * 0.9999) return shortened(value / unit, 4) + letter;
  }
  return value === 0 ? "0" : shortened(value, 4);
}

function reading(value) {
  if (!Number.isFinite(value)) return "not finite";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  if (size >= 0.01 && size < 1000) return value.toFixed(4);
  return size >= 1000 && size < 1e7 ? value.toFixed(1) : value.toPrecision(4);
}
