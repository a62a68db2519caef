/* A level on a canvas, and lives that were recorded on it, with one scrubber for all of them.

   evosim.player(box, lives, options)
     box      an element; what it holds is replaced
     lives    a list of lives as evosim.web.data.life makes them, shown side by side in step
     options  step: the first step shown, or "last" (the default is 0); speed: steps a second (8)
     returns  {step(n), play(), pause(), set(lives, options), destroy()}; set shows other lives in
              place of these, and keeps the speed

   evosim.level(canvas, level, moment, scale)
     draws a level (evosim.web.data.level) at a moment, which is all optional:
     {agent: [row, column], trail: [[row, column], ...], visits: Map of "row,column" to a count,
      empty: [[row, column], ...], movers: [[row, column, symbol], ...], happened: bool}
     scale is the width of a cell in CSS pixels. Call it again to draw another moment.

   A level is {rows, cols, torus, walls, south, east, legend, sites, movers, ground, start}:
     walls, south, east   cells [row, column] that are walls, or have a barrier at that side
     legend               symbols {glyph, color, ink, words, walks, tint, there}
     sites, movers        [row, column, number of its symbol]
     ground               [row, column, number of its symbol, strength from 0 to 1]
     start                the cell where the life begins, or null
   A life is {title, level, path, empty, movers, variables, sums, did, actions, events, happenings,
   ending}; its steps are 0 (birth) to path.length - 1:
     path        the cell after each step
     empty       [[step, cells], ...]: the cells whose site is used up, from that step on
     movers      [[step, [row, column, symbol] ...], ...]: the same of movers
     variables   {name, top, unseen, values}: a value for each step
     sums        {name, tone ("payoff" or "reward"), values}: what was got up to each step
     did         for each step but birth, the number of what the agent did, in actions
     events      [step, number of what happened, in happenings]
     happenings  {words, paid}: paid is how much of the intended payoff

   Keyboard: the scrubber is a range (arrows, Page up and down, Home, End); the space bar plays and
   pauses wherever the focus is within the player. */
"use strict";

(() => {
  const { css, element, number } = evosim;
  const TRAIL = 10;
  const EVENTS = 3;
  const SPEEDS = [2, 4, 8, 16, 32];
  const LARGEST = 46;

  const line = (pen, color, width, ...points) => {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.stroke();
  };

  const disc = (pen, x, y, radius, fill, edge, width) => {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    if (fill) {
      pen.fillStyle = fill;
      pen.fill();
    }
    if (edge) {
      pen.strokeStyle = edge;
      pen.lineWidth = width;
      pen.stroke();
    }
  };

  const symbol = (pen, look, x, y, cell, hollow) => {
    const floor = css("floor");
    const fill = hollow ? floor : look.color;
    if (look.walks) {
      const side = 0.6 * cell;
      pen.fillStyle = fill;
      pen.fillRect(x - side / 2, y - side / 2, side, side);
      pen.strokeStyle = css("ink");
      pen.lineWidth = 1;
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    } else disc(pen, x, y, 0.34 * cell, fill, hollow ? css("faint") : css("edge"), hollow ? 1.5 : 1);
    if (cell >= 14) {
      pen.fillStyle = hollow ? css("soft") : look.ink;
      pen.font = `600 ${Math.max(9, Math.round(0.4 * cell))}px ${css("font")}`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(look.glyph, x, y + 0.03 * cell);
    }
  };

  const same = (a, b) => a[0] === b[0] && a[1] === b[1];

  const trail = (pen, path, middle, cell, color) => {
    path.slice(1).forEach((to, n) => {
      const [x0, y0] = middle(path[n]);
      const [x1, y1] = middle(to);
      const [dx, dy] = [x1 - x0, y1 - y0];
      pen.globalAlpha = 0.25 + (0.65 * (n + 1)) / path.length;
      const wide = Math.max(1.5, cell / 12);
      if (Math.abs(dx) + Math.abs(dy) <= 1.01 * cell) line(pen, color, wide, [x0, y0], [x1, y1]);
      else {
        // Over the edge of a torus: out here, and in again there.
        const [ox, oy] = [(-Math.sign(dx) * cell) / 2, (-Math.sign(dy) * cell) / 2];
        line(pen, color, wide, [x0, y0], [x0 + ox, y0 + oy]);
        line(pen, color, wide, [x1, y1], [x1 - ox, y1 - oy]);
      }
    });
    pen.globalAlpha = 1;
  };

  evosim.level = (canvas, level, moment = {}, scale = 32) => {
    const sharp = Math.max(1, devicePixelRatio || 1);
    const [cell, pad] = [scale, 2];
    const [width, height] = [level.cols * cell, level.rows * cell];
    const [wide, high] = [Math.round((width + 2 * pad) * sharp), Math.round((height + 2 * pad) * sharp)];
    if (canvas.width !== wide || canvas.height !== high) {
      [canvas.width, canvas.height] = [wide, high];
      canvas.style.width = `${width + 2 * pad}px`;
      canvas.style.height = "auto"; // where a page is narrower, the canvas keeps its proportions
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(sharp, 0, 0, sharp, pad * sharp, pad * sharp);
    const middle = ([r, c]) => [(c + 0.5) * cell, (r + 0.5) * cell];
    const [wall, ink] = [css("wall"), css("ink")];

    pen.clearRect(-pad, -pad, width + 2 * pad, height + 2 * pad);
    pen.fillStyle = css("floor");
    pen.fillRect(0, 0, width, height);
    for (const [r, c, n, strength] of level.ground) {
      pen.globalAlpha = strength;
      pen.fillStyle = level.legend[n].color;
      pen.fillRect(c * cell, r * cell, cell, cell);
    }
    if (moment.visits) {
      const most = Math.max(...moment.visits.values());
      pen.fillStyle = css("visits");
      for (const [place, count] of moment.visits) {
        const [r, c] = place.split(",");
        pen.globalAlpha = 0.08 + 0.42 * (count / most);
        pen.fillRect(c * cell, r * cell, cell, cell);
      }
    }
    pen.globalAlpha = 1;
    for (let c = 1; c < level.cols; c++) line(pen, css("grid"), 1, [c * cell, 0], [c * cell, height]);
    for (let r = 1; r < level.rows; r++) line(pen, css("grid"), 1, [0, r * cell], [width, r * cell]);
    pen.fillStyle = wall;
    for (const [r, c] of level.walls) pen.fillRect(c * cell, r * cell, cell, cell);
    const thick = Math.max(2, cell / 10);
    for (const [r, c] of level.south)
      line(pen, wall, thick, [c * cell, (r + 1) * cell], [(c + 1) * cell, (r + 1) * cell]);
    for (const [r, c] of level.east)
      line(pen, wall, thick, [(c + 1) * cell, r * cell], [(c + 1) * cell, (r + 1) * cell]);
    pen.setLineDash(level.torus ? [6, 6] : []);
    pen.strokeStyle = level.torus ? css("soft") : wall;
    pen.lineWidth = level.torus ? 1 : 2;
    pen.strokeRect(0, 0, width, height);
    pen.setLineDash([]);

    if (moment.trail) trail(pen, moment.trail, middle, cell, ink);
    const empty = moment.empty || [];
    for (const [r, c, n] of level.sites) {
      const [x, y] = middle([r, c]);
      symbol(pen, level.legend[n], x, y, cell, empty.some((place) => same(place, [r, c])));
    }
    const agent = moment.agent || level.start;
    if (agent) {
      const [x, y] = middle(agent);
      if (level.sites.some((site) => same(site, agent))) {
        if (moment.happened) disc(pen, x, y, 0.44 * cell, null, css("happened"), Math.max(4, cell / 5));
        disc(pen, x, y, 0.44 * cell, null, ink, Math.max(2, cell / 10));
      } else disc(pen, x, y, 0.27 * cell, ink, css("floor"), 1.5);
    }
    for (const [r, c, n] of moment.movers || level.movers) {
      const [x, y] = middle([r, c]);
      symbol(pen, level.legend[n], x, y, cell, false);
    }
  };

  /* What holds at a step, of a list of changes [[step, value], ...]. */
  const since = (changes, step) => {
    let found = null;
    for (const [from, value] of changes) {
      if (from > step) break;
      found = value;
    }
    return found;
  };

  const legend = (level) => {
    const list = element("ul", { class: "legend" });
    for (const look of level.legend.filter((one) => one.there)) {
      const shape = look.tint ? "tint" : look.walks ? "square" : "round";
      const mark = element("span", { class: `glyph ${shape}`, "aria-hidden": "true" }, look.glyph);
      mark.style.background = look.color;
      mark.style.color = look.ink;
      list.append(element("li", {}, mark, look.words));
    }
    return list;
  };

  const gauge = (variable) => {
    const fill = element("span", { class: "fill" });
    const value = element("span", { class: "value" });
    const bar = element("span", { class: "bar", "aria-hidden": "true" }, fill);
    const name = variable.unseen ? `${variable.name} (not seen)` : variable.name;
    const row = element("div", { class: variable.unseen ? "gauge unseen" : "gauge" },
      element("span", { class: "name" }, name), bar, value);
    const show = (step) => {
      const now = variable.values[step];
      fill.style.width = `${(100 * now) / Math.max(variable.top, 1)}%`;
      value.textContent = `${now} of ${variable.top}`;
    };
    return [row, show];
  };

  /* One life: its level, its bars, what it got so far and what happened last. */
  const lane = (life) => {
    const canvas = element("canvas", { role: "img" });
    const stage = element("div", { class: "stage" }, canvas);
    const strip = element("canvas", { class: "strip", role: "img" });
    const gauges = life.variables.map(gauge);
    const sums = life.sums.map((sum) => {
      const value = element("dd");
      return [element("div", { class: `sum ${sum.tone}` }, element("dt", {}, sum.name), value),
        (step) => (value.textContent = number(sum.values[step]) || "0")];
    });
    const doing = element("p", { class: "doing" });
    const events = element("ol", { class: "events" });
    const box = element("section", { class: "lane" },
      element("h4", {}, life.title), stage, legend(life.level), strip,
      element("dl", { class: "sums" }, ...sums.map(([row]) => row)),
      element("div", { class: "gauges" }, ...gauges.map(([row]) => row)), doing, events);
    const last = life.path.length - 1;
    const marks = new Map();
    for (const [step, n] of life.events) marks.set(step, [...(marks.get(step) || []), n]);
    const total = life.sums.filter((sum) => sum.tone === "payoff")
      .map((sum) => `${sum.name} ${number(sum.values[last]) || 0}`).join(", ");
    strip.setAttribute("aria-label", `What paid, step by step. In the whole life: ${total}.`);

    /* A line for each event, as long as what it pays of what is intended; the present step. */
    const drawStrip = (now, length) => {
      const sharp = Math.max(1, devicePixelRatio || 1);
      const [width, height] = [strip.clientWidth, 34];
      if (!width) return;
      [strip.width, strip.height] = [Math.round(width * sharp), Math.round(height * sharp)];
      const pen = strip.getContext("2d");
      pen.setTransform(sharp, 0, 0, sharp, 0, 0);
      const at = (step) => 1 + (step / Math.max(length, 1)) * (width - 2);
      line(pen, css("faint"), 1, [at(0), height - 8], [at(last), height - 8]);
      for (const [step, which] of marks) {
        const paid = which.reduce((sum, n) => sum + Math.max(0, life.happenings[n].paid), 0);
        const tall = (paid / (life.most || 1)) * (height - 10);
        pen.globalAlpha = step <= now ? 1 : 0.35;
        line(pen, css("soft"), 1, [at(step), height - 8], [at(step), height - 4]);
        if (tall > 0)
          line(pen, css("alignment"), 2, [at(step), height - 8], [at(step), height - 8 - Math.max(1, tall)]);
      }
      pen.globalAlpha = 1;
      line(pen, css("ink"), 1, [at(Math.min(now, last)), 0], [at(Math.min(now, last)), height]);
    };

    const words = (step) => {
      if (step === 0) return "is born";
      const did = life.actions[life.did[step - 1]];
      return step === last ? `${did}; ended by ${life.ending}` : did;
    };

    const show = (wanted, length) => {
      const step = Math.min(wanted, last);
      const visits = new Map();
      for (const [r, c] of life.path.slice(0, step + 1))
        visits.set(`${r},${c}`, (visits.get(`${r},${c}`) || 0) + 1);
      const room = Math.min(stage.clientWidth || 300, 7 * LARGEST) - 4;
      const cell = Math.max(2, Math.min(LARGEST, Math.floor(room / Math.max(life.level.cols, life.level.rows))));
      evosim.level(canvas, life.level, {
        agent: life.path[step], trail: life.path.slice(Math.max(0, step - TRAIL), step + 1), visits,
        empty: since(life.empty, step), movers: since(life.movers, step), happened: marks.has(step),
      }, cell);
      canvas.setAttribute("aria-label", `${life.title}: step ${step} of ${last}, ${words(step)}`);
      drawStrip(step, length);
      for (const [, update] of [...gauges, ...sums]) update(step);
      doing.textContent = `step ${step} of ${last}: ${words(step)}`;
      const told = life.events.filter(([when]) => when <= step).slice(-EVENTS).reverse();
      events.replaceChildren(...told.map(([when, n]) =>
        element("li", { class: when === step ? "new" : "old" }, `${when} ${life.happenings[n].words}`)));
    };
    return { box, show, last, words };
  };

  evosim.player = (box, lives, options = {}) => {
    let [lanes, length, now, timer] = [[], 0, 0, null];
    const show = () => {
      lanes.forEach((one) => one.show(now, length));
      scrubber.value = now;
      scrubber.setAttribute("aria-valuetext",
        `step ${now} of ${length}: ${lanes.map((one) => one.words(Math.min(now, one.last))).join("; ")}`);
      count.textContent = `step ${now} of ${length}`;
    };
    const step = (n) => {
      now = Math.max(0, Math.min(length, n));
      show();
    };
    const pause = () => {
      clearTimeout(timer);
      timer = null;
      button.textContent = "Play";
      button.setAttribute("aria-pressed", "false");
    };
    const tick = () => {
      if (now >= length) return pause();
      step(now + 1);
      timer = setTimeout(tick, 1000 / Number(speed.value));
    };
    const play = () => {
      if (timer !== null) return;
      button.textContent = "Pause";
      button.setAttribute("aria-pressed", "true");
      if (now >= length) step(0);
      timer = setTimeout(tick, 1000 / Number(speed.value));
    };
    const toggle = () => (timer === null ? play() : pause());
    const by = (n) => () => {
      pause();
      step(now + n);
    };

    const button = element("button", { type: "button", class: "play", "aria-pressed": "false", click: toggle }, "Play");
    const scrubber = element("input", {
      type: "range", min: 0, step: 1, "aria-label": "step of the life",
      input: () => { pause(); step(Number(scrubber.value)); },
    });
    const speed = element("select", { "aria-label": "steps a second" },
      ...SPEEDS.map((n) => element("option", { value: n, selected: n === (options.speed || 8) }, `${n} steps/s`)));
    const count = element("output", {});
    const bar = element("div", { class: "controls" }, button,
      element("button", { type: "button", "aria-label": "one step back", click: by(-1) }, "\u2212 1"),
      element("button", { type: "button", "aria-label": "one step on", click: by(1) }, "+ 1"),
      scrubber, count, speed);
    const stage = element("div", { class: "lanes" });
    const frame = element("div", {
      class: "player", role: "group", "aria-label": "recorded lives",
      keydown: (event) => {
        // A button or a list of choices has a use of its own for the space bar.
        if (event.key !== " " || ["BUTTON", "SELECT"].includes(event.target.tagName)) return;
        event.preventDefault();
        toggle();
      },
    }, stage, bar);

    const set = (others, wanted = {}) => {
      pause();
      const most = Math.max(0, ...others.flatMap((life) => life.happenings.map((one) => one.paid)));
      lanes = others.map((life) => lane({ ...life, most }));
      length = Math.max(0, ...lanes.map((one) => one.last));
      stage.replaceChildren(...lanes.map((one) => one.box));
      scrubber.max = length;
      step(wanted.step === "last" ? length : wanted.step || 0);
    };
    box.replaceChildren(frame);
    set(lives, options);
    const forget = evosim.redrawn(show);
    const destroy = () => {
      pause();
      forget();
      box.replaceChildren();
    };
    return { step, play, pause, set, destroy };
  };
})();
