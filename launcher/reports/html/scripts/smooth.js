// The smooth line through a curve, by the rule of smoothing.py: a test holds both to the same numbers.

// Values that are means of `counts` values each; null: of one each.
function runningMean(values, counts, share) {
  const isNumber = value => Number.isFinite(value);
  const length = values.findLastIndex(isNumber) + 1,
    half = roundEven((length * share) / 2);
  if (!half) return values;
  const weights = Float64Array.from(values, (value, place) => (isNumber(value) ? (counts ? counts[place] : 1) : 0));
  const sums = new Float64Array(length + 1),
    totals = new Float64Array(length + 1);
  for (let place = 0; place < length; place++) {
    sums[place + 1] = sums[place] + (weights[place] ? values[place] * weights[place] : 0);
    totals[place + 1] = totals[place] + weights[place];
  }
  const mean = new Float64Array(values.length).fill(NaN);
  for (let place = 0; place < length; place++) {
    const reach = Math.min(half, place),
      low = place - reach,
      high = Math.min(place + reach, length - 1) + 1;
    const total = totals[high] - totals[low];
    mean[place] = total ? (sums[high] - sums[low]) / total : NaN;
  }
  mean.set(straightEnd(values, weights, length, half), length - half);
  return mean;
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
