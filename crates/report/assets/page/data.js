// The report, and how packed numbers become arrays.

const report = JSON.parse(document.getElementById("data").textContent);

/** The numbers of a packed array; NaN, or -1 for codes, where there is none. */
function unpack(packed) {
  const text = atob(packed.base64);
  const raw = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) raw[i] = text.charCodeAt(i);
  switch (packed.type) {
    case "u8":
      return Int32Array.from(raw, (code) => (code === 255 ? -1 : code));
    case "u16":
      return Int32Array.from(new Uint16Array(raw.buffer), (code) => (code === 65535 ? -1 : code));
    case "f32":
      return new Float32Array(raw.buffer);
    default: {
      const [low, high] = packed.range;
      const scale = (high - low) / 65534;
      return Float32Array.from(new Uint16Array(raw.buffer), (step) => (step === 65535 ? NaN : low + step * scale));
    }
  }
}

/** What says that a part is not there. */
function absent(section) {
  return report.missing.filter((missing) => missing.section === section).map((missing) =>
    el("div", { class: "card absent-note", role: "note" }, missing.what,
      missing.command ? [" To make it: ", el("code", {}, missing.command)] : null));
}

/** A value below which so large a share of the others is. */
function quantile(values, share) {
  const sorted = Float32Array.from(values).filter((value) => !Number.isNaN(value)).sort();
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] : 0;
}
