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

  // Which of its specifications the reader has chosen.
  function chosen(element) {
    const { specs } = charts[element.id];
    const shown = element.closest("[data-shows]").dataset.shows;
    return shown in specs ? shown : Object.keys(specs)[0];
  }

  async function draw(element) {
    const chart = charts[element.id];
    const name = chosen(element);
    const folded = !element.clientWidth;
    const before = drawn.get(element);
    if (before?.name === name && before.folded === folded) return;
    before?.result?.finalize();
    drawn.set(element, { name, folded });
    const { points, lines, description } = chart;
    const spec = { ...structuredClone(specs[chart.specs[name]]), description };
    spec.datasets = structuredClone({ points, lines });
    if (folded) Object.assign(spec, { width: besides(element), autosize: { type: "fit-x", contains: "padding" } });
    const result = await window.vegaEmbed(element, spec, options);
    drawn.set(element, { name, folded, result });
    element.dataset.drawn = name || "yes";
  }

  // What is folded away has no width in some browsers: that of the charts beside it, until it is unfolded.
  const besides = (element) =>
    [...element.closest("[data-shows]").querySelectorAll(".chart")].find((one) => one.clientWidth)?.clientWidth ?? 600;

  const visible = (within) =>
    [...within.querySelectorAll(".chart")].filter((element) => !element.closest("details:not([open])"));
  const drawAll = (within) => Promise.all(visible(within).map(draw));

  // What is folded away is drawn when there is nothing else to do: a page that is printed does not wait for it.
  const whenIdle = window.requestIdleCallback ?? ((then) => setTimeout(then, 50));
  function drawFolded() {
    const next = [...document.querySelectorAll(".chart")].find((element) => drawn.get(element)?.name !== chosen(element));
    if (next) whenIdle(() => draw(next).then(drawFolded));
  }

  for (const details of document.querySelectorAll("details")) {
    details.addEventListener("toggle", () => details.open && drawAll(details));
  }
  for (const input of document.querySelectorAll(".axis input")) {
    input.addEventListener("change", () => {
      const block = input.closest("[data-shows]");
      block.dataset.shows = input.value;
      drawAll(block).then(drawFolded);
    });
  }
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details.charts:not([open])")];
    for (const details of unfolded) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of unfolded) details.open = false;
  });
  drawAll(document).then(drawFolded);
})();
