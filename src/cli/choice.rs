//! Flags whose value is one of a few settings: one table per setting, with each name, its value and its help text.
//!
//! The settings' enums are in other crates and only this crate depends on clap, so they cannot derive its `ValueEnum`. Enums
//! of the command line itself derive it, and a type with a `FromStr` is parsed by that.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// A name on the command line, its value, and its help text, which may be empty.
pub type Choice<T> = (&'static str, T, &'static str);

/// Returns a parser of the name of a choice. Help, completions and errors list the names.
pub fn listed<T: Copy + Send + Sync>(choices: &'static [Choice<T>]) -> impl TypedValueParser<Value = T> {
    let shown = choices.iter().map(|(name, _, help)| {
        let value = PossibleValue::new(*name);
        if help.is_empty() { value } else { value.help(*help) }
    });
    PossibleValuesParser::new(shown).map(|name| find(choices, &name).expect("only the names of the table get through"))
}

/// Returns a parser of the name of a choice, for a flag whose own help text describes the choices.
#[cfg(feature = "workshop")]
pub fn described<T: Copy + Send + Sync>(choices: &'static [Choice<T>]) -> impl TypedValueParser<Value = T> {
    |name: &str| find(choices, name).ok_or_else(|| unknown(name, choices))
}

fn find<T: Copy>(choices: &[Choice<T>], wanted: &str) -> Option<T> {
    choices.iter().find(|(name, ..)| *name == wanted).map(|(_, value, _)| *value)
}

#[cfg(feature = "workshop")]
fn unknown<T>(name: &str, choices: &[Choice<T>]) -> String {
    let names: Vec<String> = choices.iter().map(|(name, ..)| format!("`{name}`")).collect();
    let expected = match &names[..] {
        [one, other] => format!("{one} or {other}"),
        _ => format!("one of {}", names.join(", ")),
    };
    format!("unknown variant `{name}`, expected {expected}")
}

#[cfg(all(test, feature = "workshop"))]
mod tests {
    use super::*;

    const SIDES: [Choice<u8>; 2] = [("left", 1, "Before"), ("right", 2, "")];
    const SIZES: [Choice<u8>; 3] = [("small", 1, ""), ("medium", 2, ""), ("large", 3, "")];

    #[test]
    fn a_name_gives_its_value_and_any_other_is_refused_with_the_names() {
        let command = || {
            let listed = clap::Arg::new("side").long("side").value_parser(listed(&SIDES));
            let described = clap::Arg::new("size").long("size").value_parser(described(&SIZES));
            clap::Command::new("test").no_binary_name(true).args([listed, described])
        };
        let matches = command().get_matches_from(["--side=right", "--size=large"]);
        assert_eq!((matches.get_one("side"), matches.get_one("size")), (Some(&2_u8), Some(&3_u8)));
        let refusal = |flag: &str| command().try_get_matches_from([flag]).unwrap_err().to_string();
        assert!(refusal("--side=up").contains("[possible values: left, right]"));
        assert!(
            refusal("--size=Large").contains("unknown variant `Large`, expected one of `small`, `medium`, `large`")
        );
        assert_eq!(unknown("up", &SIDES), "unknown variant `up`, expected `left` or `right`");
    }
}
