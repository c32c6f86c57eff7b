// The page's script: draws plots with ECharts, answers the filter, reads values out by mouse and by keyboard.
// It asks for nothing: all it needs is in the page. Without it the tiles, funnels, bars and tables are complete.
(function () {
  "use strict";
  var drawings = JSON.parse(document.getElementById("plots").textContent); // card -> its plot over everything
  var announce = document.getElementById("announce"), chip = document.getElementById("chip");
  var plots = new Map(); // element of the plot -> its state
  var MINUS = "\u2212", NBSP = "\u00a0";

  // ---- numbers: as number_format.py writes them ----
  function compact(value, format) {
    if (value === null || value === undefined) return "\u2013";
    var sign = value < 0 ? MINUS : "", size = Math.abs(value);
    if (format === "percent") {
      var p = size * 100;
      return sign + p.toFixed(p < 99.95 && p !== 0 ? 1 : 0) + "%";
    }
    if (format === "days" || format === "hours") {
      return sign + grouped(size, size >= 100 || size === Math.round(size) ? 0 : 1) + NBSP + (format === "days" ? "d" : "h");
    }
    if (format === "score") return size > 0 && size < 0.0005 ? "<0.001" : sign + size.toFixed(3);
    if (format === "decimal") return sign + grouped(size, 1);
    if (format === "seconds") return sign + (size < 90 ? size.toFixed(0) + NBSP + "s" : size < 5400 ? (size / 60).toFixed(0) + NBSP + "min" : (size / 3600).toFixed(0) + NBSP + "h");
    if (format === "count") return sign + grouped(size, 0);
    return sign + grouped(size, 2);
  }
  function grouped(size, digits) {
    return size.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }
  function tick(value, format) {
    if (format === "percent") {
      var p = Math.round(value * 1000) / 10;
      return (p < 0 ? MINUS : "") + Math.abs(p) + "%";
    }
    if ((format === "count" || format === "decimal" || format === "number") && Math.abs(value) >= 10000) return value / 1000 + "k";
    if (format === "score" || format === "number" || format === "decimal") return String(Math.round(value * 1000) / 1000);
    return compact(value, format);
  }

  // ---- plots ----
  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  }
  function option(state) {
    var plot = state.plot, ink = colour("muted"), line = colour("grid");
    var family = getComputedStyle(document.body).fontFamily;
    var bars = plot.kind === "bar", stacked = plot.kind !== "line";
    var series = plot.series.map(function (one, index) {
      var tint = colour(one.colour), hidden = state.hidden.has(index);
      return {
        name: one.label, type: bars ? "bar" : "line", data: hidden ? [] : one.values, stack: stacked ? "all" : undefined,
        symbol: "circle", symbolSize: 5, showSymbol: one.values.length === 1, connectNulls: false, silent: true,
        lineStyle: { width: plot.kind === "area" ? 1 : 2, color: tint },
        // A seam between the parts of a stack, so that neighbours are told apart without their colours.
        itemStyle: bars && plot.series.length > 1 ? { color: tint, borderColor: colour("surface"), borderWidth: 0.5 } : { color: tint },
        areaStyle: plot.kind === "area" ? { color: tint, opacity: 0.35 } : undefined, barMaxWidth: 22, barCategoryGap: "30%",
      };
    });
    if (plot.target !== null) {
      series.push({
        name: "target", type: "line", data: plot.labels.map(function () { return plot.target; }), showSymbol: false, silent: true,
        lineStyle: { width: 1.5, type: [5, 4], color: colour("goal") }, itemStyle: { color: colour("goal") },
      });
    }
    return {
      animation: false, aria: { enabled: false }, textStyle: { fontFamily: family, fontSize: 12 },
      grid: { left: 4, right: 14, top: 10, bottom: 4, containLabel: true },
      xAxis: {
        type: "category", data: plot.labels, boundaryGap: bars, axisTick: { show: false },
        axisLine: { lineStyle: { color: line } },
        axisLabel: { color: ink, lineHeight: 15, margin: 10, interval: function (at) { return shown(state, at); },
          formatter: function (label, at) { return yearBegins(state, at) ? label + "\n" + plot.years[at] : label; } },
      },
      yAxis: {
        type: "value", scale: plot.origin === "data", splitNumber: 4, max: ceiling(plot), interval: ceiling(plot) && 0.25, minInterval: plot.format === "count" ? 1 : undefined,
        axisLabel: { color: ink, formatter: function (value) { return tick(value, plot.format); } },
        splitLine: { lineStyle: { color: line } },
      },
      series: series,
    };
  }
  function ceiling(plot) { // a share's axis ends at 100 %, not at the round number above
    var values = [].concat.apply([], plot.series.map(function (one) { return one.values; })).concat([plot.target]);
    var top = Math.max.apply(null, values.filter(function (value) { return value !== null; }));
    return plot.format === "percent" && plot.kind === "line" && top > 0.8 && top <= 1 ? 1 : undefined;
  }
  function step(state) { // labels at equal steps of about 64 px, counted from the newest
    var count = state.plot.labels.length, room = Math.max(2, Math.floor((state.element.clientWidth - 50) / 64));
    return Math.max(1, Math.ceil(count / room));
  }
  function shown(state, at) { return (state.plot.labels.length - 1 - at) % step(state) === 0; }
  function yearBegins(state, at) {
    var before = at - step(state);
    return before < 0 || state.plot.years[before] !== state.plot.years[at];
  }
  function draw(element, plot) {
    var chart = echarts.init(element.appendChild(document.createElement("div")), null, { renderer: "canvas" });
    var tip = document.createElement("div"), rule = document.createElement("div");
    tip.className = "tip"; rule.className = "cursor"; tip.hidden = rule.hidden = true;
    element.append(rule, tip);
    var state = { element: element, chart: chart, plot: plot, tip: tip, rule: rule, hidden: new Set(), at: null };
    plots.set(element, state);
    fit(state);
    element.addEventListener("pointermove", function (event) {
      var x = event.clientX - element.getBoundingClientRect().left;
      show(state, Math.round(chart.convertFromPixel({ xAxisIndex: 0 }, x)), false);
    });
    element.addEventListener("pointerleave", function () { hide(state); });
    element.addEventListener("blur", function () { hide(state); });
    element.addEventListener("keydown", function (event) {
      var last = plot.labels.length - 1, at = state.at === null ? last + (event.key === "ArrowLeft" ? 1 : 0) : state.at;
      var to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
      if (event.key === "Escape") hide(state);
      if (to === undefined) return;
      event.preventDefault();
      show(state, to, true);
    });
    var legend = element.previousElementSibling;
    if (legend && legend.matches("ul.legend")) {
      legend.querySelectorAll("button").forEach(function (button) {
        button.addEventListener("click", function () {
          var index = Number(button.dataset.series), off = button.getAttribute("aria-pressed") === "true";
          if (off && state.hidden.size === plot.series.length - 1) return; // an empty chart says nothing
          button.setAttribute("aria-pressed", String(!off));
          if (off) state.hidden.add(index); else state.hidden.delete(index);
          fit(state);
        });
      });
    }
  }
  function fit(state) {
    state.chart.resize({ width: state.element.clientWidth, height: state.element.clientHeight });
    state.chart.setOption(option(state), true);
  }
  function show(state, index, spoken) {
    var plot = state.plot;
    index = Math.max(0, Math.min(plot.labels.length - 1, index));
    state.at = index;
    var tip = state.tip, words = [plot.titles[index]];
    tip.textContent = "";
    var head = tip.appendChild(document.createElement("strong"));
    head.textContent = plot.titles[index];
    plot.series.forEach(function (one, place) {
      if (state.hidden.has(place)) return;
      var row = tip.appendChild(document.createElement("span"));
      var dot = row.appendChild(document.createElement("i"));
      dot.className = "dot c-" + one.colour;
      row.appendChild(document.createElement("span")).textContent = one.label;
      row.appendChild(document.createElement("b")).textContent = compact(one.values[index], plot.format);
      words.push(one.label + " " + compact(one.values[index], plot.format));
    });
    var x = state.chart.convertToPixel({ xAxisIndex: 0 }, index);
    tip.hidden = state.rule.hidden = false;
    state.rule.style.left = x + "px";
    var width = state.element.clientWidth, right = x + tip.offsetWidth + 14 > width;
    tip.style.left = Math.max(0, right ? x - tip.offsetWidth - 10 : x + 10) + "px";
    if (spoken) announce.textContent = words.join(", ");
  }
  function hide(state) { state.at = null; state.tip.hidden = state.rule.hidden = true; }
  function drop(element) {
    var state = plots.get(element);
    if (state) { state.chart.dispose(); plots.delete(element); }
  }
  function drawIn(card, plot) {
    var element = card.querySelector("[data-plot]");
    if (element && plot && window.echarts) draw(element, plot);
  }
  function redraw() { plots.forEach(fit); allEdges(); }

  // ---- what does not fit its card scrolls there: it fades out on that side, and a button goes on to the right ----
  function edges(scroll) {
    var left = scroll.scrollLeft > 2, right = scroll.scrollLeft + scroll.clientWidth < scroll.scrollWidth - 2;
    scroll.dataset.more = right ? (left ? "both" : "right") : left ? "left" : "";
    scroll.toggleAttribute("data-below", scroll.scrollTop + scroll.clientHeight < scroll.scrollHeight - 2);
    var button = scroll.nextElementSibling;
    if (button && button.matches(".more")) button.hidden = !right;
  }
  function allEdges() { document.querySelectorAll(".scroll").forEach(edges); }
  document.addEventListener("scroll", function (event) { if (event.target.matches && event.target.matches(".scroll")) edges(event.target); }, true);
  document.addEventListener("toggle", allEdges, true);
  document.addEventListener("click", function (event) {
    var button = event.target.closest(".more");
    if (button) button.previousElementSibling.scrollBy({ left: button.previousElementSibling.clientWidth * 0.6, behavior: "smooth" });
  });

  // ---- filter: bodies for each choice lie in the page, packed; they are unpacked at the first choice ----
  var cards = Array.from(document.querySelectorAll("[data-card]"));
  var original = new Map(cards.map(function (card) { return [card, card.querySelector(".body").innerHTML]; }));
  var packed = document.getElementById("variants"), unpacking = null, newest = 0;
  function unpack() {
    if (!unpacking) {
      var bytes = Uint8Array.from(atob(packed.textContent), function (character) { return character.charCodeAt(0); });
      var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      unpacking = new Response(stream).json();
    }
    return unpacking;
  }
  function choose(key, value, label) {
    document.querySelectorAll("nav li:not(.docs) a").forEach(function (link) {
      link.href = link.getAttribute("href").split("#")[0] + (value ? "#" + key + "=" + encodeURIComponent(value) : "");
    });
    if (!value && !unpacking) return;
    var mine = ++newest;
    Promise.all([unpack(), begun]).then(function (both) {
      var variants = both[0];
      if (mine !== newest) return; // another choice was made meanwhile
      cards.forEach(function (card) { put(card, variants[card.id], value); });
      document.documentElement.dataset.chosen = value;
      if (label) announce.textContent = "Showing " + label;
    });
  }
  function put(card, variants, value) {
    var scope = card.querySelector(".scope"), body = card.querySelector(".body");
    if (scope) scope.hidden = !value;
    if (!variants) return;
    var element = body.querySelector("[data-plot]"), open = Boolean(body.querySelector("details.data[open]"));
    if (element) drop(element);
    var chosen = value ? variants[value] : { html: original.get(card), plot: drawings[card.id] };
    body.innerHTML = chosen.html;
    var data = body.querySelector("details.data");
    if (data) data.open = open;
    card.querySelector("[data-csv]").hidden = !body.querySelector("table");
    drawIn(card, chosen.plot);
    card.querySelectorAll(".scroll").forEach(edges);
  }
  // Axes are text on a canvas: drawn before the font is there, every plot would be drawn twice (0.6 s of a page of 50 cards).
  var begun = (document.fonts ? document.fonts.load("12px Inter") : Promise.resolve()).catch(function () {}).then(function () {
    cards.forEach(function (card) { drawIn(card, drawings[card.id]); });
    allEdges();
  });

  // ---- download: the table of a card as it stands, for the choice that is shown; exact values, not rounded ones ----
  function quoted(text) { return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text; }
  function cell(element) {
    if (element.dataset.v !== undefined) return element.dataset.v;
    var words = element.textContent.trim();
    if (words === "\u2013") return "";
    return quoted(/^[=+\-@\t]/.test(words) ? "'" + words : words); // a spreadsheet would run it as a formula
  }
  function download(card) {
    var lines = Array.from(card.querySelector(".body table").rows).map(function (row) {
      return Array.from(row.cells).map(cell).join(",");
    });
    var link = document.createElement("a"), chosen = document.documentElement.dataset.chosen;
    var name = [card.id, chosen, chip.dataset.day].filter(Boolean).join("-").replace(/[^\w.-]+/g, "_");
    link.href = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" }));
    link.download = name + ".csv";
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
    announce.textContent = "Downloaded " + link.download;
  }
  cards.forEach(function (card) {
    var button = card.querySelector("[data-csv]");
    button.hidden = !card.querySelector(".body table");
    button.addEventListener("click", function () { download(card); });
  });
  if (packed && window.DecompressionStream) document.querySelectorAll(".filter").forEach(function (holder) {
    var select = holder.querySelector("select"), key = select.dataset.filter;
    holder.hidden = false;
    select.addEventListener("change", function () {
      history.replaceState(null, "", select.value ? "#" + key + "=" + encodeURIComponent(select.value) : "#");
      choose(key, select.value, select.options[select.selectedIndex].text);
    });
    function fromAddress() {
      var match = location.hash.match(new RegExp("^#" + key + "=(.*)$")), value = match ? decodeURIComponent(match[1]) : "";
      var known = Array.from(select.options).some(function (one) { return one.value === value; });
      select.value = known ? value : "";
      choose(key, select.value, "");
    }
    window.addEventListener("hashchange", fromAddress);
    if (location.hash) fromAddress();
  });

  // ---- freshness: the page goes on counting after it was built ----
  function count() {
    var seconds = Math.max(0, (Date.now() - Date.parse(chip.dataset.from)) / 1000), late = seconds > Number(chip.dataset.lateAfter);
    var age = seconds < 90 ? seconds.toFixed(0) + NBSP + "s" : seconds < 5400 ? (seconds / 60).toFixed(0) + NBSP + "min" : seconds < 172800 ? (seconds / 3600).toFixed(0) + NBSP + "h" : (seconds / 86400).toFixed(0) + NBSP + "d";
    chip.classList.toggle("late", late);
    chip.querySelector(".age").textContent = age + " old" + (late ? ", late" : "");
  }
  count();
  setInterval(count, 30000);

  var current = document.querySelector("nav [aria-current]");
  if (current) current.closest("nav").scrollLeft = current.offsetLeft - 16;

  // ---- open panels close like menus; plots follow size, colour scheme and paper ----
  var PANELS = "details.about[open], details.data[open]";
  document.addEventListener("click", function (event) {
    document.querySelectorAll(PANELS).forEach(function (one) { if (!one.contains(event.target)) one.open = false; });
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.querySelectorAll(PANELS).forEach(function (one) { one.open = false; one.querySelector("summary").focus(); });
  });
  var waiting = 0;
  window.addEventListener("resize", function () { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(redraw); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
  window.addEventListener("beforeprint", redraw);
  window.addEventListener("afterprint", redraw);
})();
