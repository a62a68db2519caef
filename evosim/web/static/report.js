/* The parts of a report that move: lives, curves, tables. Each box of the page names what it shows by
   number: data-lives, data-charts, data-table. */
"use strict";

(() => {
  const { element } = evosim;
  const each = (name, draw) => {
    const all = evosim.data(name);
    document.querySelectorAll(`[data-${name}]`).forEach((box) => draw(box, all[Number(box.dataset[name])]));
  };

  const draw = () => {
    each("lives", (box, lives) => evosim.player(box, lives, { step: "last" }));

    each("charts", (box, group) => {
      const place = element("div");
      const choice = element("select", { "aria-label": `${group.title}: which` },
        ...group.charts.map((chart, n) => element("option", { value: n }, chart.name)));
      box.append(element("p", {}, group.charts.length > 1 ? choice : group.charts[0].name), place);
      const shown = evosim.curves(place, group.charts[0]);
      choice.addEventListener("change", () => shown.set(group.charts[Number(choice.value)]));
    });

    each("tables", (box, table) => evosim.table(box, table));
    document.body.dataset.drawn = "";
  };

  // The verdict is seen first: what moves is drawn once that is on the screen.
  requestAnimationFrame(() => setTimeout(draw));
})();
