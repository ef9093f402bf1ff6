// What a page can do beyond being read: sort and filter its tables, save what it shows, change its colours.
// It asks nobody for anything; the page's policy would forbid it.
"use strict";
(() => {
  const ROWS = 15; // of a table that are shown at once
  const WAIT = 120; // milliseconds without a key before a filter is applied
  const LONG = 40; // letters from which on a cell is broken into lines
  const FONT = "Helvetica, Arial, sans-serif"; // what other programs know, unlike system-ui
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const count = (number) => number.toLocaleString("en");

  // --- tables ------------------------------------------------------------------------------------------------------

  const read = new Map();
  // the rows of a part, parsed when they are first needed: most of them never are
  function island(place) {
    if (!read.has(place)) read.set(place, JSON.parse(byId(`${place}:data`).textContent));
    return read.get(place);
  }

  function scientific(value) {
    return value.toExponential(2).replace("e+", "e");
  }

  // as zoo.report.columns.shown
  function shown(value, digits) {
    if (value === null) return "";
    const size = Math.abs(value);
    if (digits === null || !digits && Number.isInteger(value) && size < 2 ** 53) return String(value);
    if (size && size < 10 ** (1 - digits)) {
      return size < 1e-4 ? scientific(value) : value.toFixed(2 - Math.floor(Math.log10(size)));
    }
    return size >= 2 ** 53 ? scientific(value) : (value + 0).toFixed(digits);
  }

  // numbers are ranked by size, text without regard to case and so that D2 stands before D10
  function ranks(rows, column, isNumber) {
    const values = rows.map((row) => row[column]);
    return isNumber ? values : values.map(
      (value) => value && value.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0")),
    );
  }

  // the places of rows in order of a column; what is equal keeps its order, what is empty comes last
  function order(rows, column, isNumber, falling) {
    const rank = ranks(rows, column, isNumber);
    const known = [], empty = [];
    for (let n = 0; n < rows.length; n += 1) (rank[n] === null ? empty : known).push(n);
    const sign = falling ? -1 : 1;
    known.sort((a, b) => (rank[a] < rank[b] ? -sign : rank[a] > rank[b] ? sign : 0));
    return known.concat(empty);
  }

  // 'column: text' looks in one column, anything else in all of them
  function matcher(data, asked) {
    const wanted = asked.trim().toLowerCase();
    const column = data.names.findIndex((name) => wanted.startsWith(`${name.toLowerCase()}:`));
    if (column < 0) {
      data.texts ??= data.rows.map((row) => row.map((value) => value ?? "").join("\u0001").toLowerCase());
      return (n) => data.texts[n].includes(wanted);
    }
    const text = wanted.slice(data.names[column].length + 1).trim();
    return (n) => String(data.rows[n][column] ?? "").toLowerCase().includes(text);
  }

  function cell(value, digits, first) {
    const made = document.createElement(digits === null && first && value ? "th" : "td");
    made.textContent = shown(value, digits);
    if (made.tagName === "TH") made.scope = "row";
    if (digits !== null) made.className = "n";
    else if (value && value.length > LONG) made.className = "long";
    if (digits && value !== null) made.title = String(value);
    return made;
  }

  // a table that is sorted, filtered and leafed through; its first rows stand in the page already
  function table(box) {
    const state = { order: null, kept: null, start: 0, column: -1, falling: false };
    const headers = all("thead th", box), body = box.querySelector("tbody"), said = box.querySelector(".status");
    const [back, on] = [box.querySelector('[data-page="-1"]'), box.querySelector('[data-page="1"]')];
    const search = box.querySelector("input[type=search]");
    const data = () => island(box.id);

    function say(total) {
      const end = Math.min(state.start + ROWS, total), every = data().rows.length;
      let words = total > ROWS ? `Rows ${count(state.start + 1)}–${count(end)} of ${count(total)}` : `${total} rows`;
      if (total === 1) words = "1 row";
      if (!total) words = "No row holds that";
      if (total < every) words += `, out of ${count(every)}`;
      if (state.column >= 0) {
        const direction = data().digits[state.column] === null ? ["A to Z", "Z to A"] : ["low to high", "high to low"];
        words += `; by ${data().names[state.column]}, ${direction[Number(state.falling)]}`;
      }
      said.textContent = words;
    }

    function draw() {
      const { rows, digits } = data();
      const wanted = state.kept ?? state.order ?? rows.map((_, n) => n);
      const made = wanted.slice(state.start, state.start + ROWS).map((n) => {
        const line = document.createElement("tr");
        line.append(...rows[n].map((value, column) => cell(value, digits[column], column === 0)));
        return line;
      });
      body.replaceChildren(...made);
      if (back) back.disabled = state.start === 0;
      if (on) on.disabled = state.start + ROWS >= wanted.length;
      say(wanted.length);
    }

    function filter() {
      const { rows } = data();
      const test = search?.value.trim() ? matcher(data(), search.value) : null;
      state.kept = test && (state.order ?? rows.map((_, n) => n)).filter(test);
      state.start = 0;
      draw();
    }

    function sort(column) {
      const isNumber = data().digits[column] !== null;
      const now = headers[column].getAttribute("aria-sort");
      // numbers begin with the highest: that is what one looks for
      state.falling = now ? now === "ascending" : isNumber;
      state.column = column;
      state.order = order(data().rows, column, isNumber, state.falling);
      headers.forEach((header) => header.removeAttribute("aria-sort"));
      headers[column].setAttribute("aria-sort", state.falling ? "descending" : "ascending");
      filter();
    }

    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent.trim();
      button.addEventListener("click", () => sort(column));
      header.replaceChildren(button);
    });
    let waiting = 0;
    search?.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(filter, WAIT);
    });
    for (const button of [back, on]) {
      button?.addEventListener("click", () => {
        state.start += ROWS * Number(button.dataset.page);
        draw();
      });
    }
  }

  // --- saving ------------------------------------------------------------------------------------------------------

  // a text that a spreadsheet would take for a formula gets an apostrophe before it; numbers do not
  function field(value) {
    if (value === null) return "";
    if (typeof value === "number") return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function csv(place) {
    const { names, rows } = island(place);
    return [names, ...rows].map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
  }

  // a drawing that stands alone: black on nothing, with its words as title and description
  function standalone(place) {
    const box = byId(place), drawing = box.querySelector(".drawing");
    const copy = drawing.querySelector("svg").cloneNode(true);
    const [, , width, height] = copy.getAttribute("viewBox").split(/[\s,]+/).map(Number);
    copy.setAttribute("width", `${width}pt`);
    copy.setAttribute("height", `${height}pt`);
    const words = { title: box.querySelector("h3, h4").textContent, desc: drawing.getAttribute("aria-label") };
    const told = Object.entries(words).map(([name, text]) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      made.textContent = text;
      return made;
    });
    copy.prepend(...told);
    for (const one of [copy, ...all("[style], [fill], [stroke]", copy)]) {
      for (const name of ["style", "fill", "stroke"]) {
        const value = one.getAttribute(name)?.replaceAll("currentColor", "#000000");
        if (value) one.setAttribute(name, value.replaceAll("system-ui, sans-serif", FONT));
      }
    }
    return { text: new XMLSerializer().serializeToString(copy), width, height };
  }

  function picture({ text, width, height }, done) {
    const image = new Image(), canvas = document.createElement("canvas"), dots = 300 / 72; // 300 dots an inch
    [canvas.width, canvas.height] = [Math.round(width * dots), Math.round(height * dots)];
    image.onload = () => {
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#ffffff";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(done, "image/png");
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  }

  function save(name, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const kinds = {
    csv: (place, done) => done(new Blob([csv(place)], { type: "text/csv;charset=utf-8" })),
    svg: (place, done) => done(new Blob([standalone(place).text], { type: "image/svg+xml" })),
    png: (place, done) => picture(standalone(place), done),
  };

  function saves(button) {
    const { save: kind, of: place, name } = button.dataset;
    button.addEventListener("click", () => kinds[kind](place, (blob) => save(`${name}.${kind}`, blob)));
  }

  function copies(button) {
    const text = byId(button.dataset.copy), said = button.parentElement.querySelector('[role="status"]');
    const tell = (words) => { said.textContent = words; };
    // where a browser keeps the clipboard from a file, the text is marked instead
    const mark = () => {
      getSelection().selectAllChildren(text);
      tell("Marked; press Ctrl+C or ⌘C");
    };
    button.addEventListener("click", () => {
      if (!navigator.clipboard) mark();
      else navigator.clipboard.writeText(text.textContent).then(() => tell("Copied"), mark);
    });
  }

  // --- colours, folds, contents ------------------------------------------------------------------------------------

  function colours(button) {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
    const label = () => { button.textContent = dark() ? "Light colours" : "Dark colours"; };
    // a page in a file may not be allowed to remember anything
    try { root.dataset.theme = localStorage.getItem("zoo-theme") ?? ""; } catch { /* nothing is remembered */ }
    if (!["light", "dark"].includes(root.dataset.theme)) delete root.dataset.theme;
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("zoo-theme", root.dataset.theme); } catch { /* as above */ }
      label();
    });
    system.addEventListener("change", label);
    label();
  }

  function folds(button) {
    const chapters = all("details.chapter");
    button.hidden = !chapters.length;
    const label = () => {
      button.textContent = chapters.every((one) => one.open) ? "Fold chapters" : "Unfold all chapters";
    };
    button.addEventListener("click", () => {
      const open = !chapters.every((one) => one.open);
      chapters.forEach((one) => { one.open = open; });
    });
    chapters.forEach((one) => one.addEventListener("toggle", label));
    // on paper everything is unfolded, and afterwards as it was
    let before = [];
    addEventListener("beforeprint", () => {
      before = chapters.filter((one) => !one.open);
      before.forEach((one) => { one.open = true; });
    });
    addEventListener("afterprint", () => before.forEach((one) => { one.open = false; }));
    label();
  }

  // an address that leads into a closed chapter opens it
  function reveal() {
    const chapter = byId(decodeURIComponent(location.hash.slice(1)))?.closest("details.chapter");
    if (!chapter || chapter.open) return;
    chapter.open = true;
    chapter.scrollIntoView();
  }

  function contents() {
    const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
    const watch = new IntersectionObserver((seen) => {
      const last = seen.filter((one) => one.isIntersecting).at(-1);
      if (!last) return;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(last.target.id)?.setAttribute("aria-current", "true");
    }, { rootMargin: "0px 0px -75% 0px" });
    links.forEach((_, id) => byId(id) && watch.observe(byId(id)));
  }

  // a figure that is wider than the screen is scrolled, by keys too
  function scrolls(box) {
    const wide = box.scrollWidth > box.clientWidth + 1;
    const told = { tabindex: "0", role: "group", "aria-label": `${box.dataset.scrolls}, can be scrolled` };
    for (const [name, value] of Object.entries(told)) {
      if (wide) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
  }

  root.classList.add("js");
  colours(byId("theme"));
  folds(byId("unfold"));
  all(".listing").filter((box) => box.querySelector("table")).forEach(table);
  all("[data-save]").forEach(saves);
  all("[data-copy]").forEach(copies);
  contents();
  addEventListener("hashchange", reveal);
  // a link to where one is already changes no address
  all("nav a").forEach((link) => link.addEventListener("click", () => setTimeout(reveal)));
  reveal();
  const sizes = new ResizeObserver((seen) => seen.forEach((one) => scrolls(one.target)));
  all("[data-scrolls]").forEach((box) => sizes.observe(box));
})();
