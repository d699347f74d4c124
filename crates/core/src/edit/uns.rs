//! Assignment to a place in nested mappings.

use crate::element::{Dict, Element};
use crate::{Error, Result};

/// Puts a value where a path leads, from `place`; mappings on the way are made where nothing stands.
///
/// # Errors
/// `Unsupported` if something else than a mapping stands on the way.
pub(super) fn assign(place: &mut Option<Element>, path: &[String], value: &Element) -> Result<()> {
    let Some((name, inner)) = path.split_first() else {
        *place = Some(value.clone());
        return Ok(());
    };
    match place.get_or_insert_with(|| Element::Dict(Dict::new())) {
        Element::Dict(dict) => {
            // What is taken out goes back to its place.
            let position = dict.get_index_of(name);
            let mut member = position
                .and_then(|position| dict.get_index_mut(position))
                .map(|(_, element)| std::mem::replace(element, Element::Null));
            let assigned = assign(&mut member, inner, value);
            if let Some(member) = member {
                dict.insert(name.clone(), member);
            }
            assigned
        }
        other => {
            let message = format!("a {} stands there, which has no entry '{name}'", other.kind());
            Err(Error::unsupported(message).hint("rename or remove it in the input"))
        }
    }
}

#[cfg(test)]
mod tests {
    use annstream_store::Buffer;

    use super::*;

    fn scalar(value: i32) -> Element {
        Element::Scalar(Buffer::I32(vec![value]))
    }

    fn dict(entries: &[(&str, Element)]) -> Element {
        Element::Dict(entries.iter().map(|(name, element)| ((*name).to_owned(), element.clone())).collect())
    }

    fn assigned(start: Option<Element>, path: &[&str], value: &Element) -> Result<Option<Element>> {
        let mut place = start;
        let path: Vec<String> = path.iter().map(|&name| name.to_owned()).collect();
        assign(&mut place, &path, value).map(|()| place)
    }

    #[test]
    fn mappings_are_made_kept_and_replaced_whole() {
        let made = assigned(None, &["a", "b"], &scalar(1)).unwrap().unwrap();
        assert_eq!(made, dict(&[("a", dict(&[("b", scalar(1))]))]));
        let start = dict(&[("x", scalar(0)), ("a", dict(&[("b", scalar(1)), ("c", scalar(2))])), ("z", scalar(3))]);
        let kept = assigned(Some(start.clone()), &["a", "b"], &scalar(9)).unwrap().unwrap();
        let expected = dict(&[("x", scalar(0)), ("a", dict(&[("b", scalar(9)), ("c", scalar(2))])), ("z", scalar(3))]);
        assert_eq!(kept, expected);
        let Element::Dict(kept) = kept else { unreachable!() };
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["x", "a", "z"]);
        let whole = assigned(Some(start), &["a"], &dict(&[("d", scalar(4))])).unwrap().unwrap();
        assert_eq!(whole, dict(&[("x", scalar(0)), ("a", dict(&[("d", scalar(4))])), ("z", scalar(3))]));
        assert_eq!(assigned(Some(scalar(1)), &[], &scalar(2)).unwrap(), Some(scalar(2)));
    }

    #[test]
    fn what_is_no_mapping_is_not_entered() {
        let error = assigned(Some(dict(&[("a", scalar(1))])), &["a", "b"], &scalar(2)).unwrap_err();
        assert!(error.to_string().contains("a scalar stands there"), "{error}");
    }
}
