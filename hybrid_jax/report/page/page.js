"use strict";
// Draws the charts. Each has its table below it, which is there without this script too.
(() => {
  const { config, specs, charts } = JSON.parse(document.getElementById("data").textContent);
  const options = {
    mode: "vega-lite",
    renderer: "svg",
    actions: false,
    ast: true, // expressions are interpreted: the page's policy lets no string become code
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
    config,
  };
  const drawn = new WeakMap();

  async function draw(element) {
    const chart = charts[element.id];
    const wanted = element.closest("[data-shows]")?.dataset.shows;
    const name = wanted in chart.specs ? wanted : Object.keys(chart.specs)[0];
    if (drawn.get(element)?.name === name) return;
    drawn.get(element)?.result?.finalize();
    drawn.set(element, { name });
    const { points, lines, description } = chart;
    const spec = { ...structuredClone(specs[chart.specs[name]]), description };
    spec.datasets = structuredClone({ points, lines });
    const result = await window.vegaEmbed(element, spec, options);
    drawn.set(element, { name, result });
    element.dataset.drawn = name || "yes";
  }

  // A chart that is folded away has no width yet: it is drawn when it is unfolded.
  const visible = (within) =>
    [...within.querySelectorAll(".chart")].filter((element) => !element.closest("details:not([open])"));
  const drawAll = (within) => Promise.all(visible(within).map(draw));

  for (const details of document.querySelectorAll("details")) {
    details.addEventListener("toggle", () => details.open && drawAll(details));
  }
  for (const input of document.querySelectorAll(".axis input")) {
    input.addEventListener("change", () => {
      const block = input.closest("[data-shows]");
      block.dataset.shows = input.value;
      drawAll(block);
    });
  }
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details.charts")) details.open = true;
  });
  drawAll(document);
})();
