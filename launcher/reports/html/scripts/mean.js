// The mean of the curves of a configuration's seeds, by the rules of mean_curve.py: a test holds both to the same numbers.

// `curves`: {steps, values}, steps in order. `quantiles`: Student's t by the number of curves, from five on.
// Null: they have no step in common. `low` and `high` are null for fewer than five curves.
function meanCurve(curves, quantiles) {
  const known = curves.map(untilLastNumber);
  if (!known.length || known.some(({steps}) => !steps.length)) return null;
  const first = Math.max(...known.map(({steps}) => steps[0]));
  const last = Math.min(...known.map(({steps}) => steps[steps.length - 1]));
  const steps = known[0].steps.filter(step => step >= first && step <= last);
  if (!steps.length) return null;
  const values = known.map(curve => valuesAt(steps, curve));
  const num = values.length;
  const mean = Float64Array.from(steps, (_, place) => values.reduce((sum, own) => sum + own[place], 0) / num);
  const isCut = known.some(curve => curve.steps[curve.steps.length - 1] > last);
  const found = {steps, mean, low: null, high: null, num, isCut};
  const t = quantiles[num];
  if (t === undefined) return found;
  const half = Float64Array.from(steps, (_, place) => {
    const squares = values.reduce((sum, own) => sum + (own[place] - mean[place]) ** 2, 0);
    return (t * Math.sqrt(squares / (num - 1))) / Math.sqrt(num);
  });
  found.low = mean.map((value, place) => value - half[place]);
  found.high = mean.map((value, place) => value + half[place]);
  return found;
}

function untilLastNumber({steps, values}) {
  const end = values.findLastIndex(value => Number.isFinite(value)) + 1;
  return {steps: steps.slice(0, end), values: values.slice(0, end)};
}

// A curve at some steps: as it is where it has them all, else between its neighbours.
function valuesAt(wanted, {steps, values}) {
  let place = 0;
  const places = Array.from(wanted, step => {
    while (place < steps.length - 1 && steps[place] < step) place++;
    return place;
  });
  if (places.every((at, number) => steps[at] === wanted[number])) return places.map(at => values[at]);
  return places.map((at, number) => {
    if (steps[at] === wanted[number] || at === 0) return values[at];
    const share = (wanted[number] - steps[at - 1]) / (steps[at] - steps[at - 1]);
    return values[at - 1] + share * (values[at] - values[at - 1]);
  });
}
