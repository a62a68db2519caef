/* Curves over generations, drawn by uPlot, with bands, flips and the environments that train.

   evosim.curves(box, chart, options)
     box      an element; what it holds is replaced
     chart    what is drawn, as evosim.web.data.curves makes it:
                {label, x_label, range, x, moments, series, flips, worlds, span}
                label     what the curves are, for readers who do not see them
                range     [lowest, highest] that is always on the vertical axis, or null
                x         numbers that never fall; two that are equal are the two sides of a flip
                moments   what each x is called ("generation 80, before the flip"); [] for x itself
                series    {name, color, dash, width, shown, values, low, high}: color is a custom
                          property of page.css; values hold null where undefined; low and high, the
                          ends of a band, may be left out
                flips     {at, words}: a vertical line
                span      whether lines go on over values that are null
                worlds    {from, to, name, tint}: a ground, tint is a number from 0 to 5
     options  height: of the chart in CSS pixels (260)
     returns  {set(chart), add(x, values), scale(), destroy()}: set draws another chart in place of
              this one (what readers chose to see stays, by name); add takes one more point, by name
              of the series a value or {value, low, high}, for curves that grow; scale is {min, max}
              of what is shown

   Keyboard: the chart is a slider. Arrows move the cursor from point to point, Page up and down by
   ten points, Home and End to the ends; + and - zoom around it, Escape shows all again. What is at
   the cursor stands in the legend, whose entries are buttons that show and hide a curve. With a
   mouse: drag to zoom, double click to see all. */
"use strict";

(() => {
  const { css, element, number } = evosim;
  const LEAST = 2;
  const MARKED = 60;

  /* The columns that uPlot takes, and its series: three of each for a curve with a band. */
  const columns = (chart) => {
    const found = [chart.x];
    for (const one of chart.series) {
      found.push(one.values);
      if (one.low) found.push(one.high, one.low);
    }
    return found;
  };

  evosim.curves = (box, first, options = {}) => {
    const height = options.height || 260;
    const hidden = new Map();
    let [chart, plot, at, entries] = [null, null, 0, []];

    const frame = element("div", {
      class: "curves", role: "slider", tabindex: "0", "aria-valuemin": "0",
      keydown: (event) => keys(event),
    });
    const legend = element("div", { class: "key", role: "group", "aria-label": "curves that are shown" });
    const ground = element("ul", { class: "legend" });
    const moment = element("p", { class: "moment" });
    box.replaceChildren(frame, moment, legend, ground);

    const moments = (n) => chart.moments[n] || `${chart.x_label} ${chart.x[n]}`;
    const isShown = (one) => hidden.has(one.name) ? !hidden.get(one.name) : one.shown !== false;

    const width = () =>
      document.documentElement.dataset.print === undefined ? Math.max(240, box.clientWidth) : 640;

    const grounds = (u) => {
      const pen = u.ctx;
      const { left, top, width: wide, height: high } = u.bbox;
      pen.save();
      pen.beginPath();
      pen.rect(left, top, wide, high);
      pen.clip();
      for (const world of chart.worlds) {
        const [from, to] = [u.valToPos(world.from, "x", true), u.valToPos(world.to, "x", true)];
        pen.fillStyle = css(`tint-${world.tint % 6}`);
        pen.fillRect(from, top, to - from, high);
      }
      pen.restore();
    };

    const flips = (u) => {
      const pen = u.ctx;
      const { left, top, width: wide, height: high } = u.bbox;
      const sharp = devicePixelRatio || 1;
      pen.save();
      pen.strokeStyle = pen.fillStyle = css("ink");
      pen.lineWidth = sharp;
      pen.font = `${11 * sharp}px ${css("font")}`;
      pen.textAlign = "left";
      pen.textBaseline = "alphabetic";
      let free = -Infinity;
      for (const flip of chart.flips) {
        const x = u.valToPos(flip.at, "x", true);
        if (x < left || x > left + wide) continue;
        pen.setLineDash([4 * sharp, 3 * sharp]);
        pen.beginPath();
        pen.moveTo(x, top);
        pen.lineTo(x, top + high);
        pen.stroke();
        const room = pen.measureText(flip.words).width;
        const from = Math.min(x + 4 * sharp, left + wide - room);
        if (from > free) {
          pen.fillText(flip.words, from, top + 11 * sharp);
          free = from + room + 8 * sharp;
        }
      }
      pen.restore();
    };

    const look = () => {
      const series = [{}];
      const bands = [];
      const markers = { show: chart.x.length <= MARKED, size: 5 };
      for (const one of chart.series) {
        const show = isShown(one);
        const stroke = () => css(one.color);
        series.push({
          label: one.name, show, stroke, width: one.width || 2, dash: one.dash || undefined,
          spanGaps: Boolean(chart.span), points: { ...markers, stroke, fill: stroke },
        });
        if (!one.low) continue;
        const edge = { show, stroke: "transparent", width: 0, points: { show: false } };
        const here = series.length;
        series.push({ ...edge, label: `${one.name}, high` }, { ...edge, label: `${one.name}, low` });
        bands.push({ series: [here, here + 1], fill: () => css(`${one.color}-band`) });
      }
      const axis = { stroke: () => css("ink"), grid: { stroke: () => css("grid"), width: 1 },
        ticks: { stroke: () => css("grid"), width: 1 }, font: `12px ${css("font")}` };
      const range = (u, low, high) => {
        if (chart.range) [low, high] = [Math.min(low ?? 0, chart.range[0]), Math.max(high ?? 1, chart.range[1])];
        if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
        const room = (high - low || 1) * 0.04;
        return [low - room, high + room];
      };
      return {
        width: width(), height, series, bands,
        legend: { show: false },
        scales: { x: { time: false }, y: { range } },
        axes: [{ ...axis, label: chart.x_label, labelSize: 20, size: 34, labelFont: axis.font },
          { ...axis, size: 48, values: (u, ticks) => ticks.map(number) }],
        cursor: { points: { size: 8 }, y: false, drag: { x: true, y: false } },
        hooks: { drawClear: [grounds], draw: [flips], setCursor: [(u) => u.cursor.idx !== null && tell(u.cursor.idx)] },
      };
    };

    const tell = (n) => {
      at = n;
      const parts = chart.series.filter(isShown).map((one) => `${one.name} ${number(one.values[n]) || "undefined"}`);
      frame.setAttribute("aria-valuenow", String(n));
      frame.setAttribute("aria-valuetext", `${moments(n)}: ${parts.join(", ")}`);
      moment.textContent = moments(n);
      entries.forEach(([one, value]) => {
        const band = one.low && one.low[n] !== null && one.low[n] !== undefined;
        value.textContent = number(one.values[n]) + (band ? ` [${number(one.low[n])}, ${number(one.high[n])}]` : "");
      });
    };

    /* Put the cursor on a point, and move what is shown so that it is seen. */
    const go = (n) => {
      const to = Math.max(0, Math.min(chart.x.length - 1, n));
      const { min, max } = plot.scales.x;
      const x = chart.x[to];
      if (x < min || x > max) {
        const from = x < min ? x : x - (max - min);
        plot.setScale("x", { min: from, max: from + (max - min) });
      }
      // Two points with the same x are one place to uPlot: what is told is what was asked for.
      plot.setCursor({ left: plot.valToPos(x, "x"), top: 10 }, false);
      tell(to);
    };

    const whole = () => plot.setScale("x", { min: chart.x[0], max: chart.x[chart.x.length - 1] });
    const zoom = (factor) => {
      const { min, max } = plot.scales.x;
      const [first, last] = [chart.x[0], chart.x[chart.x.length - 1]];
      const span = Math.min(last - first, Math.max(LEAST, (max - min) * factor));
      const from = Math.max(first, Math.min(last - span, chart.x[at] - span / 2));
      plot.setScale("x", { min: from, max: from + span });
      go(at);
    };

    const keys = (event) => {
      const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in moves) go(at + moves[event.key]);
      else if (event.key === "Home") go(0);
      else if (event.key === "End") go(chart.x.length - 1);
      else if (event.key === "+" || event.key === "=") zoom(0.5);
      else if (event.key === "-") zoom(2);
      else if (event.key === "Escape") whole();
      else return;
      event.preventDefault();
    };

    const toggle = (one, button) => () => {
      hidden.set(one.name, isShown(one));
      button.setAttribute("aria-pressed", String(isShown(one)));
      let n = 1;
      for (const other of chart.series) {
        const wide = other.low ? 3 : 1;
        if (other === one) for (let i = n; i < n + wide; i++) plot.setSeries(i, { show: isShown(one) });
        n += wide;
      }
      tell(at);
    };

    const entry = (one) => {
      const value = element("span", { class: "value" });
      const stroke = element("span", { class: one.dash ? "stroke dashed" : "stroke", "aria-hidden": "true" });
      stroke.style.borderTopColor = `var(--${one.color})`;
      stroke.style.borderTopWidth = `${one.width || 2}px`;
      const button = element("button", { type: "button", "aria-pressed": String(isShown(one)) }, stroke, one.name, " ", value);
      button.addEventListener("click", toggle(one, button));
      return [one, value, button];
    };

    const set = (next) => {
      chart = next;
      if (plot) plot.destroy();
      frame.setAttribute("aria-label", chart.label);
      frame.setAttribute("aria-valuemax", String(chart.x.length - 1));
      plot = new uPlot(look(), columns(chart), frame);
      entries = chart.series.map(entry);
      legend.replaceChildren(...entries.map(([, , button]) => button));
      const worlds = new Map(chart.worlds.map((world) => [world.name, world.tint]));
      ground.replaceChildren(...[...worlds].map(([name, tint]) => {
        const mark = element("span", { class: "glyph tint", "aria-hidden": "true" });
        mark.style.background = `var(--tint-${tint % 6})`;
        return element("li", {}, mark, name);
      }));
      if (chart.x.length) tell(Math.min(chart.x.length - 1, at || chart.x.length - 1));
    };

    const add = (x, values) => {
      chart.x.push(x);
      for (const one of chart.series) {
        const value = values[one.name];
        const banded = value !== null && typeof value === "object";
        one.values.push((banded ? value.value : value) ?? null);
        if (one.low) {
          one.low.push((banded ? value.low : null) ?? null);
          one.high.push((banded ? value.high : null) ?? null);
        }
      }
      frame.setAttribute("aria-valuemax", String(chart.x.length - 1));
      plot.setData(columns(chart));
      tell(chart.x.length - 1);
    };

    const redraw = () => {
      plot.setSize({ width: width(), height });
      plot.redraw(true, true);  // with new ticks: without the second, those of the old width stay
    };
    set(first);
    const forget = evosim.redrawn(redraw);
    const destroy = () => {
      forget();
      plot.destroy();
      box.replaceChildren();
    };
    const scale = () => ({ min: plot.scales.x.min, max: plot.scales.x.max });
    return { set, add, scale, destroy };
  };
})();
