//! The page: the files under `assets/page`, the charting library, and the report as JSON, in one file.

use annstream_core::{Error, Result};

use crate::report::Report;

const HTML: &str = include_str!("../assets/page/page.html");
const STYLE: &str = include_str!("../assets/page/style.css");
const ECHARTS: &str = include_str!("../assets/vendor/echarts/echarts.min.js");

/// The code of the page, in the order in which it is put together; one file for each part.
const SCRIPTS: [&str; 14] = [
    include_str!("../assets/page/dom.js"),
    include_str!("../assets/page/data.js"),
    include_str!("../assets/page/theme.js"),
    include_str!("../assets/page/table.js"),
    include_str!("../assets/page/chart.js"),
    include_str!("../assets/page/overview.js"),
    include_str!("../assets/page/quality.js"),
    include_str!("../assets/page/genes.js"),
    include_str!("../assets/page/components.js"),
    include_str!("../assets/page/embedding.js"),
    include_str!("../assets/page/clusters.js"),
    include_str!("../assets/page/markers.js"),
    include_str!("../assets/page/methods.js"),
    include_str!("../assets/page/main.js"),
];

/// One HTML file that needs nothing else. It opens from a disk, and asks for nothing on a network: a policy in it forbids
/// all connections, and all scripts but its own.
///
/// # Errors
/// If the report cannot be said in JSON.
pub fn page(report: &Report) -> Result<String> {
    let data = serde_json::to_string(report).map_err(|error| Error::internal(format!("report: {error}")))?;
    let data = inert(&data);
    let nonce = format!("{:016x}", fingerprint(data.as_bytes()));
    let script = format!("(() => {{\n\"use strict\";\n{}}})();\n", SCRIPTS.join("\n"));
    let title = text(&report.title);
    // What is put in may hold the marks of what is put in later, so the template is cut first and filled once.
    let mut out = String::with_capacity(HTML.len() + STYLE.len() + ECHARTS.len() + script.len() + data.len());
    let mut rest = HTML;
    while let Some((before, after)) = rest.split_once("{{") {
        let (mark, after) = after.split_once("}}").ok_or_else(|| Error::internal("a mark without an end"))?;
        out.push_str(before);
        out.push_str(match mark {
            "title" => &title,
            "style" => STYLE,
            "data" => &data,
            "charts" => ECHARTS,
            "script" => &script,
            "nonce" => &nonce,
            other => return Err(Error::internal(format!("an unknown mark '{other}'"))),
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// JSON that cannot end the element it stands in, nor begin a comment there.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Text between tags.
fn text(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A number that depends on every byte (FNV-1a): scripts that the data might bring along do not know it.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_data() {
        let hostile = serde_json::json!({ "gene": "</script><script>alert(1)</script><!-- {{script}}" }).to_string();
        let data = inert(&hostile);
        assert!(!data.contains('<'));
        let back: serde_json::Value = serde_json::from_str(&data).unwrap();
        assert_eq!(back["gene"], "</script><script>alert(1)</script><!-- {{script}}");
        assert_eq!(text("<b> & \"c\""), "&lt;b&gt; &amp; &quot;c&quot;");
    }

    #[test]
    fn no_script_ends_itself() {
        for script in SCRIPTS.iter().chain([&ECHARTS]) {
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
        assert!(!STYLE.contains("</style"));
    }
}
