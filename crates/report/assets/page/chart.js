// A chart in a frame: title, buttons that save it, and the same numbers as a table.

/** All charts, for those who look at the page from outside. */
const charts = new Map();

/**
 * Draws a chart.
 *
 * `option(colors)` gives what ECharts draws, in the colours of a theme; `summary` is read aloud instead of the picture;
 * `table()` gives columns and rows. `tools` are more buttons, `large` charts are drawn as pixels.
 */
function chart({ name, title, summary, height, option, table: numbers, tools = [], large = false, minWidth = 0, note }) {
  const plot = el("div", { class: "plot", role: "img", tabindex: "0", "aria-label": summary,
    style: { height: typeof height === "number" ? `${height}px` : height, minWidth: `${minWidth}px` } });
  const save = (kind) => el("button", { type: "button", "aria-label": `Save ${title} as ${kind}`, onclick: () => savePicture(name, plot, option, kind) }, kind);
  const more = numbers ? el("details", {}, el("summary", {}, "Show as a table")) : null;
  if (more) {
    more.addEventListener("toggle", () => {
      if (!more.open || more.childElementCount > 1) return;
      const { columns, rows } = numbers();
      more.append(table(columns, rows, { name, caption: title }));
    });
  }
  const frame = el("figure", { class: "card" },
    el("div", { class: "chart-head" }, el("figcaption", {}, title), el("div", { class: "tools" }, ...tools, save("SVG"), save("PNG"))),
    minWidth ? el("div", { class: "scroll" }, plot) : plot, note ? el("p", { class: "note" }, note) : null, more);
  const handle = { frame, plot, instance: null, redraw: () => {} };
  handle.redraw = () => handle.instance?.setOption(finished(option(theme())), { notMerge: true });
  later.push(() => {
    handle.instance = echarts.init(plot, null, { renderer: large ? "canvas" : "svg" });
    handle.redraw();
    new ResizeObserver(() => handle.instance.resize()).observe(plot);
    onTheme(handle.redraw);
  });
  charts.set(name, handle);
  return handle;
}

/** What is done when the page is put together: charts need to know how wide they are. */
const later = [];

/** What all charts share. */
function finished(option) {
  const motion = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  return { animation: motion && option.animation !== false, animationDuration: 350, textStyle: { fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif" }, ...option };
}

/** Saves a chart as it is for paper: light, and without its tooltip. */
function savePicture(name, plot, option, kind) {
  const size = { width: plot.clientWidth, height: plot.clientHeight };
  const svg = kind === "SVG";
  const picture = echarts.init(el("div"), null, { renderer: svg ? "svg" : "canvas", devicePixelRatio: 3, ...size });
  picture.setOption({ ...finished(option(themes.light)), animation: false, tooltip: undefined });
  const url = picture.getDataURL(svg ? { type: "svg" } : { type: "png", pixelRatio: 3, backgroundColor: "#ffffff" });
  download(`${fileName(name)}.${kind.toLowerCase()}`, url);
  picture.dispose();
}

/** An axis in quiet colours. */
function axis(colors, more = {}) {
  const { axisLabel, axisLine, splitLine, ...rest } = more;
  return {
    nameLocation: "middle", nameGap: 34, nameTextStyle: { color: colors.muted, fontSize: 12 },
    axisLabel: { color: colors.muted, fontSize: 11, hideOverlap: true, ...axisLabel },
    axisLine: { show: true, lineStyle: { color: colors.other }, ...axisLine },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: colors.line }, ...splitLine },
    ...rest,
  };
}

/** The box that appears over what is pointed at. */
function tooltip(colors, more) {
  return { confine: true, backgroundColor: colors.card, borderColor: colors.line, textStyle: { color: colors.text, fontSize: 13 }, ...more };
}

/** A name that is short enough to stand at an axis. */
function short(text, length = 18) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function select(label, choices, chosen, onchange) {
  const list = el("select", { onchange: (event) => onchange(event.target.value) },
    choices.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
  return el("label", { class: "field" }, label, list);
}
