//! `LIKE`.

/// A pattern: `%` stands for any text, `_` for any character.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    insensitive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Text,
    Any,
    Char(char),
}

impl Pattern {
    /// What is escaped stands for itself; a lone escape at the end too.
    pub(super) fn new(text: &str, escape: Option<char>, insensitive: bool) -> Self {
        let text = if insensitive { text.to_lowercase() } else { text.to_owned() };
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                _ if Some(c) == escape => Part::Char(chars.next().unwrap_or(c)),
                '%' => Part::Text,
                '_' => Part::Any,
                c => Part::Char(c),
            });
        }
        Self { parts, insensitive }
    }

    /// Whether the whole text has this form. Linear in text times pattern.
    pub(super) fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = if self.insensitive { text.to_lowercase() } else { text.to_owned() }.chars().collect();
        let (mut c, mut p) = (0, 0);
        // Where to go on if this does not lead to the end: the last `%`, standing for one character more.
        let mut back: Option<(usize, usize)> = None;
        while c < chars.len() {
            match self.parts.get(p) {
                Some(Part::Text) => {
                    back = Some((p, c));
                    p += 1;
                }
                Some(Part::Any) => (c, p) = (c + 1, p + 1),
                Some(Part::Char(own)) if *own == chars[c] => (c, p) = (c + 1, p + 1),
                _ => match &mut back {
                    Some((star, from)) => {
                        *from += 1;
                        (c, p) = (*from, *star + 1);
                    }
                    None => return false,
                },
            }
        }
        self.parts[p..].iter().all(|part| *part == Part::Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, by recursion.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            Some(('_', rest)) => !text.is_empty() && naive(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn equals_the_definition(pattern in "[ab%_β]{0,8}", text in "[abβ]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&pattern, None, false).matches(&text), naive(&chars(&pattern), &chars(&text)));
        }
    }

    #[test]
    fn case_and_escapes() {
        assert!(Pattern::new("t%CELL", None, true).matches("T helper cell"));
        assert!(!Pattern::new("t%CELL", None, false).matches("T helper cell"));
        assert!(Pattern::new("100!%", Some('!'), false).matches("100%"));
        assert!(!Pattern::new("100!%", Some('!'), false).matches("1000"));
    }
}
