// The script of the docs: search, arrows of the whole graph, ages, copying. It asks for nothing: what can be found lies in
// search.js. Without it every page is complete.
(function () {
  "use strict";
  var NBSP = "\u00a0";
  var announce = document.getElementById("announce");

  // ---- search ----
  var WEIGHT = { metric: 9, number: 7, reporting: 5, marts: 4, ml: 3, restricted: 1, intermediate: 0, staging: -2, source: -3 };
  var MOST = 12;
  var entries = (window.FLUX_SEARCH || []).map(function (entry, index) {
    return {
      entry: entry, index: index, named: entry.kind !== "number", // a card's key is nobody's word for it
      name: entry.name.toLowerCase(), label: (entry.label || "").toLowerCase(), words: entry.words.toLowerCase(),
      columns: (entry.columns || []).map(function (one) { return { name: one[0], lower: one[0].toLowerCase(), words: one[1].toLowerCase() }; }),
    };
  });
  function begins(text, term) { // at the start of a word; names are words joined by _ or .
    var at = text.indexOf(term);
    while (at > 0 && /[a-z0-9]/.test(text[at - 1])) at = text.indexOf(term, at + 1);
    return at >= 0;
  }
  function score(one, term) { // how well an entry answers one word, and by which column
    var best = 0, column = null;
    function offer(value, by) { if (value > best) { best = value; column = by || null; } }
    if (one.named) {
      if (one.name === term) offer(120);
      else if (one.name.indexOf(term) === 0) offer(60);
      else if (begins(one.name, term)) offer(40);
      else if (one.name.indexOf(term) >= 0) offer(24);
    }
    if (begins(one.label, term)) offer(42);
    else if (one.label.indexOf(term) >= 0) offer(18);
    one.columns.forEach(function (other) {
      if (other.lower === term) offer(30, other);
      else if (begins(other.lower, term)) offer(14, other);
      else if (other.lower.indexOf(term) >= 0) offer(10, other);
      else if (begins(other.words, term)) offer(2);
    });
    if (begins(one.words, term)) offer(6);
    else if (one.words.indexOf(term) >= 0) offer(3);
    return { value: best, column: column };
  }
  function find(query) {
    var whole = query.toLowerCase().trim(), terms = whole.split(/[\s,]+/).filter(Boolean);
    if (!terms.length) return [];
    var found = [];
    entries.forEach(function (one) {
      var total = WEIGHT[one.entry.kind] || 0, column = null;
      for (var index = 0; index < terms.length; index++) {
        var part = score(one, terms[index]);
        if (!part.value) return;
        total += part.value;
        column = column || part.column;
      }
      if ((one.named && one.name === whole.replace(/\s+/g, "_")) || one.label === whole) total += 200;
      else if (one.label.indexOf(whole) === 0) total += 40;
      found.push({ entry: one.entry, index: one.index, total: total, column: column });
    });
    found.sort(function (a, b) { return b.total - a.total || a.index - b.index; });
    return found;
  }
  window.fluxFind = function (query) { return find(query).map(function (hit) { return hit.entry; }); };

  var box = document.querySelector(".search"), input = document.getElementById("q"), list = document.getElementById("hits");
  var hits = [], active = -1;
  function put(parent, tag, kind, words) {
    var element = parent.appendChild(document.createElement(tag));
    if (kind) element.className = kind;
    element.textContent = words;
    return element;
  }
  function show() {
    var found = find(input.value);
    hits = found.slice(0, MOST);
    active = hits.length ? 0 : -1;
    list.textContent = "";
    hits.forEach(function (hit, index) {
      var entry = hit.entry, item = list.appendChild(document.createElement("li"));
      item.id = "hit-" + index;
      item.setAttribute("role", "option");
      var link = item.appendChild(document.createElement("a"));
      link.href = entry.page + (hit.column ? "#c-" + hit.column.name : "");
      link.tabIndex = -1;
      put(link, "span", "tag", entry.kind);
      var name = put(link, "span", "name", "");
      if (entry.label) put(name, "strong", "", entry.label);
      if (entry.kind !== "number") put(name, "code", "", entry.name);
      if (hit.column) put(name, "code", "hit-column", hit.column.name);
      put(link, "span", "words", entry.words);
      if (entry.owner) put(link, "span", "owner", entry.owner);
    });
    if (!hits.length && input.value.trim()) put(list, "li", "none", "Nothing is called that or says so.").setAttribute("role", "presentation");
    open(Boolean(input.value.trim()));
    mark();
    announce.textContent = input.value.trim() ? found.length + " found" : "";
  }
  function open(wanted) {
    list.hidden = !wanted;
    input.setAttribute("aria-expanded", String(wanted));
    if (!wanted) input.removeAttribute("aria-activedescendant");
  }
  function mark() {
    Array.from(list.children).forEach(function (item, index) {
      item.setAttribute("aria-selected", String(index === active));
      if (index === active) item.scrollIntoView({ block: "nearest" });
    });
    if (active >= 0) input.setAttribute("aria-activedescendant", "hit-" + active);
    else input.removeAttribute("aria-activedescendant");
  }
  if (box) {
    box.hidden = false;
    input.addEventListener("input", show);
    input.addEventListener("focus", function () { if (input.value.trim()) show(); });
    input.addEventListener("keydown", function (event) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (!hits.length) return;
        event.preventDefault();
        active = (active + (event.key === "ArrowDown" ? 1 : hits.length - 1)) % hits.length;
        open(true);
        mark();
      } else if (event.key === "Enter" && active >= 0 && !list.hidden) {
        event.preventDefault();
        list.children[active].firstChild.click();
      } else if (event.key === "Escape") {
        if (list.hidden) input.value = "";
        open(false);
      }
    });
    list.addEventListener("click", function () { open(false); });
    document.addEventListener("click", function (event) { if (!box.contains(event.target)) open(false); });
    document.addEventListener("keydown", function (event) {
      var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      var asked = (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) || (event.key === "k" && (event.ctrlKey || event.metaKey));
      if (!asked) return;
      event.preventDefault();
      input.focus();
      input.select();
    });
  }

  // ---- the whole graph: what is pointed at shows its way up and down ----
  var whole = document.getElementById("whole");
  if (whole) {
    var nodes = new Map(), up = new Map(), down = new Map();
    whole.querySelectorAll("[data-node]").forEach(function (node) { nodes.set(node.dataset.node, node); });
    var edges = Array.from(whole.querySelectorAll("path[data-from]"));
    edges.forEach(function (edge) {
      grow(down, edge.dataset.from, edge.dataset.to);
      grow(up, edge.dataset.to, edge.dataset.from);
    });
    function grow(map, name, other) { if (!map.has(name)) map.set(name, []); map.get(name).push(other); }
    function reach(map, name) {
      var seen = new Set([name]), open = [name];
      while (open.length) (map.get(open.pop()) || []).forEach(function (one) { if (!seen.has(one)) { seen.add(one); open.push(one); } });
      return seen;
    }
    function pick(name) {
      var above = name ? reach(up, name) : new Set(), below = name ? reach(down, name) : new Set();
      whole.classList.toggle("picked", Boolean(name));
      nodes.forEach(function (node, key) {
        node.classList.toggle("on", above.has(key) || below.has(key));
        node.classList.toggle("chosen", key === name);
      });
      edges.forEach(function (edge) {
        var from = edge.dataset.from, to = edge.dataset.to;
        edge.classList.toggle("on", (above.has(from) && above.has(to)) || (below.has(from) && below.has(to)));
      });
    }
    function pinned() {
      var name = decodeURIComponent(location.hash.slice(1));
      return nodes.has(name) ? name : "";
    }
    function pointed(event) {
      var node = event.target.closest("[data-node]");
      pick(node ? node.dataset.node : pinned());
    }
    whole.addEventListener("pointerover", pointed);
    whole.addEventListener("pointerleave", function () { pick(pinned()); });
    whole.addEventListener("focusin", pointed);
    whole.addEventListener("focusout", function () { pick(pinned()); });
    function toPinned() {
      pick(pinned());
      if (pinned()) nodes.get(pinned()).scrollIntoView({ block: "center", inline: "center" });
    }
    window.addEventListener("hashchange", toPinned);
    toPinned();
  }
  document.querySelectorAll(".lineage svg").forEach(function (drawing) { // a narrow window begins at the model itself
    var frame = drawing.parentNode;
    frame.scrollLeft = Number(drawing.dataset.center) - frame.clientWidth / 2;
  });

  // ---- ages: the page goes on counting after it was built ----
  function words(seconds) {
    return seconds < 90 ? seconds.toFixed(0) + NBSP + "s" : seconds < 5400 ? (seconds / 60).toFixed(0) + NBSP + "min" : seconds < 172800 ? (seconds / 3600).toFixed(0) + NBSP + "h" : (seconds / 86400).toFixed(0) + NBSP + "d";
  }
  function since(moment) { return Math.max(0, (Date.now() - Date.parse(moment)) / 1000); }
  var chip = document.getElementById("chip");
  function count() {
    if (chip) {
      var seconds = since(chip.dataset.from), late = seconds > Number(chip.dataset.lateAfter), old = chip.querySelector(".age");
      chip.classList.toggle("late", late);
      old.hidden = false;
      old.textContent = words(seconds) + " old" + (late ? ", late" : "");
    }
    document.querySelectorAll("time[data-from]").forEach(function (time) { time.dataset.age = words(since(time.dataset.from)) + " ago"; });
  }
  count();
  setInterval(count, 30000);

  // ---- copying ----
  document.querySelectorAll("button.copy").forEach(function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(button.parentNode.querySelector("pre").textContent).then(function () {
        button.textContent = "Copied";
        announce.textContent = "Copied";
        setTimeout(function () { button.textContent = "Copy"; }, 1500);
      }, function () { button.textContent = "Not allowed"; });
    });
  });

  var current = document.querySelector("nav [aria-current]");
  if (current) current.closest("nav").scrollLeft = current.offsetLeft - 16;
})();
