// The smooth line through a curve, by the rule of smoothing.py: a test holds both to the same numbers.

// Values that are means of `counts` values each; null: of one each.
function runningMean(values, counts, share) {
  const isNumber = value => Number.isFinite(value);
  const length = values.findLastIndex(isNumber) + 1,
    half = roundEven((length * share) / 2);
  if (!half) return values;
  const weights = Float64Array.from(values, (value, place) => (isNumber(value) ? (counts ? counts[place] : 1) : 0));
  const weighted = weights.map((weight, place) => (weight ? values[place] * weight : 0));
  const sums = windowSums(weighted, length, half),
    totals = windowSums(weights, length, half);
  const mean = new Float64Array(values.length).fill(NaN);
  for (let place = 0; place < length - half; place++) mean[place] = totals[place] ? sums[place] / totals[place] : NaN;
  mean.set(straightEnd(values, weights, length, half), length - half);
  return mean;
}

// The sums of the windows around all items but the last `half`, made of sums within blocks: nothing is subtracted.
function windowSums(items, length, half) {
  const width = 2 * half + 1,
    before = new Float64Array(length),
    after = new Float64Array(length);
  for (let place = 0; place < length; place++) before[place] = items[place] + (place % width ? before[place - 1] : 0);
  for (let place = length - 1; place >= 0; place--)
    after[place] = items[place] + ((place + 1) % width && place + 1 < length ? after[place + 1] : 0);
  return Float64Array.from({length: length - half}, (_, place) => {
    const low = Math.max(place - half, 0),
      high = Math.min(place + half, 2 * place);
    return before[high] + (low % width ? after[low] : 0);
  });
}

// The last `half` values of the line fitted to the last 2 * half + 1.
function straightEnd(values, weights, length, half) {
  const first = Math.max(0, length - 2 * half - 1),
    known = [];
  for (let place = first; place < length; place++)
    if (weights[place]) known.push([place - length + 1 + half, values[place], weights[place]]);
  const total = known.reduce((sum, [, , weight]) => sum + weight, 0);
  const centre = known.reduce((sum, [x, , weight]) => sum + x * weight, 0) / total;
  const level = known.reduce((sum, [, value, weight]) => sum + value * weight, 0) / total;
  const variance = known.reduce((sum, [x, , weight]) => sum + weight * (x - centre) ** 2, 0) / total;
  const slope = variance
    ? known.reduce((sum, [x, value, weight]) => sum + weight * (x - centre) * (value - level), 0) / total / variance
    : 0;
  const low = Math.min(...known.map(([, value]) => value)),
    high = Math.max(...known.map(([, value]) => value));
  return Array.from({length: half}, (_, place) => Math.min(high, Math.max(low, level + slope * (place + 1 - centre))));
}

function roundEven(value) {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? whole + (whole % 2) : Math.round(value);
}
