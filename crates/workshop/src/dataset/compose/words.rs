//! The gender and number of Spanish words: from a short list, and from the usual endings for the others.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gender {
    Masculine,
    Feminine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Singular,
    Plural,
}

/// Gender and number, each if the word shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Form {
    pub(super) gender: Option<Gender>,
    pub(super) number: Option<Number>,
}

impl Form {
    pub(super) const fn new(gender: Gender, number: Number) -> Self {
        Self { gender: Some(gender), number: Some(number) }
    }

    /// Returns whether both have a gender or a number, and it differs.
    pub(super) fn contradicts(self, other: Self) -> bool {
        let differ = |one: Option<bool>| one.unwrap_or(false);
        differ(self.gender.zip(other.gender).map(|(one, other)| one != other))
            || differ(self.number.zip(other.number).map(|(one, other)| one != other))
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gender = self.gender.map(|gender| match gender {
            Gender::Masculine => "masculine",
            Gender::Feminine => "feminine",
        });
        let number = self.number.map(|number| match number {
            Number::Singular => "singular",
            Number::Plural => "plural",
        });
        let parts: Vec<&str> = gender.into_iter().chain(number).collect();
        f.write_str(&parts.join(" "))
    }
}

/// A word that can be a noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noun {
    pub(super) form: Form,
    /// Whether no verb form is spelled like it, so that it is a noun after `la`, `los` and `las` too.
    pub(super) certain: bool,
}

/// A word that can be an adjective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Adjective {
    pub(super) form: Form,
    /// Whether no verb form is spelled like it.
    pub(super) certain: bool,
    /// Whether it may describe who acts instead of the noun before it.
    pub(super) mood: bool,
}

/// The lists of `words.txt`, with every form spelled out.
struct Words {
    nouns: HashMap<String, Noun>,
    adjectives: HashMap<String, Adjective>,
    adverbs: HashSet<String>,
    none: HashSet<String>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| Words::parse(include_str!("words.txt")));

/// Feminine nouns whose first sound is a stressed a: `el agua`, `un arma`.
const STRESSED_A: [&str; 30] = [
    "agua", "alma", "área", "aula", "arma", "hambre", "ala", "águila", "ave", "hacha", "hada", "ama", "ancla", "arpa",
    "harpa", "asa", "habla", "ansia", "arca", "alga", "asma", "alza", "alta", "alba", "acta", "aura", "aspa", "haba",
    "álgebra", "ánima",
];

/// Endings that only nouns have, with the gender they show. Their plurals count as well.
const NOUN_ENDINGS: [(&str, Gender); 14] = [
    ("ción", Gender::Feminine),
    ("sión", Gender::Feminine),
    ("xión", Gender::Feminine),
    ("gión", Gender::Feminine),
    ("dad", Gender::Feminine),
    ("tad", Gender::Feminine),
    ("tud", Gender::Feminine),
    ("umbre", Gender::Feminine),
    ("triz", Gender::Feminine),
    ("ología", Gender::Feminine),
    ("miento", Gender::Masculine),
    ("ismo", Gender::Masculine),
    ("ador", Gender::Masculine),
    ("edor", Gender::Masculine),
];

/// Returns what a word is as a noun, or `None` if neither the list nor its ending says.
pub(super) fn noun(word: &str) -> Option<Noun> {
    let words = &*WORDS;
    if let Some(noun) = words.nouns.get(word) {
        return Some(*noun);
    }
    if words.none.contains(word) || has_clitic(word) {
        return None;
    }
    by_noun_ending(word).or_else(|| by_vowel(word))
}

/// Returns what a word is as an adjective, if it is in the list or a participle.
pub(super) fn adjective(word: &str) -> Option<Adjective> {
    let words = &*WORDS;
    let listed = words.adjectives.get(word).copied();
    listed.or_else(|| (!words.none.contains(word)).then(|| participle(word)).flatten())
}

/// Returns whether `word` is also an adverb, so that it need not agree with the noun before it.
pub(super) fn is_adverb(word: &str) -> bool {
    WORDS.adverbs.contains(word)
}

/// Returns whether this feminine noun takes `el` and `un`.
pub(super) fn begins_with_stressed_a(word: &str) -> bool {
    STRESSED_A.contains(&word)
}

fn by_noun_ending(word: &str) -> Option<Noun> {
    NOUN_ENDINGS.iter().find_map(|(ending, gender)| {
        let number = if word.ends_with(ending) {
            Number::Singular
        } else if word.ends_with(&plural(ending)) {
            Number::Plural
        } else {
            return None;
        };
        (word.chars().count() > ending.chars().count() + 1)
            .then_some(Noun { form: Form::new(*gender, number), certain: true })
    })
}

fn by_vowel(word: &str) -> Option<Noun> {
    if word.chars().count() < 4 {
        return None;
    }
    let form = match word {
        _ if word.ends_with('o') => Form::new(Gender::Masculine, Number::Singular),
        _ if word.ends_with('a') => Form::new(Gender::Feminine, Number::Singular),
        _ if word.ends_with("os") => Form::new(Gender::Masculine, Number::Plural),
        _ if word.ends_with("as") => Form::new(Gender::Feminine, Number::Plural),
        _ => return None,
    };
    // `vamos` and `buscando` are verbs; `-ista`, `-asta`, `-euta` and `-ma` show no gender.
    let silent =
        ["amos", "emos", "imos", "ando", "endo", "ista", "asta", "euta", "ma", "istas", "astas", "eutas", "mas"]
            .iter()
            .any(|ending| word.ends_with(ending));
    (!silent).then_some(Noun { form, certain: false })
}

/// Returns whether the word is an infinitive with pronouns, such as `cuidarla` or `ponérsela`.
fn has_clitic(word: &str) -> bool {
    let Some(stem) = ["la", "lo", "las", "los", "le", "les", "nos", "me", "te", "se"]
        .iter()
        .find_map(|clitic| word.strip_suffix(clitic))
    else {
        return false;
    };
    let stem = ["se", "me", "te", "nos"].iter().find_map(|clitic| stem.strip_suffix(clitic)).unwrap_or(stem);
    ["ar", "er", "ir", "ár", "ér", "ír", "ando", "endo", "ándo", "éndo"].iter().any(|ending| stem.ends_with(ending))
}

/// Returns a participle by its ending; nouns with that ending are in the list of nouns or agree like one.
fn participle(word: &str) -> Option<Adjective> {
    const NOUNS: [&str; 40] = [
        "llegada",
        "mirada",
        "jornada",
        "entrada",
        "cuidado",
        "estado",
        "resultado",
        "mercado",
        "significado",
        "sentido",
        "vestido",
        "partido",
        "ruido",
        "olvido",
        "sonido",
        "pedido",
        "comida",
        "salida",
        "bebida",
        "medida",
        "subida",
        "venida",
        "herida",
        "partida",
        "soldado",
        "pescado",
        "helado",
        "temporada",
        "década",
        "llamada",
        "parada",
        "vida",
        "sido",
        "estado",
        "apellido",
        "tejido",
        "líquido",
        "rápido",
        "bienvenida",
        "despedida",
    ];
    let singular = word.strip_suffix('s').unwrap_or(word);
    if singular.chars().count() < 6 || NOUNS.contains(&singular) {
        return None;
    }
    let gender = match singular {
        _ if singular.ends_with("ado") || singular.ends_with("ido") => Gender::Masculine,
        _ if singular.ends_with("ada") || singular.ends_with("ida") => Gender::Feminine,
        _ => return None,
    };
    let number = if singular == word { Number::Singular } else { Number::Plural };
    Some(Adjective { form: Form::new(gender, number), certain: false, mood: true })
}

impl Words {
    fn parse(text: &str) -> Self {
        let mut words =
            Self { nouns: HashMap::new(), adjectives: HashMap::new(), adverbs: HashSet::new(), none: HashSet::new() };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for (kind, list) in lines.filter_map(|line| line.split_once(": ")) {
            match kind {
                "same" => list.split(" | ").filter_map(|entry| entry.split_once(' ')).for_each(|(gender, word)| {
                    words.add_noun(word, Form { gender: gender_of(gender), number: None }, true);
                }),
                _ => list.split_whitespace().for_each(|word| words.add(kind, word)),
            }
        }
        words
    }

    fn add(&mut self, kind: &str, entry: &str) {
        let word = entry.trim_end_matches('*');
        let certain = word == entry;
        match kind {
            "m" | "f" | "mf" => self.add_both(word, gender_of(kind), certain),
            "sure" => {
                let gender = if word.ends_with('a') { Gender::Feminine } else { Gender::Masculine };
                self.add_both(word, Some(gender), certain);
            }
            "adj" => self.add_adjective(word, certain, false),
            "mood" => self.add_adjective(word, certain, true),
            "adj2" => {
                let adjective =
                    |number| Adjective { form: Form { gender: None, number: Some(number) }, certain, mood: false };
                self.adjectives.insert(word.to_owned(), adjective(Number::Singular));
                self.adjectives.insert(plural(word), adjective(Number::Plural));
            }
            "adverb" => {
                self.adverbs.insert(word.to_owned());
            }
            _ => {
                self.none.insert(word.to_owned());
            }
        }
    }

    /// Adds a noun and its plural. A noun that is listed under both genders gets none.
    fn add_both(&mut self, word: &str, gender: Option<Gender>, certain: bool) {
        self.add_noun(word, Form { gender, number: Some(Number::Singular) }, certain);
        self.add_noun(&plural(word), Form { gender, number: Some(Number::Plural) }, certain);
    }

    fn add_noun(&mut self, word: &str, form: Form, certain: bool) {
        let noun = self.nouns.entry(word.to_owned()).or_insert(Noun { form, certain });
        if noun.form.gender != form.gender {
            noun.form.gender = None;
        }
        if noun.form.number != form.number {
            noun.form.number = None;
        }
        noun.certain &= certain;
    }

    fn add_adjective(&mut self, word: &str, certain: bool, mood: bool) {
        let Some(stem) = word.strip_suffix('o') else {
            for (form, number) in [(word.to_owned(), Number::Singular), (plural(word), Number::Plural)] {
                let form_of = Form { gender: None, number: Some(number) };
                self.adjectives.insert(form, Adjective { form: form_of, certain, mood });
            }
            return;
        };
        for (ending, gender, number) in [
            ("o", Gender::Masculine, Number::Singular),
            ("a", Gender::Feminine, Number::Singular),
            ("os", Gender::Masculine, Number::Plural),
            ("as", Gender::Feminine, Number::Plural),
        ] {
            let adjective = Adjective { form: Form::new(gender, number), certain, mood };
            self.adjectives.insert(format!("{stem}{ending}"), adjective);
        }
    }
}

fn gender_of(kind: &str) -> Option<Gender> {
    match kind {
        "m" => Some(Gender::Masculine),
        "f" => Some(Gender::Feminine),
        _ => None,
    }
}

/// Returns the regular plural: `casas`, `paredes`, `luces`, `canciones`, `franceses`.
fn plural(word: &str) -> String {
    let accented = [("ión", "iones"), ("ón", "ones"), ("án", "anes"), ("én", "enes"), ("ín", "ines"), ("és", "eses")];
    if let Some((stem, ending)) = accented.iter().find_map(|(end, plural)| Some((word.strip_suffix(end)?, plural))) {
        return format!("{stem}{ending}");
    }
    let accents = [("joven", "jóvenes"), ("examen", "exámenes"), ("imagen", "imágenes"), ("origen", "orígenes")];
    let more = [("virgen", "vírgenes"), ("volumen", "volúmenes"), ("margen", "márgenes"), ("orden", "órdenes")];
    if let Some((_, plural)) = accents.iter().chain(&more).find(|(singular, _)| *singular == word) {
        return (*plural).to_owned();
    }
    match word.chars().last() {
        Some('z') => format!("{}ces", word.trim_end_matches('z')),
        Some('a' | 'e' | 'i' | 'o' | 'u' | 'é' | 'á' | 'ó') => format!("{word}s"),
        _ => format!("{word}es"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_are_made_by_rule() {
        for (singular, expected) in [
            ("casa", "casas"),
            ("café", "cafés"),
            ("pared", "paredes"),
            ("luz", "luces"),
            ("canción", "canciones"),
            ("jabón", "jabones"),
            ("interés", "intereses"),
            ("jardín", "jardines"),
            ("joven", "jóvenes"),
        ] {
            assert_eq!(plural(singular), expected);
        }
    }

    #[test]
    fn lists_go_before_endings_and_endings_before_silence() {
        let gender = |word| noun(word).and_then(|noun| noun.form.gender);
        for (word, expected) in [
            ("día", Some(Gender::Masculine)),
            ("manos", Some(Gender::Feminine)),
            ("fotos", Some(Gender::Feminine)),
            ("agua", Some(Gender::Feminine)),
            ("policía", None),
            ("deportista", None),
            ("vacunación", Some(Gender::Feminine)),
            ("ciudades", Some(Gender::Feminine)),
            ("tratamientos", Some(Gender::Masculine)),
            ("calendario", Some(Gender::Masculine)),
            ("vacunas", Some(Gender::Feminine)),
            ("cuidarla", None),
            ("vamos", None),
            ("nunca", None),
            ("doce", None),
        ] {
            assert_eq!(gender(word), expected, "{word}");
        }
        assert_eq!(noun("lunes").map(|noun| noun.form.number), Some(None));
    }

    #[test]
    fn no_word_is_listed_as_two_things() {
        let words = &*WORDS;
        for word in &words.none {
            assert!(!words.nouns.contains_key(word) && !words.adjectives.contains_key(word), "{word}");
        }
    }
}
