// Light and dark: what the system prefers, until somebody chooses.

const themes = {
  light: { text: "#1b2430", muted: "#5b6675", line: "#e2e6eb", card: "#ffffff", faint: "#d9dee5", accent: "#2563a8", other: "#b4bdc9" },
  dark: { text: "#e6ebf2", muted: "#9aa7b8", line: "#2a3543", card: "#18202a", faint: "#303c4b", accent: "#7db4f0", other: "#4a5768" },
};

const darkness = window.matchMedia("(prefers-color-scheme: dark)");
const themeListeners = [];

function themeName() {
  return document.documentElement.dataset.theme || (darkness.matches ? "dark" : "light");
}

/** The colours of the moment. */
function theme() {
  return themes[themeName()];
}

/** Calls a function whenever light becomes dark, or the other way round. */
function onTheme(listener) {
  themeListeners.push(listener);
}

function themeButton() {
  const button = el("button", { type: "button", onclick: () => {
    document.documentElement.dataset.theme = themeName() === "dark" ? "light" : "dark";
    changed();
  } });
  const changed = () => {
    button.textContent = themeName() === "dark" ? "☀ Light" : "☾ Dark";
    button.setAttribute("aria-label", themeName() === "dark" ? "Show the page in light colours" : "Show the page in dark colours");
    themeListeners.forEach((listener) => listener());
  };
  darkness.addEventListener("change", changed);
  changed();
  return button;
}

/** Viridis, by Stéfan van der Walt and Nathaniel Smith (CC0), at 17 places. */
const viridis = ["#440154", "#48186a", "#472d7b", "#424086", "#3b528b", "#33638d", "#2c728e", "#26828e", "#21918c",
  "#1fa088", "#28ae80", "#3fbc73", "#5ec962", "#84d44b", "#addc30", "#d8e219", "#fde725"];

/** Colours of numbers: on dark ground the darkest ones would not be seen. */
function ramp(colors) {
  return colors === themes.dark ? viridis.slice(4) : viridis;
}

/** Reds of ColorBrewer, by Cynthia Brewer, as dot plots of scanpy have them. */
const reds = ["#fff5f0", "#fee0d2", "#fcbba1", "#fc9272", "#fb6a4a", "#ef3b2c", "#cb181d", "#a50f15", "#67000d"];

/** The same on dark ground, where what is little must be dark. */
const embers = ["#2b2230", "#4b2438", "#6e273c", "#93303b", "#b83f38", "#d95b3a", "#ee8150", "#f7ab76", "#fcd5a8"];

/** The colour at a place, 0 to 1, of a list of colours. */
function between(colors, place) {
  const at = Math.min(Math.max(place, 0), 1) * (colors.length - 1);
  const low = Math.min(Math.floor(at), colors.length - 2);
  const part = (color, i) => parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mixed = [0, 1, 2].map((i) => Math.round(part(colors[low], i) + (part(colors[low + 1], i) - part(colors[low], i)) * (at - low)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
