"use strict";
(function () {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const print = window.matchMedia("print");
  function theme() {
    const style = getComputedStyle(document.documentElement);
    const text = style.getPropertyValue("--text").trim(), line = style.getPropertyValue("--line").trim();
    const panel = style.getPropertyValue("--panel").trim(), family = getComputedStyle(document.body).fontFamily;
    const axis = { gridcolor: line, linecolor: line, tickcolor: line, showgrid: true };
    return {
      font: { family: family, color: text, size: 13 },
      hoverlabel: { bgcolor: panel, bordercolor: line, font: { family: family, color: text, size: 13 }, align: "left" },
      xaxis: axis, yaxis: axis,
    };
  }
  function merged(layout) {
    const look = theme(), all = Object.assign({}, layout, look);
    all.xaxis = Object.assign({}, layout.xaxis, look.xaxis);
    all.yaxis = Object.assign({}, layout.yaxis, look.yaxis);
    return all;
  }
  const charts = Array.from(document.querySelectorAll("div[data-figure]")).map(function (box) {
    const figure = JSON.parse(document.getElementById(box.dataset.figure).textContent);
    return { box: box, data: figure.data, layout: figure.layout };
  });
  function draw() {
    for (const chart of charts) {
      Plotly.react(chart.box, chart.data, merged(chart.layout), { responsive: true, displayModeBar: false });
    }
  }
  draw();
  dark.addEventListener("change", draw);
  print.addEventListener("change", draw);
})();
