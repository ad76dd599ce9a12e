//! Checks that determiners, nouns and adjectives agree in gender and number in a composed Spanish text.
//!
//! It checks a determiner and the noun after it (`la brazo`), an adjective between them or right after the noun
//! (`la vacuna nuevo`), `todos las`, and an adjective after `ser` and `estar` where a clause begins with its subject
//! (`La vacuna es gratuito`), and finds `a el` and `de el`. It does not check nouns without a determiner, words that neither
//! [`super::words`] nor their ending classifies, adjectives farther away, or verbs. A verb may follow `la`, `los` and `las`
//! (`la llamo`), so there it checks only words that cannot be one. It is meant to miss errors rather than to reject good
//! Spanish.

use std::ops::Range;

use super::words::{self, Adjective, Form, Gender, Noun, Number};

/// Two words that do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disagreement {
    /// From the first word to the end of the second, in bytes.
    pub(super) range: Range<usize>,
    pub(super) first: String,
    pub(super) first_form: String,
    pub(super) second: String,
    pub(super) second_form: String,
}

/// What the check found in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// The number of pairs of words that were compared.
    pub(super) pairs: usize,
    pub(super) disagreements: Vec<Disagreement>,
}

/// Compares the words of `text` that ought to agree.
pub(super) fn check(text: &str) -> Findings {
    let tokens = tokens(text);
    let mut checker = Checker { tokens: &tokens, findings: Findings::default() };
    for place in 0..tokens.len() {
        checker.check_at(place);
    }
    checker.findings
}

/// One word of the text.
#[derive(Debug)]
struct Token {
    range: Range<usize>,
    lower: String,
    /// Whether only blanks separate it from the previous word.
    joined: bool,
    /// Whether it has a capital in the middle of a sentence: a name, which is not checked.
    is_name: bool,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..].find(char::is_alphanumeric).map(|at| rest + at) {
        let end = text[start..].find(|c: char| !c.is_alphanumeric()).map_or(text.len(), |at| start + at);
        let gap = &text[rest..start];
        let joined = !tokens.is_empty() && !gap.is_empty() && gap.chars().all(char::is_whitespace);
        let word = &text[start..end];
        let is_name = joined && word.starts_with(char::is_uppercase);
        tokens.push(Token { range: start..end, lower: word.to_lowercase(), joined, is_name });
        rest = end;
    }
    tokens
}

/// A word that comes before a noun.
struct Determiner {
    form: Form,
    before: Before,
}

/// What may follow a determiner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Noun,
    /// A noun, or a verb unless a preposition comes before: `la llamo`, `por la calle`.
    NounOrVerb,
    /// Anything, even a verb, because the determiner may stand for a noun: `otra ayuda`, `a muchos alcanza`.
    Anything,
}

struct Checker<'a> {
    tokens: &'a [Token],
    findings: Findings,
}

const PREPOSITIONS: [&str; 16] = [
    "a", "ante", "bajo", "con", "contra", "de", "desde", "en", "entre", "hacia", "hasta", "para", "por", "sin",
    "sobre", "tras",
];

const COPULAS: [&str; 14] = [
    "es", "son", "está", "están", "fue", "fueron", "era", "eran", "será", "serán", "sigue", "siguen", "queda", "quedan",
];

/// Words that may come before an adjective.
const DEGREES: [&str; 9] = ["más", "muy", "tan", "menos", "bien", "siempre", "ya", "totalmente", "demasiado"];

impl Checker<'_> {
    fn check_at(&mut self, place: usize) {
        self.check_todos(place);
        self.check_contraction(place);
        let Some(determiner) = determiner(&self.tokens[place].lower) else { return };
        let before = self.before(place);
        let after_preposition = before.is_some_and(|word| PREPOSITIONS.contains(&word));
        let certain = match determiner.before {
            Before::Noun => true,
            Before::NounOrVerb => after_preposition,
            Before::Anything => false,
        };
        // `treinta y un años` has a number in it.
        let is_number = self.tokens[place].lower == "un" && before == Some("y");
        if is_number || self.is_greeting(place + 1) {
            return;
        }
        if let Some(adjective) = self.adjective_at(place + 1)
            && self.noun_after_adjective(place, adjective, certain, determiner.form)
        {
            return;
        }
        let Some(noun) = self.noun_at(place + 1) else { return };
        // `la presiones` has a verb in it.
        let is_second_person = self.tokens[place].lower == "la" && self.tokens[place + 1].lower.ends_with("es");
        let may_be_verb = !certain && (!noun.certain || is_second_person);
        if may_be_verb && determiner.form.contradicts(noun.form) {
            return;
        }
        if !self.takes_el(place) {
            self.compare(place, determiner.form, place + 1, noun.form);
        }
        self.check_after_noun(place, place + 1, noun);
    }

    /// Finds `a el` and `de el`, which Spanish writes as `al` and `del`; not before a name (`de El Salvador`).
    fn check_contraction(&mut self, place: usize) {
        let token = &self.tokens[place];
        if token.lower != "el" || token.is_name || !matches!(self.before(place), Some("a" | "de")) {
            return;
        }
        let before = &self.tokens[place - 1];
        self.findings.disagreements.push(Disagreement {
            range: before.range.start..token.range.end,
            first: before.lower.clone(),
            first_form: "a preposition".to_owned(),
            second: token.lower.clone(),
            second_form: format!("written with it as one word, {}l", if before.lower == "a" { "a" } else { "de" }),
        });
    }

    /// Checks `todos las`, `todas los`, `toda el`; not `entre todos la cuidamos`.
    fn check_todos(&mut self, place: usize) {
        let all = match self.tokens[place].lower.as_str() {
            "todos" => Form::new(Gender::Masculine, Number::Plural),
            "todas" => Form::new(Gender::Feminine, Number::Plural),
            "toda" => Form::new(Gender::Feminine, Number::Singular),
            _ => return,
        };
        if self.before(place).is_some_and(|word| PREPOSITIONS.contains(&word) || word == "y") {
            return;
        }
        let Some(article) = self.joined(place + 1).filter(|token| ["el", "la", "los", "las"].contains(&&*token.lower))
        else {
            return;
        };
        let Some(form) = determiner(&article.lower).map(|article| article.form) else { return };
        // Otherwise it is a pronoun: `todos la sintieron suya`.
        if !self.noun_at(place + 2).is_some_and(|noun| noun.certain) {
            return;
        }
        self.compare(place, all, place + 1, form);
    }

    /// Checks that determiner, adjective and noun agree. Returns whether these words are such a group.
    fn noun_after_adjective(&mut self, place: usize, adjective: Adjective, certain: bool, form: Form) -> bool {
        let noun = self.noun_at(place + 2).filter(|noun| noun.certain);
        let is_noun_itself = self.noun_at(place + 1).is_some_and(|noun| noun.certain);
        let Some(noun) = noun.filter(|_| !is_noun_itself) else { return false };
        if self.adjective_at(place + 2).is_some() {
            return false;
        }
        if (certain || adjective.certain) && !self.takes_el(place) {
            self.compare(place, form, place + 1, adjective.form);
        }
        self.compare(place + 1, adjective.form, place + 2, noun.form);
        true
    }

    /// Checks the adjectives after a noun, and those after a copula.
    fn check_after_noun(&mut self, determiner: usize, place: usize, noun: Noun) {
        let before = self.before(determiner);
        let within = |words: &[&str]| before.is_some_and(|word| words.contains(&word));
        // `el centro de la ciudad cercano`, `el agua y el jabón necesarios`: another noun may be meant.
        let other_noun = within(&["de", "del", "y", "e", "o", "u", "ni"]) || self.tokens[determiner].lower == "del";
        let mut next = place + 1;
        while let Some(adjective) = self.adjective_at(next).filter(|_| self.noun_at(next).is_none_or(|n| !n.certain)) {
            let may_be_adverb = words::is_adverb(&self.tokens[next].lower);
            // `el bombero baja` has a verb in it.
            if other_noun || adjective.mood || may_be_adverb || !adjective.certain || self.has_own_noun(next) {
                break;
            }
            self.compare(place, noun.form, next, adjective.form);
            next += 1;
        }
        if !self.tokens[determiner].joined {
            self.check_after_copula(place, next, noun);
        }
    }

    fn check_after_copula(&mut self, place: usize, copula: usize, noun: Noun) {
        let Some(verb) = self.joined(copula).filter(|token| COPULAS.contains(&&*token.lower)) else { return };
        let plural = verb.lower.ends_with('n');
        // Subjects before this one: `el agua, el jabón son necesarios`.
        if noun.form.number.is_some_and(|number| (number == Number::Plural) != plural) {
            return;
        }
        let degree = self.joined(copula + 1).is_some_and(|token| DEGREES.contains(&&*token.lower));
        let at = copula + 1 + usize::from(degree);
        let Some(adjective) = self.adjective_at(at) else { return };
        let adverbs = [
            "primero", "primera", "mucho", "poco", "solo", "temprano", "mejor", "peor", "junto", "justo", "bajo",
            "igual",
        ];
        if !adverbs.contains(&&*self.tokens[at].lower) && !self.has_own_noun(at) {
            self.compare(place, noun.form, at, adjective.form);
        }
    }

    fn compare(&mut self, first: usize, first_form: Form, second: usize, second_form: Form) {
        if first_form == Form::default() || second_form == Form::default() {
            return;
        }
        self.findings.pairs += 1;
        if !first_form.contradicts(second_form) {
            return;
        }
        let (one, two) = (&self.tokens[first], &self.tokens[second]);
        self.findings.disagreements.push(Disagreement {
            range: one.range.start..two.range.end,
            first: one.lower.clone(),
            first_form: first_form.to_string(),
            second: two.lower.clone(),
            second_form: second_form.to_string(),
        });
    }

    /// Returns whether the determiner is masculine only in form: `el agua`, `un arma`, `del alma`.
    fn takes_el(&self, determiner: usize) -> bool {
        ["el", "un", "del", "al", "algún", "ningún"].contains(&&*self.tokens[determiner].lower)
            && words::begins_with_stressed_a(&self.tokens[determiner + 1].lower)
    }

    /// Returns whether the adjective there belongs to the noun after it: `el niño es mala hierba`.
    fn has_own_noun(&self, place: usize) -> bool {
        let agrees = |noun: Noun, adjective: Adjective| !noun.form.contradicts(adjective.form);
        self.noun_at(place + 1).zip(self.adjective_at(place)).is_some_and(|(noun, adjective)| agrees(noun, adjective))
    }

    /// Returns whether a greeting that is used as one word starts there: `un buenos días`.
    fn is_greeting(&self, place: usize) -> bool {
        let is = |place: usize, words: &[&str]| self.joined(place).is_some_and(|token| words.contains(&&*token.lower));
        is(place, &["buenos", "buenas"]) && is(place + 1, &["días", "tardes", "noches"])
    }

    /// Returns the previous word, if only blanks separate the two.
    fn before(&self, place: usize) -> Option<&str> {
        let joined = place > 0 && self.tokens[place].joined;
        joined.then(|| self.tokens[place - 1].lower.as_str())
    }

    /// Returns the token there, if only blanks separate it from the previous one.
    fn joined(&self, place: usize) -> Option<&Token> {
        self.tokens.get(place).filter(|token| token.joined && !token.is_name)
    }

    fn noun_at(&self, place: usize) -> Option<Noun> {
        words::noun(&self.joined(place)?.lower)
    }

    fn adjective_at(&self, place: usize) -> Option<Adjective> {
        words::adjective(&self.joined(place)?.lower)
    }
}

fn determiner(word: &str) -> Option<Determiner> {
    use Gender::{Feminine, Masculine};
    use Number::{Plural, Singular};
    let number = |number| Form { gender: None, number: Some(number) };
    let (form, before) = match word {
        "el" | "un" | "del" | "al" | "algún" | "ningún" => (Form::new(Masculine, Singular), Before::Noun),
        "mi" | "tu" | "su" | "cada" => (number(Singular), Before::Noun),
        "mis" | "tus" | "sus" => (number(Plural), Before::Noun),
        "la" => (Form::new(Feminine, Singular), Before::NounOrVerb),
        "los" => (Form::new(Masculine, Plural), Before::NounOrVerb),
        "las" => (Form::new(Feminine, Plural), Before::NounOrVerb),
        "este" | "ese" | "aquel" | "nuestro" | "vuestro" | "otro" => (Form::new(Masculine, Singular), Before::Anything),
        "una" | "esta" | "esa" | "aquella" | "nuestra" | "vuestra" | "otra" | "alguna" | "ninguna" => {
            (Form::new(Feminine, Singular), Before::Anything)
        }
        "unos" | "estos" | "esos" | "aquellos" | "nuestros" | "vuestros" | "otros" | "algunos" | "muchos" | "pocos"
        | "varios" | "tantos" | "cuántos" | "ambos" => (Form::new(Masculine, Plural), Before::Anything),
        "unas" | "estas" | "esas" | "aquellas" | "nuestras" | "vuestras" | "otras" | "algunas" | "muchas" | "pocas"
        | "varias" | "tantas" | "cuántas" | "ambas" => (Form::new(Feminine, Plural), Before::Anything),
        _ => return None,
    };
    Some(Determiner { form, before })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<String> {
        check(text).disagreements.iter().map(|found| format!("{} {}", found.first, found.second)).collect()
    }

    #[test]
    fn good_spanish_is_left_alone() {
        for text in [
            "El agua fría y el alma tranquila, las aguas frías y un arma vieja.",
            "La mano, el día, el mapa, el problema, la foto, el policía, la policía, la moto y el clima.",
            "Me quedo en casa tranquilo y espero la vacuna contento.",
            "La llamo mañana, las cuento y los cuida la vecina.",
            "Entre todos la cuidamos y entre todos las ponemos.",
            "Todas las familias y toda la cuadra, todos los días.",
            "Los vacuna la enfermera y la espero en la puerta.",
            "El centro de la ciudad más cercano queda cerca.",
            "El agua y el jabón necesarios están en la mesa.",
            "La vacuna es gratuita y la fila está corta.",
            "Usar la mascarilla es sencillo. Cuidar la piel es bueno.",
            "Una buena noticia, los últimos días, nuestro primer paso, mi gran amiga.",
            "El lunes, los lunes, la crisis, las crisis, un virus, dos dosis.",
            "Al cuidarla y al ponérsela, al llegar, al final.",
            "El que cuida, la que ayuda, lo bueno, lo mejor, el doce.",
            "Este ayuda a otro y otra ayuda a esta.",
            "Abre la puerta rápido y haz la fila temprano.",
            "Salimos a la calle vacunados y vamos a la plaza juntos.",
            "La salud es primero y la gente mayor también.",
            "En el Tolima y la Amazonas, con el Carmen.",
            "Una atención médica oportuna y una salud pública fuerte.",
            "Las personas mayores, los abuelos felices, las noches largas.",
            "El paraguas, los paraguas, el cumpleaños, los rompecabezas.",
            "La capital y el capital, la orden y el orden, el cura y la cura.",
            "El calendario, un diploma, este idioma, nuestros planetas.",
            "Su cuidado, sus cuidados, cada día, cada jornada.",
            "Vamos al puesto del barrio a él. Llega a El Carmen de El Salvador.",
        ] {
            assert_eq!(pairs(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn words_that_do_not_agree_are_found() {
        for (text, expected) in [
            ("El vacuna llegó.", "el vacuna"),
            ("Hoy abre la consultorio.", "la consultorio"),
            ("Nos cuida la brazo amigo.", "la brazo"),
            ("Con los familia.", "los familia"),
            ("Por la barrio.", "la barrio"),
            ("Un noticia buena.", "un noticia"),
            ("Una día más.", "una día"),
            ("El mano amiga.", "el mano"),
            ("Nuestra pueblo despierta.", "nuestra pueblo"),
            ("Este semana vamos.", "este semana"),
            ("Estas días de sol.", "estas días"),
            ("Una problema menos.", "una problema"),
            ("Sus vacuna al día.", "sus vacuna"),
            ("Mi vacunas al día.", "mi vacunas"),
            ("Cada vacunas cuenta.", "cada vacunas"),
            ("Voy al farmacia.", "al farmacia"),
            ("La vacuna nuevo llegó.", "vacuna nuevo"),
            ("Los días largas pasan.", "días largas"),
            ("Una salud público fuerte.", "salud público"),
            ("El agua frío moja.", "agua frío"),
            ("Este agua moja.", "este agua"),
            ("Las agua corren.", "las agua"),
            ("Una nuevo semana empieza.", "una nuevo"),
            ("La pequeño semana.", "la pequeño"),
            ("Los buenas noticias.", "los buenas"),
            ("La vacuna es gratuito.", "vacuna gratuito"),
            ("Los abuelos están tranquilas.", "abuelos tranquilas"),
            ("El puesto está muy cercana.", "puesto cercana"),
            ("Todos las familias.", "todos las"),
            ("La policía es amables.", "policía amables"),
            ("Los mejor días.", "mejor días"),
            ("Vamos a el puesto.", "a el"),
            ("La puerta de el vecino.", "de el"),
        ] {
            assert!(pairs(text).iter().any(|pair| pair == expected), "{text}: {:?}", check(text));
        }
    }

    #[test]
    fn a_finding_says_where_and_how_it_differs() {
        let text = "Hoy la brazo.";
        let found = check(text).disagreements.remove(0);
        assert_eq!(&text[found.range], "la brazo");
        assert_eq!(
            (found.first_form.as_str(), found.second_form.as_str()),
            ("feminine singular", "masculine singular")
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_checked(text in "([a-zñáé]{1,7} ?|el |la |los |[.,#¿!] ?|es ){0,30}") {
            check(&text);
        }
    }
}
