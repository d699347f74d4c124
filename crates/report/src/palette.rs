//! Colours of categories: those of the file, or scanpy's.

/// Up to 20 categories.
const DEFAULT_20: &str = "1f77b4ff7f0e279e68d62728aa40fc8c564be377c2b5bd6117becfaec7e8ffbb7898df8aff9896c5b0d5c49c94f7b6d2\
dbdb8d9edae5ad494a8c6d31";

/// Up to 28.
const DEFAULT_28: &str = "023fa57d87b9bec1d4d6bcc0bb77848e063b4a6fe38595e1b5bbe3e6afb9e07b91d33f6a11c6388dd593c6dec7ead3c6\
f0b98def97080fcfc09cded6d5eae7f3e1ebf6c4e1f79cd47f7f7fc7c7c71ce6ff336600";

/// Up to 102.
const DEFAULT_102: &str = "ffff001ce6ffff34ffff4a46008941006fa6a30059ffdbe57a49000000a663ffacb79762004d438fb0ff997d875a0007\
8096936a3a4c1b44004fc6013b5dff4a3b53ff2f8061615aba09006b790000c2a0ffaa92ff90c9b903aad16100ddefff0000357b4f4ba1c2993000180aa6d8\
01334900846f372101ffb500c2ffeda079bfcc0744c0b9b2c2ff99001e0900489c6f00620cbd66eec3ff456d75b77b687a87a1788d66885578fad09fff8a9a\
d157a0bec4594566480086ed886f4c34362db4a8bd00a6aa452c2c636375a3c8c9ff913f938a8157532900fecfb05b6f8cd0ff3b970004f757c8a1a11e6e00\
7900d7a775006367a9a058376b002c772600d790ff9b9700549e79fff69f20162572418fbc23ff99adc03a24659223295b4534fde8dc404e550089a3cb7e98\
a4e804324e72";

/// Where the palettes end.
const GREY: &str = "#808080";

/// The colours that scanpy would give to so many categories.
pub(crate) fn colors(count: usize) -> Vec<String> {
    let palette = match count {
        ..=20 => DEFAULT_20,
        21..=28 => DEFAULT_28,
        29..=102 => DEFAULT_102,
        _ => return vec![GREY.to_owned(); count],
    };
    let digits: Vec<char> = palette.chars().filter(char::is_ascii_hexdigit).collect();
    digits.chunks_exact(6).take(count).map(|color| format!("#{}", color.iter().collect::<String>())).collect()
}

/// A colour of a file as `#rrggbb`; `None` if it is written in another way. Transparency is dropped.
pub(crate) fn hex(text: &str) -> Option<String> {
    let digits = text.strip_prefix('#')?;
    if !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    match digits.len() {
        3 | 4 => Some(format!("#{}", digits.chars().take(3).flat_map(|digit| [digit, digit]).collect::<String>())),
        6 | 8 => Some(format!("#{}", &digits[..6])),
        _ => None,
    }
    .map(|color| color.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palettes_are_those_of_scanpy() {
        assert_eq!(colors(2), ["#1f77b4", "#ff7f0e"]);
        assert_eq!((colors(20).len(), colors(20)[19].as_str()), (20, "#8c6d31"));
        assert_eq!((colors(28).len(), colors(21)[0].as_str(), colors(28)[27].as_str()), (28, "#023fa5", "#336600"));
        assert_eq!((colors(102).len(), colors(102)[101].as_str()), (102, "#324e72"));
        assert_eq!(colors(103), vec![GREY; 103]);
    }

    #[test]
    fn only_colors_are_colors() {
        assert_eq!(hex("#AbC").as_deref(), Some("#aabbcc"));
        assert_eq!(hex("#1f77b4ff").as_deref(), Some("#1f77b4"));
        for text in ["red", "#12", "#ggg", "#fff;background:url(x)", "", "#ééé"] {
            assert_eq!(hex(text), None, "{text}");
        }
    }
}
