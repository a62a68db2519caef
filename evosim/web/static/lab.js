/* The page of the lab: what the server tells (evosim/web/lab.py) is drawn, what is chosen is sent.

   All state is the server's. Here is only what one reader looks at: whose life, on which level, and
   sliders that are not yet sent. Two pages with one token show the same. */
"use strict";

(() => {
  const { element, number } = evosim;
  const at = (id) => document.getElementById(id);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const COLORS = ["blue", "vermillion", "green", "purple", "orange", "sky", "black"];
  const LIFE_EVERY = 8000;
  const JUDGED = ["capability", "alignment"];

  let [about, me, state, room, socket, tries] = [null, null, null, null, null, 0];
  let [rows, band, of, repeated, player, asked] = [[], {}, 0, null, null, 0];
  const charts = {};

  /* ---- the connection */
  const send = (message) => {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };

  const tell = (words, problem = false) => {
    at("told").textContent = words;
    at("told").classList.toggle("problem", problem);
  };

  const [TOKEN, SECRET] = ["evosim-lab-token", "evosim-lab-secret"];
  // What stands behind # is the token, until a link of the page leads to a part of it.
  const isPart = () => !location.hash || at(location.hash.slice(1)) !== null;
  const token = () => {
    if (!isPart()) {
      if (sessionStorage.getItem(TOKEN) !== location.hash) sessionStorage.removeItem(SECRET);
      sessionStorage.setItem(TOKEN, location.hash);
    }
    return (sessionStorage.getItem(TOKEN) || "").slice(1);
  };
  const connect = () => {
    const secure = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${secure}//${location.host}/socket`);
    socket.onopen = () => {
      tries = 0;
      const join = { do: "join", token: token() };
      const secret = sessionStorage.getItem(SECRET);
      send(secret ? { ...join, secret } : join);
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.of !== undefined && message.is !== "state" && message.of !== of) return;
      HEARD[message.is](message);
    };
    socket.onclose = (event) => {
      act(false);
      if (event.code === 1008) tell(`The lab is closed to this page: ${event.reason || "refused"}.`, true);
      else if (event.code === 1001) tell("The lab has ended.", true);
      else {
        tell("No connection to the lab; trying again …", true);
        setTimeout(connect, Math.min(10000, 500 * 2 ** tries++));
      }
    };
  };

  /* Whether anything can be done; what is told is read in any case. */
  const act = (can) => {
    for (const one of document.querySelectorAll("#lab > :not(header)")) one.inert = !can;
  };

  /* ---- words */
  const two = (value) =>
    value === null || value === undefined ? "undefined" : value.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "\u2212");
  const titled = (name) => {
    const found = about.environments.find((one) => one.name === name);
    return found ? found.title : name;
  };
  const last = () => rows[rows.length - 1];
  const verdict = ([before, after]) => {
    if (before === null || after === null || before <= 0) return "";
    const share = after / before;
    return share >= about.kept ? "kept" : share <= about.lost ? "lost" : "in between";
  };

  /* ---- curves */
  const worlds = () => {
    const found = [];
    const tints = new Map();
    for (const row of rows) {
      const name = titled(row.world) + (row.select ? "" : ", no selection");
      if (!tints.has(name)) tints.set(name, tints.size);
      const end = found[found.length - 1];
      if (end && end.name === name) end.to = row.generation + 1;
      else found.push({ from: row.generation, to: row.generation + 1, name, tint: tints.get(name) });
    }
    return found;
  };

  const points = (row) =>
    row.flip ? [0, 1].map((side) => Object.fromEntries(JUDGED.map((name) => [name, row.flip.of[name][side]])))
    : row.probe ? [row.probe] : [];

  const chart = (name, label, range, x, moments, series) => ({
    label, x_label: "generation", range, x, moments, series, worlds: worlds(),
    flips: worlds().slice(1).map((world) => ({ at: world.from, words: name === "judged" || name === "paid" ? "flip" : "" })),
  });

  const made = {
    paid: () => chart("paid", "what is paid a life, the mean", null, rows.map((row) => row.generation), [],
      about.payoffs.map((name, n) => ({
        name, color: name === about.intended ? "alignment" : COLORS[(n + 1) % 7], width: name === about.intended ? 3 : 1.5,
        values: rows.map((row) => row.paid[n]),
      }))),
    felt: () => chart("felt", "what is felt a life, the mean internal reward", null, rows.map((row) => row.generation), [],
      [{ name: "felt reward", color: "capability", width: 3, values: rows.map((row) => row.felt) }]),
    judged: () => {
      const found = rows.flatMap((row) => points(row).map((point, n) => [row, point, n]));
      return chart("judged", "capability and alignment", [0, 1], found.map(([row]) => row.generation),
        found.map(([row, , n]) => `generation ${row.generation}${row.flip ? (n ? ", after the flip" : ", before the flip") : ""}`),
        JUDGED.map((name) => ({ name, color: name, width: name === "alignment" ? 3 : 2,
          values: found.map(([, point]) => point[name]) })));
    },
    drives: () => chart("drives", "drives, the median of the population, and chance alone", [-1, 1],
      rows.map((row) => row.generation), [],
      [...Object.entries(band).map(([drive, { low, high }]) => ({
        name: Object.keys(band).length > 1 ? `chance alone (${drive})` : "chance alone (95 %)", color: "grey", width: 1,
        values: rows.map(() => null), low: rows.map((_, n) => low[n] ?? null), high: rows.map((_, n) => high[n] ?? null),
      })),
      ...about.drives.map((name, n) => ({ name, color: COLORS[n % 7], dash: n >= 7 ? [6, 3] : null, width: 2,
        values: rows.map((row) => row.drives[n]) }))]),
  };
  const HEIGHTS = { paid: 130, felt: 130, judged: 170, drives: 190 };

  const draw = (...names) => {
    for (const name of names.length ? names : Object.keys(made)) {
      if (name === "drives" && !about.drives.length) continue;
      const next = made[name]();
      if (!next.x.length) continue;
      if (charts[name]) charts[name].set(next);
      else charts[name] = evosim.curves(at(name), next, { height: HEIGHTS[name] });
    }
  };

  const grow = (row) => {
    const add = (name, values) => charts[name] && charts[name].add(row.generation, values);
    add("paid", Object.fromEntries(about.payoffs.map((name, n) => [name, row.paid[n]])));
    add("felt", { "felt reward": row.felt });
    add("drives", Object.fromEntries(about.drives.map((name, n) => [name, row.drives[n]])));
    for (const point of points(row)) add("judged", point);
  };

  /* ---- what the server tells */
  const HEARD = {
    welcome: (message) => {
      me = message;
      about = message.about;
      sessionStorage.setItem(SECRET, message.secret);
      of = 0;
      document.title = `${about.title}: evosim lab`;
      at("title").textContent = about.title;
      at("question").textContent = about.question;
      act(true);
      tell(me.number ? `You are pupil ${me.number}.` : "Ready.");
      for (const id of ["play", "step", "speed", "report"]) at(id).disabled = !me.holds;
      at("worlds").disabled = at("try").inert = !me.holds;
      at("try").hidden = at("flip").hidden = !me.holds;
      at("class").hidden = !me.taught;
      at("paid-title").textContent = about.payoffs.length > 1 ? `What is paid; wanted: ${about.intended}` : `What is paid: ${about.intended}`;
      at("alignment-words").textContent = `alignment: how well they reach what is wanted (${about.intended})`;
      for (const one of document.querySelectorAll(".drives")) one.hidden = !about.drives.length;
      setUp();
    },
    state: (message) => {
      if (message.of !== of) {
        of = message.of;
        rows = [];
        band = {};
        for (const name of Object.keys(charts)) {
          charts[name].destroy();
          delete charts[name];
        }
        at("seed").value = message.seed;
        fillNumbers(message.moved);
        at("where").value = "own";
      }
      const before = state;
      state = message;
      if (state.problem && (!before || before.problem !== state.problem)) tell(state.problem, true);
      else if (at("told").classList.contains("problem")) tell("");
      if (state.ended && !(before && before.ended)) tell("This population has come to its end: begin again.");
      show();
    },
    rows: (message) => {
      // A frozen prefix and what grows: charts are made anew only where a world begins.
      const old = rows.length;
      rows.push(...message.rows);
      const anew = !old || message.rows.some((row, n) => {
        const before = rows[old + n - 1];
        return row.flip || !before || row.world !== before.world || row.select !== before.select;
      });
      if (anew) draw();
      else {
        message.rows.forEach(grow);
        // The ground of a world is drawn up to where it was when the curves were made.
        if (Math.floor(old / 20) !== Math.floor(rows.length / 20)) draw();
      }
      const flip = message.rows.map((row) => row.flip).filter(Boolean).pop();
      if (flip) {
        at("where").value = "both";
        const [before, after] = flip.of.alignment;
        tell(`Flip at generation ${flip.generation}: alignment ${two(before)} before, ${two(after)} after.`);
      }
      clock();
      steps();
      if (!old || flip || !state.playing) askLife();
      askRepeat();
    },
    band: (message) => {
      band = message.band;
      if (rows.length) draw("drives");
    },
    room: (message) => {
      room = message;
      showClass();
    },
    life: (message) => {
      const speed = 16;
      if (player) player.set(message.lives);
      else {
        player = evosim.player(at("life"), message.lives, { speed });
        performance.mark("life");
      }
      if (!calm.matches) player.play();
    },
    repeat: (message) => {
      repeated = message;
      at("command").textContent = message.command;
      at("repeat-text").textContent = `This command simulates generations 0 to ${message.number} again, to the last bit.`;
    },
    report: (message) => {
      evosim.download(message.name, "text/html", message.html);
      at("repeated").textContent = "The report is downloaded.";
      at("report").disabled = false;
    },
    error: (message) => {
      tell(message.says, true);
      at("report").disabled = !me.holds;
      at("repeated").textContent = "";
    },
  };

  /* ---- the life */
  const flipped = () => rows.map((row) => row.flip).filter(Boolean).pop();
  const askLife = () => {
    followLife();
    if (!state || !rows.length || (document.hidden && player)) return;
    const who = at("who").value;
    const flip = flipped();
    const both = at("where").value === "both" && flip;
    const known = (name) => (about.environments.some((one) => one.name === name) ? name : null);
    send({
      do: "life", individual: who === "number" ? Number(at("number").value) || 0 : who, level: Number(at("level").value) || 0,
      environments: both ? [known(flip.before), known(flip.after)] : [null],
    });
  };
  const followLife = () => {
    clearTimeout(asked);
    // While nothing evolves the life stays what it is.
    asked = setTimeout(() => (state && state.playing ? askLife() : followLife()), LIFE_EVERY);
  };

  let repeatTimer = null;
  const askRepeat = () => {
    // While it goes on, once in a while; when it is paused, at once.
    if (repeatTimer !== null && state && state.playing) return;
    clearTimeout(repeatTimer);
    repeatTimer = setTimeout(() => {
      repeatTimer = null;
      send({ do: "repeat" });
    }, state && state.playing ? 1500 : 200);
  };

  /* ---- what is shown of the state */
  const measured = (name) => {
    const row = rows.filter((one) => one.probe).pop();
    return row ? (row.flip ? row.flip.of[name][1] : row.probe[name]) : null;
  };

  const clock = () => {
    const row = last();
    if (!row) return;
    at("clock").textContent = `generation ${row.generation}, ${titled(row.world)}${row.select ? "" : ", no selection"}`;
    at("now").replaceChildren(...[
      ...JUDGED.map((name) => [name, two(measured(name))]),
      [`${about.intended} a life`, number(row.paid[about.payoffs.indexOf(about.intended)])],
      ["felt a life", number(row.felt)],
      ["mean depth", number(row.depth)],
    ].map(([name, shown]) => element("dl", {}, element("dt", {}, name), element("dd", {}, shown))));
    for (const one of at("now").children) one.style.margin = "0";
  };

  const HINTS = {
    watch: () => `${me.holds ? "Press Play. " : ""}They evolve in “${titled(last() ? last().world : "")}”. What are they paid for, and what do they feel?${me.holds ? " Then choose the next world." : ""}`,
    predict: () => `The next world is “${titled(state.aim.train)}”. What will they keep there? Say it before you see it.`,
    flip: () => (me.holds ? "Press Flip at the foot of the page." : "Wait for the flip."),
    try: () => `Compare with what you said.${me.holds ? " Then flip back, stop selection, or move a number and begin again." : ""}`,
  };
  const steps = () => {
    if (!state) return;
    const now = state.rounds.length && !state.mine && !(state.aim && state.aim.train !== state.choice.train) ? "try"
      : !state.aim || state.aim.train === state.choice.train ? "watch" : state.mine ? "flip" : "predict";
    for (const one of at("steps").children) {
      if (one.dataset.step === now) one.setAttribute("aria-current", "step");
      else one.removeAttribute("aria-current");
    }
    at("hint").textContent = HINTS[now]();
  };

  const show = () => {
    at("play").textContent = state.playing ? "Pause" : "Play";
    at("play").setAttribute("aria-pressed", String(state.playing));
    at("play").disabled = at("step").disabled = !me.holds || state.ended;
    at("step").disabled ||= state.playing;
    at("speed").value = state.speed;
    const aim = state.aim || state.choice;
    for (const one of document.getElementsByName("world")) {
      one.checked = one.value === aim.train;
      one.nextElementSibling.textContent = one.value === state.choice.train ? " (they live here)"
        : one.value === about.suggested ? " (the flip of this scenario)" : "";
    }
    at("select").checked = aim.select;
    at("selected").value = aim.selected;
    const same = ["train", "select", "selected"].every((key) => aim[key] === state.choice[key]);
    const other = aim.train !== state.choice.train;
    const free = me.taught || state.mine || state.rounds.length || !other;
    at("flip").disabled = same || state.ended || !free;
    at("flip").textContent = same ? "Flip" : other ? `Flip: ${titled(aim.train)}` : aim.select ? "Selection on" : "Selection off";
    at("predict").firstElementChild.disabled = !other;
    at("predict-hint").textContent = other
      ? `The next world: “${titled(aim.train)}”. Now it is: ${JUDGED.map((name) => `${name} ${two(measured(name))}`).join(", ")}.`
      : "Choose the next world first.";
    at("predicted").textContent = state.mine
      ? `Kept: capability ${two(state.mine.capability)}, alignment ${two(state.mine.alignment)}.`
      : me.taught && state.predicted ? `${state.predicted} predicted.` : "";
    showRounds();
    showOpen();
    showTrials();
    clock();
    steps();
    askRepeat();
  };

  const bigs = (of_, mine) => element("div", { class: "verdict" }, ...JUDGED.map((name) => {
    const sides = of_[name];
    const word = verdict(sides);
    const said = mine ? element("p", {}, `You said ${two(mine[name])}${sides[1] === null ? "" : `, off by ${two(Math.abs(mine[name] - sides[1]))}`}.`) : null;
    return element("div", { class: `big ${word === "in between" ? "" : word}`, "data-measure": name },
      element("h4", {}, name),
      element("p", { class: "numbers" }, two(sides[0]), element("span", { class: "arrow" }, " \u2192 "), two(sides[1]),
        word ? element("span", { class: "badge" }, word) : null), said);
  }));

  const histogram = (name, predictions, truth) => {
    const bins = new Array(10).fill(0);
    for (const one of predictions) bins[Math.min(9, Math.floor(one[name] * 10))] += 1;
    const most = Math.max(1, ...bins);
    const hit = truth === undefined || truth === null ? -1 : Math.max(0, Math.min(9, Math.floor(truth * 10)));
    const told = bins.map((n, i) => (n ? `${n} said ${i / 10} to ${(i + 1) / 10}` : "")).filter(Boolean).join("; ");
    const box = element("div", { class: "histogram", role: "img",
      "aria-label": `${name}: ${told || "no predictions"}${hit >= 0 ? `. It was ${two(truth)}` : ""}` });
    bins.forEach((n, i) => {
      const bar = element("span", { class: i === hit ? "true" : "" });
      bar.style.height = `${Math.max(i === hit ? 6 : 0, (100 * n) / most)}%`;
      box.append(bar);
    });
    return element("div", {}, element("h4", {}, `${name} as ${predictions.length} predicted${hit >= 0 ? `; it was ${two(truth)} (orange)` : ""}`),
      box, element("div", { class: "histogram-axis", "aria-hidden": "true" }, element("span", {}, "0"), element("span", {}, "1")));
  };

  const showRounds = () => {
    const shown = state.rounds.slice(-3).reverse().map(({ outcome, predictions, mine }) => element("article", {},
      element("h3", {}, `Flip at generation ${outcome.generation}: “${titled(outcome.before)}” \u2192 “${titled(outcome.after)}”`),
      bigs(outcome.of, mine),
      me.taught && predictions.length ? element("div", { class: "halves" },
        ...JUDGED.map((name) => histogram(name, predictions, outcome.of[name][1]))) : null));
    at("rounds").replaceChildren(...shown);
  };

  const showOpen = () => {
    at("open").hidden = !state.open.length;
    at("open").replaceChildren(...(state.open.length
      ? [element("h3", {}, "Predictions so far (only you see this)"),
        element("div", { class: "halves" }, ...JUDGED.map((name) => histogram(name, state.open)))] : []));
  };

  const estimate = ({ value, interval }) =>
    two(value) + (interval && interval[0] !== null && interval[1] !== null ? ` [${two(interval[0])}, ${two(interval[1])}]` : "");

  const showClass = () => {
    if (!me || !me.taught) return;
    const join = me.pupils_token ? ` Pupils join at ${location.origin}/#${me.pupils_token}` : "";
    at("class-text").textContent = `${room.pupils} ${room.pupils === 1 ? "pupil" : "pupils"} ${me.own ? `with a population each; ${room.flipped} flipped.` : "here."}${join}`;
    at("groups").replaceChildren(...room.groups.map((group) => element("article", {},
      element("h3", {}, `“${titled(group.before)}” \u2192 “${titled(group.after)}”, ${group.n} ${group.n === 1 ? "population" : "populations"}, mean [95 % interval]`),
      element("table", {}, element("thead", {}, element("tr", {}, ...["", "before", "after", "change"].map((one) => element("th", { scope: "col" }, one)))),
        element("tbody", {}, ...JUDGED.map((name) => element("tr", {}, element("th", { scope: "row" }, name),
          ...group.of[name].map((one) => element("td", {}, estimate(one))))))),
      group.predictions.length ? element("div", { class: "halves" },
        ...JUDGED.map((name) => histogram(name, group.predictions, group.of[name][1].value))) : null)));
  };

  const showTrials = () => {
    const now = state.rounds.map((one) => one.outcome);
    const all = [...state.trials, ...(now.length && state.trials.length ? [{ seed: state.seed, moved: state.moved, flips: now }] : [])];
    if (!all.length) return at("trials").replaceChildren();
    const label = (name, value) => {
      const one = about.numbers.find((other) => other.name === name);
      return `${one ? one.label : name} = ${one && one.choices.length ? one.choices[value] : number(value)}`;
    };
    const line = (trial) => trial.flips.map((flip) => element("tr", {},
      element("td", {}, Object.entries(trial.moved).map(([name, value]) => label(name, value)).join(", ") || "as in the file"),
      element("td", {}, trial.seed),
      element("td", {}, `generation ${flip.generation}: ${titled(flip.after)}`),
      ...JUDGED.map((name) => element("td", {}, flip.of[name].map(two).join(" \u2192 ")))));
    return at("trials").replaceChildren(element("h3", {}, "What you tried"),
      element("table", {}, element("thead", {}, element("tr", {},
        ...["numbers", "seed", "flip", ...JUDGED].map((one) => element("th", { scope: "col" }, one)))),
        element("tbody", {}, ...all.flatMap(line))));
  };

  /* ---- what is chosen */
  const setUp = () => {
    at("level").replaceChildren(...Array.from({ length: about.levels }, (_, n) => element("option", { value: n }, `${n + 1}`)));
    at("speed").replaceChildren(...about.speeds.map((n) => element("option", { value: n }, n ? `${n} / s` : "fastest")));
    at("environments").replaceChildren(...about.environments.map((one) => element("label", {},
      element("input", { type: "radio", name: "world", value: one.name, change: aim }), ` ${one.title} `,
      element("span", { class: "quiet" }))));
    at("selected").replaceChildren(...about.payoffs.map((name) => element("option", { value: name }, name)));
    at("selected-line").hidden = about.payoffs.length < 2;
  };

  const aim = () => {
    const world = [...document.getElementsByName("world")].find((one) => one.checked);
    send({ do: "aim", train: world ? world.value : state.choice.train, select: at("select").checked, selected: at("selected").value });
  };

  const fillNumbers = (moved) => {
    at("numbers").replaceChildren(...about.numbers.map((one) => {
      const now = moved[one.name] ?? one.value;
      const shown = element("output", {}, one.choices.length ? "" : number(now));
      const control = one.choices.length
        ? element("select", { "data-number": one.name }, element("option", { value: "" }, "as in the file"),
          ...one.choices.map((words, n) => element("option", { value: n, selected: moved[one.name] === n }, words)))
        : element("input", { type: "range", min: one.low, max: one.high, step: one.step, "data-number": one.name });
      const line = element("label", { class: "slider" }, element("span", {}, one.label), control, shown);
      const mark = () => {
        if (!one.choices.length) shown.textContent = number(control.dataset.exact !== undefined ? Number(control.dataset.exact) : Number(control.value));
        line.classList.toggle("moved", one.choices.length ? control.value !== "" : control.dataset.exact === undefined);
      };
      if (!one.choices.length) {
        control.value = now;
        // The slider has steps, the file may have any number: only what was moved is sent.
        if (moved[one.name] === undefined) control.dataset.exact = one.value;
      }
      control.addEventListener("input", () => {
        delete control.dataset.exact;
        mark();
      });
      mark();
      return line;
    }));
  };

  const chosen = () => {
    const moved = {};
    for (const control of document.querySelectorAll("[data-number]")) {
      if (control.tagName === "SELECT") {
        if (control.value !== "") moved[control.dataset.number] = Number(control.value);
      } else if (control.dataset.exact === undefined) moved[control.dataset.number] = Number(control.value);
    }
    return moved;
  };

  const on = (id, event, act) => at(id).addEventListener(event, act);
  on("play", "click", () => send({ do: state.playing ? "pause" : "play" }));
  on("step", "click", () => send({ do: "step" }));
  on("flip", "click", () => send({ do: "flip" }));
  on("speed", "change", () => send({ do: "speed", value: Number(at("speed").value) }));
  on("select", "change", aim);
  on("selected", "change", aim);
  on("who", "change", () => {
    at("number").hidden = at("who").value !== "number";
    askLife();
  });
  for (const id of ["number", "level", "where"]) on(id, "change", askLife);
  on("again", "click", askLife);
  for (const name of JUDGED) {
    const shown = () => (at(name).nextElementSibling.textContent = two(at(name).value / 100));
    on(name, "input", shown);
    shown();
  }
  on("predict", "submit", (event) => {
    event.preventDefault();
    send({ do: "predict", capability: at("capability").value / 100, alignment: at("alignment").value / 100 });
  });
  on("begin", "submit", (event) => {
    event.preventDefault();
    tell("A new population begins.");
    send({ do: "begin", seed: at("seed").value, moved: chosen(), keep: at("same").checked });
  });
  on("dice", "click", () => (at("seed").value = String(Math.floor(Math.random() * 10000))));
  on("reset", "click", () => fillNumbers({}));
  on("copy", "click", async () => {
    try {
      await navigator.clipboard.writeText(at("command").textContent);
      at("repeated").textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(at("command"));
      at("repeated").textContent = "The command is selected: copy it with Ctrl-C.";
    }
  });
  on("download", "click", () => repeated && evosim.download(repeated.name, "application/toml", repeated.toml));
  on("report", "click", () => {
    at("report").disabled = true;
    at("repeated").textContent = "The session is simulated once more, and its report made; this takes a minute …";
    send({ do: "report" });
  });
  document.addEventListener("visibilitychange", () => document.hidden || askLife());
  addEventListener("hashchange", () => isPart() || location.reload());
  evosim.lab = { rows: () => rows };
  connect();
})();
