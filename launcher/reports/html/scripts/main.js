// Puts the parts to work. What fails here leaves the pictures and the tables as they were.

const CHARTS = [];

// Makes something when its place comes near the window: what nobody looks at costs nothing.
function whenNear(box, make) {
  const observer = new IntersectionObserver(
    entries => {
      if (!entries.some(entry => entry.isIntersecting)) return;
      observer.disconnect();
      CHARTS.push(make(box).chart);
      performance.mark(`${box.id} drawn`);
    },
    {rootMargin: "600px"},
  );
  observer.observe(box);
}

function begin() {
  const root = document.documentElement,
    places = ["curve-panel", "result-tools", "resource-panel"];
  const [curves, results, resources] = places.map(id => document.getElementById(id));
  root.classList.add("scripted");
  for (const box of [curves, results, resources]) if (box) box.hidden = false;
  new ResultTable(document.getElementById("result-table"), results);
  if (curves) {
    CHARTS.push(new CurvePanel(curves).chart);
    performance.mark("drawn");
  }
  if (resources) whenNear(resources, box => new ResourcePanel(box));
  const attempts = document.getElementById("attempt-table");
  if (attempts) makeSortable(attempts);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of CHARTS) chart.build();
  });
}

try {
  begin();
} catch (error) {
  document.documentElement.classList.remove("scripted");
  throw error;
}
