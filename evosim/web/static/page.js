/* What every page and both widgets share. All scripts of a page are pasted into it, this one first.

   evosim.css(name)            the value of a custom property of page.css, as "ink" for --ink
   evosim.element(tag, attributes, ...children)
                               a new element; text is set as text, never as markup. An attribute that
                               is a function listens: {click: f}. null and false leave one out
   evosim.data(id)             the JSON in <script type="application/json" id=...>
   evosim.redrawn(draw)        calls draw() when colours change (light, dark, paper) or a canvas has
                               to be of another width; returns a function that ends this
   evosim.download(name, type, text)
                               hands the text to the reader as a file; nothing leaves the machine
   evosim.table(box, table)    a table of data {name, title, columns, rows}, folded, with a button that
                               saves it as CSV
   evosim.number(value)        three significant digits, a real minus sign; "" for null
*/
"use strict";
window.evosim = window.evosim || {};

(() => {
  const drawn = new Set();

  evosim.css = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  evosim.element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (typeof value === "function") made.addEventListener(name, value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };

  evosim.data = (id) => JSON.parse(document.getElementById(id).textContent);

  evosim.redrawn = (draw) => {
    drawn.add(draw);
    return () => drawn.delete(draw);
  };

  const redraw = () => drawn.forEach((draw) => draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("resize", redraw);
  // On paper all is dark on white, and no wider than a sheet: page.css reads this mark.
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.print = "";
    redraw();
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.print;
    redraw();
  });

  evosim.download = (name, type, text) => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    evosim.element("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };

  const FIRST = 200;
  const quoted = (value) => {
    const text = value === null ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  evosim.table = (box, table) => {
    const csv = () => [table.columns, ...table.rows].map((row) => row.map(quoted).join(",") + "\n").join("");
    const rows = (from, to) => table.rows.slice(from, to).map((row) =>
      evosim.element("tr", {}, ...row.map((value) =>
        evosim.element("td", { class: typeof value === "number" ? "n" : null }, value === null ? "" : String(value)))));
    const body = evosim.element("tbody");
    const shown = evosim.element("table", {},
      evosim.element("thead", {}, evosim.element("tr", {}, ...table.columns.map((name, n) =>
        evosim.element("th", { scope: "col", class: typeof table.rows[0]?.[n] === "number" ? "n" : null }, name)))), body);
    const more = evosim.element("button", { type: "button", click: () => {
      body.append(...rows(FIRST));
      more.remove();
    } }, `Show all ${table.rows.length} rows`);
    const details = evosim.element("details", {},
      evosim.element("summary", {}, `Show the table: ${table.rows.length} rows`),
      evosim.element("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": table.title }, shown),
      table.rows.length > FIRST ? more : null);
    // A long table costs time: it is made when somebody looks at it.
    details.addEventListener("toggle", () => body.children.length || body.append(...rows(0, FIRST)));
    box.append(evosim.element("p", {}, `${table.title}. `,
      evosim.element("button", { type: "button", class: "save screen",
        click: () => evosim.download(table.name, "text/csv", csv()) }, `Save ${table.name}`)), details);
    return { csv };
  };

  evosim.number = (value) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return "";
    const size = Math.abs(value);
    const text =
      size < 1e-9 ? "0" : size >= 1000 ? value.toFixed(0) : size < 0.001 && size > 0 ? value.toExponential(1)
      : String(Number(value.toPrecision(3)));
    return text.replace("-", "\u2212");
  };
})();
