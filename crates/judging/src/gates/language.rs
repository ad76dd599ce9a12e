//! Gate `language`: a Spanish-speaking bot writes Spanish.
//!
//! Trigram detection (whatlang) errs on short texts, so it never decides alone: the gate also counts function words and
//! letters that only one language has, and a text that shows nothing foreign passes.

use whatlang::{Detector, Lang, Script};

use super::{Gate, Reading, quote, reject};
use pregonero_text::tweet_text::without;
use pregonero_tweet::GateVerdict;

pub(super) const NAME: &str = "language";

/// Function words by language, in lower case with their accents. Words of two languages are listed under
/// both and count for neither.
const LITTLE_WORDS: &[(Lang, &str)] = &[
    (
        Lang::Spa,
        "el la los las un una unos unas de del al a en con por para sin sobre y e o u ni pero que qué quien quién como cómo \
         cuando cuándo donde dónde si sí no ya muy más me te se nos lo le les mi tu su mis tus sus yo tú él ella ellos \
         nosotros ustedes usted es son era fue ser estar está están estoy estamos he ha han hay hoy ayer mañana porque \
         también esto este esta estos estas ese esa eso todo todos toda todas nada bien así hasta desde entre cada vamos \
         gracias buenos buenas días hola día hace tengo tiene tienen soy eres somos vacuna quiero puede favor",
    ),
    (
        Lang::Eng,
        "the of and to in is are a me no was were be been that this these those it its for with on at by from you your we they he \
         she his her their our my not but have has had will would can could should do does did what who which when where \
         why how there here just about all if so than then more i'm don't it's",
    ),
    (
        Lang::Por,
        "o os um uma não são do da dos das em no na nos nas a e que de se te me por estamos este esta pelo pela com para você vocês ele ela isso isto foi estão \
         também mas muito mais já até então seu sua seus suas meu minha eu quem tem têm sem ser ao aos à às bem obrigado \
         hoje amanhã ontem depois ainda porquê quando vacinação vacina",
    ),
    (
        Lang::Cat,
        "el els les amb per és són i o la de a en que no es se me te mi si com vacuna hola favor nos però què quan on això aquest aquesta aquests tot tots totes molt més també dels del \
         als hi ha han hem jo tu ell ella nosaltres avui demà ahir perquè sense fins des cada bé gràcies bon dia una un \
         fer estic està seva seu l'",
    ),
    (
        Lang::Ita,
        "il lo gli le la a e o se in no te me tu era per sono di del della dei delle degli che è sono e per con non un una uno ma anche più questo questa questi \
         queste nel nella sul sulla al alla ai dal dalla io noi voi loro mi ti si ci vi ho hai ha abbiamo hanno oggi domani \
         ieri perché come quando dove grazie tutto tutti molto bene essere stato",
    ),
    (
        Lang::Fra,
        "le les la de en que se me te es on des du et est sont dans pour pas que qui une un avec sur ce cette ces il elle nous vous ils je tu mais où \
         ou plus aussi très bien être avoir au aux l' d' c' j' n' qu' aujourd'hui demain merci tout tous",
    ),
];

/// Letters that Spanish does not use in its own words.
const FOREIGN_LETTERS: &str = "ãõçàèìòùêôâîûëïœ";

/// With fewer words than this, trigrams are not reliable.
const FEWEST_WORDS: usize = 4;

#[derive(Debug)]
pub(super) struct Language {
    detector: Detector,
}

impl Language {
    pub(super) fn spanish() -> Self {
        let languages = LITTLE_WORDS.iter().map(|(language, _)| *language).chain([Lang::Deu]).collect();
        Self { detector: Detector::with_allowlist(languages) }
    }

    /// Returns why the text does not seem to be Spanish.
    fn objection(&self, prose: &str) -> Option<String> {
        if let Some(script) = foreign_script(prose) {
            return Some(format!("it is written in {script} letters: {}", quote(prose)));
        }
        let lower = prose.to_lowercase();
        let words: Vec<&str> = lower
            .split(|character: char| !(character.is_alphabetic() || matches!(character, '\'' | '’')))
            .filter(|word| !word.is_empty())
            .collect();
        let (other, foreign, own) = strongest_other(&words, &lower);
        let detected = self.detector.detect(&lower);
        let by_trigrams = detected.as_ref().filter(|info| info.lang() != Lang::Spa && words.len() >= FEWEST_WORDS);
        let language = if foreign >= 2 && foreign > own {
            other
        } else if let Some(info) = by_trigrams
            && (foreign > own || (own == 0 && info.is_reliable()))
        {
            info.lang()
        } else {
            return None;
        };
        Some(format!("it reads as {}, not Spanish: {}", language.eng_name(), quote(prose)))
    }
}

impl Gate for Language {
    fn name(&self) -> &'static str {
        NAME
    }

    fn verdict(&self, reading: &Reading<'_>) -> GateVerdict {
        let body = &reading.body;
        let prose = without(&body.text, &[&body.urls, &body.mentions, &body.hashtags, &body.cashtags]);
        self.objection(&prose).map_or_else(|| GateVerdict::pass(NAME), |reason| reject(NAME, reason))
    }
}

fn list(language: Lang) -> impl Iterator<Item = &'static str> {
    LITTLE_WORDS.iter().filter(move |(own, _)| *own == language).flat_map(|(_, words)| words.split_whitespace())
}

/// Counts the words that are function words of one language and not of the other.
fn only_in(language: Lang, other: Lang, words: &[&str]) -> usize {
    let is_of = |language, word: &str| list(language).any(|own| own == word);
    words.iter().filter(|word| is_of(language, word) && !is_of(other, word)).count()
}

/// Returns the other language that fits best, with the number of signs of it alone and of Spanish alone.
fn strongest_other(words: &[&str], lower: &str) -> (Lang, usize, usize) {
    let has_foreign_letter = |word: &&&str| word.contains(|letter| FOREIGN_LETTERS.contains(letter));
    let letters = words.iter().filter(has_foreign_letter).count();
    // A single one may be a place name.
    let letters = if letters == 1 && words.len() > 1 { 0 } else { letters };
    let elided = ["l'", "l’", "d'", "d’"].iter().map(|elision| lower.matches(elision).count()).sum::<usize>();
    let spanish_letters = usize::from(lower.contains(['ñ', '¿', '¡']));
    let against_spanish = |language: Lang| {
        let marks = if language == Lang::Eng { 0 } else { letters };
        let elisions = if matches!(language, Lang::Cat | Lang::Fra | Lang::Ita) { elided } else { 0 };
        let foreign = only_in(language, Lang::Spa, words) + marks + elisions;
        (language, foreign, only_in(Lang::Spa, language, words) + spanish_letters)
    };
    let others = LITTLE_WORDS.iter().map(|(language, _)| *language).filter(|language| *language != Lang::Spa);
    let strongest = others.map(against_spanish).max_by_key(|(_, foreign, own)| *foreign as i64 - *own as i64);
    strongest.expect("there are other languages than Spanish")
}

/// Returns the name of another script if at least a third of the letters are not Latin.
fn foreign_script(prose: &str) -> Option<String> {
    let letters = prose.chars().filter(|character| character.is_alphabetic());
    let (mut latin, mut other) = (0usize, 0usize);
    for letter in letters {
        let is_latin = matches!(letter, 'a'..='z' | 'A'..='Z' | '\u{aa}' | '\u{ba}' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
        *(if is_latin { &mut latin } else { &mut other }) += 1;
    }
    let foreign = other > 0 && other * 2 >= latin;
    let script = whatlang::detect_script(prose).filter(|script| *script != Script::Latin);
    foreign.then(|| script.map_or_else(|| "other".to_owned(), |script| script.name().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::verdict_of;
    use super::*;
    use pregonero_tweet::Verdict::{Pass, Reject};

    #[test]
    fn spanish_passes_however_short() {
        for text in [
            "Hola",
            "¡Vamos!",
            "Buenos días",
            "jajajaja",
            "Qué calor",
            "Me vacuné hoy",
            "Feliz navidad familia",
            "No puede ser",
            "Gol gol gol",
            "La vacuna ya llegó a mi pueblo y estamos felices.",
            "Ojalá mañana no llueva",
            "Tremendo partidazo",
            "Amo el rock and roll",
            "Vi The Office toda la noche",
            "En el día de hoy, mi mamá recibió su primera dosis",
            "El covid sigue ahí afuera",
            "Bogotá Medellín Cali",
            "São Paulo es una ciudad enorme",
            "😂😂😂",
            "#YoMeVacuno",
            "",
        ] {
            assert_eq!(verdict_of(&Language::spanish(), text), GateVerdict::pass(NAME), "{text}");
        }
    }

    #[test]
    fn other_languages_are_rejected_and_named() {
        let cases = [
            ("The vaccine is here and we are happy", "English"),
            ("I don't know what to do", "English"),
            ("This is not the end", "English"),
            ("A vacina já chegou e nós estamos muito felizes", "Portuguese"),
            ("Não sei o que fazer", "Portuguese"),
            ("Hoje é um dia muito bom para você", "Portuguese"),
            ("La vacuna és molt important per a tots nosaltres", "Catalan"),
            ("Avui fa molt bon dia, però demà plourà", "Catalan"),
            ("Il vaccino è arrivato e noi siamo molto felici", "Italian"),
            ("Non so che cosa fare oggi", "Italian"),
            ("Le vaccin est arrivé et nous sommes très heureux", "French"),
        ];
        for (text, language) in cases {
            let verdict = verdict_of(&Language::spanish(), text);
            assert_eq!(verdict.verdict, Reject, "{text}");
            assert!(verdict.reason.starts_with(&format!("it reads as {language}, ")), "{text}: {}", verdict.reason);
        }
    }

    #[test]
    fn other_scripts_are_rejected() {
        for text in ["Вакцина уже здесь", "今日はとても良い天気です", "مرحبا بالعالم"]
        {
            let verdict = verdict_of(&Language::spanish(), text);
            assert_eq!(verdict.verdict, Reject, "{text}");
            assert!(verdict.reason.starts_with("it is written in"), "{}", verdict.reason);
        }
        assert_eq!(verdict_of(&Language::spanish(), "La letra π es griega").verdict, Pass);
    }
}
